import { createHmac, randomBytes } from 'node:crypto';
import { invalidOption } from '../../protocol/errors.js';
import { describe, namespaceProblem } from '../../protocol/identifiers.js';
import { formatAmount } from '../../text/units.js';
import { type NamespaceProvider, refuse } from './provider.js';

/** Tokens and the namespace of each. */
export type TokenMap = Readonly<Record<string, string>> | ReadonlyMap<string, string>;

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
 * @param tokens namespaces by token. A token has at least 16 bytes.
 * @throws {DatafnWsError} `ERR_INVALID_OPTION` for a token that is too short or an invalid namespace; the message
 *   names the entry by its number, never the token.
 */
export function tokensNamespaceProvider(tokens: TokenMap): TokensNamespaceProvider {
  const key = randomBytes(32);
  const digest = (token: string) => createHmac('sha256', key).update(token).digest('base64');
  let namespaces = digested(tokens, digest);
  const provider: NamespaceProvider = (request) =>
    request.token === undefined
      ? undefined
      : (namespaces.get(digest(request.token)) ?? refuse(request, 'the token is not known'));
  return Object.assign(provider, {
    replace(others: TokenMap) {
      namespaces = digested(others, digest);
    },
  });
}

function digested(tokens: TokenMap, digest: (token: string) => string): ReadonlyMap<string, string> {
  if (typeof tokens !== 'object' || tokens === null || Array.isArray(tokens)) {
    throw invalidOption(
      `Expected the tokens to be an object or a Map of token and namespace, got ${describe(tokens)}`,
    );
  }
  const entries: [unknown, unknown][] = tokens instanceof Map ? [...tokens] : Object.entries(tokens);
  return new Map(
    entries.map(([token, namespace], index) => {
      if (typeof token !== 'string') throw invalidOption(`Expected token ${index + 1} to be a string`);
      const short = tokenLengthProblem(token);
      if (short !== undefined) throw invalidOption(`Expected token ${index + 1} to have ${short}`);
      const wrong = namespaceProblem(namespace);
      if (wrong !== undefined)
        throw invalidOption(`Expected the namespace of token ${index + 1} to be ${wrong}`);
      return [digest(token), namespace as string];
    }),
  );
}
