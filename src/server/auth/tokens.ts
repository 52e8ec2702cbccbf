import { createHmac, randomBytes } from 'node:crypto';
import { invalidOption } from '../../protocol/errors.js';
import { describe } from '../../protocol/identifiers.js';
import { formatAmount } from '../../text/units.js';
import { grantProblem, type NamespaceGrant, type NamespaceProvider, refuse } from './provider.js';

/** What a token is good for: a namespace, or a namespace and whom its client stands for there. */
export type TokenGrant = string | Omit<NamespaceGrant, 'expiresAtMs'>;

/** The namespace that a token is good for. */
export function namespaceOf(grant: TokenGrant): string {
  return typeof grant === 'string' ? grant : grant.namespace;
}

/** The keys of a {@link TokenGrant} that is an object. */
export const TOKEN_GRANT_KEYS = ['namespace', 'actorId', 'principalIds'] as const;

/** Tokens and what each is good for. */
export type TokenMap = Readonly<Record<string, TokenGrant>> | ReadonlyMap<string, TokenGrant>;

/** A {@link NamespaceProvider} whose tokens can be exchanged. */
export interface TokensNamespaceProvider extends NamespaceProvider {
  /**
   * Takes other tokens from here on, for clients that connect; those that are connected stay.
   *
   * @throws {DatafnWsError} `ERR_INVALID_OPTION` as {@link tokensNamespaceProvider}; the old ones stay.
   */
  replace(tokens: TokenMap): void;
}

/** Too long to be guessed, when it is random: 128 bits. */
export const MIN_TOKEN_BYTES = 16;

/** Returns why a text is not a token, in words that follow "expected a token of", else `undefined`. */
export function tokenLengthProblem(token: string, minBytes: number = MIN_TOKEN_BYTES): string | undefined {
  const length = Buffer.byteLength(token);
  return length >= minBytes ? undefined : `at least ${formatAmount(minBytes, 'byte')}, got ${length}`;
}

/**
 * A namespace provider that knows every token: what it does not know is refused.
 *
 * The tokens themselves are not kept, only their HMACs with a key that is made for this provider, and a token is looked
 * up by its own. How long that takes tells of the HMACs at most, which nobody without the key can choose or foresee, so
 * it tells nothing of the tokens: a comparison in constant time, in effect, whatever the number of tokens.
 *
 * @param tokens by token, its namespace, or an object with `namespace`, `actorId` and `principalIds`. A token has at least
 *   16 bytes.
 * @throws {DatafnWsError} `ERR_INVALID_OPTION` for a token that is too short, or one that is good for nothing valid; the
 *   message names the entry by its number, never the token.
 */
export function tokensNamespaceProvider(tokens: TokenMap): TokensNamespaceProvider {
  const key = randomBytes(32);
  const digest = (token: string) => createHmac('sha256', key).update(token).digest('base64');
  let grants = digested(tokens, digest);
  const provider: NamespaceProvider = (request) =>
    request.token === undefined
      ? undefined
      : (grants.get(digest(request.token)) ?? refuse(request, 'the token is not known'));
  return Object.assign(provider, {
    replace(others: TokenMap) {
      grants = digested(others, digest);
    },
  });
}

function digested(tokens: TokenMap, digest: (token: string) => string): ReadonlyMap<string, TokenGrant> {
  if (typeof tokens !== 'object' || tokens === null || Array.isArray(tokens)) {
    throw invalidOption(
      `Expected the tokens to be an object or a Map of token and namespace, got ${describe(tokens)}`,
    );
  }
  const entries: [unknown, unknown][] = tokens instanceof Map ? [...tokens] : Object.entries(tokens);
  return new Map(
    entries.map(([token, grant], index) => {
      if (typeof token !== 'string') throw invalidOption(`Expected token ${index + 1} to be a string`);
      const short = tokenLengthProblem(token);
      if (short !== undefined) throw invalidOption(`Expected token ${index + 1} to have ${short}`);
      return [digest(token), checkedGrant(grant, `token ${index + 1}`)];
    }),
  );
}

function checkedGrant(grant: unknown, ofToken: string): TokenGrant {
  const isObject = typeof grant === 'object' && grant !== null && !Array.isArray(grant);
  const { ...parts } = (isObject ? grant : { namespace: grant }) as Exclude<TokenGrant, string>;
  const isKnown = (key: string) => TOKEN_GRANT_KEYS.some((known) => known === key);
  // `expiresAtMs` among them: without an error, a token would be good for longer than was meant.
  if (!Object.keys(parts).every(isKnown))
    throw invalidOption(
      `Expected ${ofToken} to have no keys but ${TOKEN_GRANT_KEYS.join(', ')}, got another`,
    );
  const wrong = grantProblem(parts);
  if (wrong !== undefined)
    throw invalidOption(`Expected the ${wrong.part} of ${ofToken} to be ${wrong.problem}`);
  return isObject ? structuredClone(parts) : (grant as string);
}
