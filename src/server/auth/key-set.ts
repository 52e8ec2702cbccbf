import { createPublicKey, type KeyObject } from 'node:crypto';

/** A JSON Web Key, reduced to what verifying takes. */
type PublicJwk = Readonly<Record<string, string>>;

/** Keys that a token without a key id is tried with: each costs a signature check, even for a forged token. */
export const MAX_CANDIDATE_KEYS = 16;

const PARAMETERS = ['kty', 'crv', 'n', 'e', 'x', 'y'] as const;

/**
 * Returns the algorithms that a public key verifies tokens of, whatever a token says: none for a key that is too weak,
 * or of a type or curve that is not supported.
 */
export function algorithmsOf({
  asymmetricKeyType: type,
  asymmetricKeyDetails: details,
}: KeyObject): string[] {
  if (type === 'rsa' && Number(details?.modulusLength) >= 2048) return ['RS256', 'PS256'];
  if (type === 'ec' && details?.namedCurve === 'prime256v1') return ['ES256'];
  return type === 'ed25519' ? ['EdDSA', 'Ed25519'] : [];
}

/**
 * Reads a JSON Web Key Set and keeps the keys that can verify a token; RFC 7517 section 5 has the others ignored. A key
 * that is published twice is kept once, so that it is tried once.
 *
 * @throws {SyntaxError} when `text` is not JSON.
 * @throws {TypeError} when it is not a key set.
 */
export function usableKeys(text: string): { readonly keys: readonly PublicJwk[] } {
  const set: unknown = JSON.parse(text);
  const keys = typeof set === 'object' && set !== null && 'keys' in set ? set.keys : undefined;
  if (!Array.isArray(keys)) throw new TypeError('Expected `keys` to be an array');
  const usable = keys.map(usableKey).filter((key) => key !== undefined);
  return { keys: [...new Map(usable.map((key) => [JSON.stringify(key), key])).values()] };
}

function usableKey(value: unknown): PublicJwk | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const jwk: Readonly<Record<string, unknown>> = { ...value };
  // A published private key is in the hands of others: what it signs proves nothing.
  if (jwk.d !== undefined || (jwk.use !== undefined && jwk.use !== 'sig')) return undefined;
  if (jwk.key_ops !== undefined && !(Array.isArray(jwk.key_ops) && jwk.key_ops.includes('verify')))
    return undefined;
  const given = Object.entries(jwk).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  );
  const texts = new Map(given);
  if (jwk.alg !== undefined && !texts.has('alg')) return undefined;
  const pick = (names: readonly string[]): PublicJwk =>
    Object.fromEntries(given.filter(([name]) => names.includes(name)));
  try {
    const key = createPublicKey({ key: pick(PARAMETERS), format: 'jwk' });
    return algorithmsOf(key).length === 0 ? undefined : pick([...PARAMETERS, 'kid', 'alg']);
  } catch {
    return undefined;
  }
}
