import { createPublicKey, type KeyObject } from 'node:crypto';
import { once } from 'node:events';
import * as http from 'node:http';
import * as https from 'node:https';
import {
  createRemoteJWKSet,
  customFetch,
  errors,
  type FetchImplementation,
  type JWKSCacheInput,
  type JWTVerifyGetKey,
  jwksCache,
} from 'jose';
import { distrustReason, isDistrust, messageOf, TRUST_FIX } from '../../protocol/errors.js';

/** How old keys may be before they are fetched again. */
const REFRESH_MS = 600_000;
/** How old they may become while they cannot be fetched; after that nobody is admitted. */
const MAX_AGE_MS = 3_600_000;
/** From one fetch to the next for a key that is not among them. */
const UNKNOWN_KEY_MS = 30_000;
/** From a fetch that failed to the next, whatever for. */
const RETRY_MS = 5000;
/** Shorter than a client waits for the provider, so that it may still be admitted with the old keys. */
const FETCH_MS = 3000;
const MAX_BYTES = 1024 * 1024;

/** What jose hands to its `customFetch`. */
type FetchOptions = Parameters<FetchImplementation>[1];

/** What a key set throws because of the token, and not for want of keys. */
const ABOUT_TOKEN = [errors.JWKSNoMatchingKey, errors.JWKSMultipleMatchingKeys, errors.JOSENotSupported];

/**
 * The keys that an issuer publishes at a URL, fetched when they are needed. How often is bounded, whatever tokens come
 * and whatever the URL answers; while it cannot be fetched, the old keys are used for an hour.
 *
 * @param ca certificates (PEM) to trust in place of those that the process trusts.
 * @param onStale called with the reason why keys that have become old could not be fetched again.
 */
export function issuerKeys(
  url: URL,
  ca: string | undefined,
  onStale: (why: string) => void,
): JWTVerifyGetKey {
  const cache: JWKSCacheInput = {};
  let failure: { readonly error: unknown; readonly retryAtMs: number } | undefined;
  const keySet = createRemoteJWKSet(url, {
    cacheMaxAge: MAX_AGE_MS,
    cooldownDuration: UNKNOWN_KEY_MS,
    timeoutDuration: FETCH_MS,
    [jwksCache]: cache,
    async [customFetch](_href, options) {
      if (failure !== undefined && Date.now() < failure.retryAtMs) throw failure.error;
      try {
        const response = await fetchKeySet(url, options, ca);
        failure = undefined;
        return response;
      } catch (error) {
        failure = { error, retryAtMs: Date.now() + RETRY_MS };
        if (keySet.fresh) onStale(reasonOf(url, error));
        throw error;
      }
    },
  });
  return async (header, token) => {
    if (cache.uat !== undefined && Date.now() >= cache.uat + REFRESH_MS) {
      const refreshed = keySet.reload().catch(() => {});
      // While the URL cannot be fetched, only the first client waits for that.
      if (failure === undefined) await refreshed;
    }
    try {
      return await keySet(header, token);
    } catch (error) {
      if (ABOUT_TOKEN.some((kind) => error instanceof kind)) throw error;
      throw new Error(reasonOf(url, error), { cause: error });
    }
  };
}

/** Fetches a key set of bounded size, and answers with the keys that can be used. */
async function fetchKeySet(
  url: URL,
  { headers, signal }: FetchOptions,
  ca: string | undefined,
): Promise<Response> {
  const request = (url.protocol === 'https:' ? https : http).get(url, {
    headers: Object.fromEntries(headers),
    signal,
    agent: false,
    ...(ca === undefined ? {} : { ca }),
  });
  // Once there is an answer, its errors are those of the answer.
  request.on('error', () => {});
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  try {
    if (response.statusCode !== 200) throw new Error(`expected 200 OK, got ${response.statusCode}`);
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of response as AsyncIterable<Buffer>) {
      bytes += chunk.byteLength;
      if (bytes > MAX_BYTES) throw new Error('expected a key set of at most 1 MiB, got more');
      chunks.push(chunk);
    }
    try {
      return Response.json(usableKeys(Buffer.concat(chunks).toString()));
    } catch {
      throw new Error('the answer is not a JSON Web Key Set (RFC 7517)');
    }
  } finally {
    // What is left of an answer is not waited for.
    request.destroy();
  }
}

/** Which keys cannot be fetched, and why; nothing of the query of the URL. */
function reasonOf({ origin, pathname }: URL, error: unknown): string {
  const why = isDistrust(error) ? `${distrustReason(messageOf(error))}. ${TRUST_FIX}` : messageOf(error);
  return `The keys at ${origin}${pathname} cannot be fetched: ${why}`;
}

/** A JSON Web Key, reduced to what verifying takes. */
type PublicJwk = Readonly<Record<string, string>>;

/** Keys that a token without a key id is tried with: each costs a signature check, even for a forged token. */
export const MAX_CANDIDATE_KEYS = 16;

const PARAMETERS = ['kty', 'crv', 'n', 'e', 'x', 'y'] as const;

/** The algorithms that a public key verifies; none for a key that is too weak, or of an unsupported type or curve. */
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
  // A published private key proves nothing.
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
