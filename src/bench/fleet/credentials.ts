import { MAX_NAMESPACE_LENGTH } from '../../protocol/identifiers.js';
import type { TokenWay } from '../../protocol/upgrade.js';
import { type JwtClaims, signJwt } from '../../text/jwt.js';

/** Where the tokens of bench's clients come from. */
export type Credentials =
  /** The token is the namespace, as the `dev` provider of `serve` has it. */
  | { readonly kind: 'namespace' }
  /** A text in which `{namespace}`, `{cohort}` and `{i}` are filled in. */
  | { readonly kind: 'template'; readonly template: string }
  /** Known tokens, by index of the namespace; the clients of one share its tokens in turns. */
  | { readonly kind: 'listed'; readonly tokens: readonly (readonly string[])[] }
  /** A JWT (RFC 7519) signed with HS256, made of claims in whose texts the same is filled in. */
  | { readonly kind: 'jwt'; readonly secret: string; readonly claims: JwtClaims };

/** Who a token is for. */
export interface TokenHolder {
  readonly namespace: string;
  /** Index of the namespace in the scenario. */
  readonly namespaceIndex: number;
  readonly cohort: string;
  /** Number of the client within its cohort, from 0. */
  readonly index: number;
}

/**
 * A token that no server takes. A control character is in no namespace, and in no JWT either; a header cannot have one,
 * but it can have a token that is longer than any namespace.
 */
export function badToken(via: TokenWay): string {
  return via === 'header' ? `bad-token-${'x'.repeat(MAX_NAMESPACE_LENGTH)}` : 'bad\u0001token';
}

/** How long a token that bench signs is valid: longer than any run. */
const LIFETIME_S = 24 * 3600;

export function tokenFor(credentials: Credentials, holder: TokenHolder): string {
  switch (credentials.kind) {
    case 'namespace':
      return holder.namespace;
    case 'template':
      return fillIn(credentials.template, holder);
    case 'listed': {
      const tokens = credentials.tokens[holder.namespaceIndex] ?? [];
      return tokens[holder.index % tokens.length] ?? '';
    }
    case 'jwt':
      return jwtFor(credentials.claims, credentials.secret, holder);
  }
}

function fillIn(template: string, { namespace, cohort, index }: TokenHolder): string {
  return template.replace(/\{(namespace|cohort|i)\}/g, (_, name: string) =>
    name === 'namespace' ? namespace : name === 'cohort' ? cohort : String(index),
  );
}

/** A JWT with the holder filled in: issued now, and good for longer than the run unless the claims say otherwise. */
function jwtFor(claims: JwtClaims, secret: string, holder: TokenHolder): string {
  const filled = Object.fromEntries(
    Object.entries(claims).map(([name, value]) => [
      name,
      typeof value === 'string' ? fillIn(value, holder) : value,
    ]),
  );
  const nowS = Math.floor(Date.now() / 1000);
  return signJwt({ iat: nowS, exp: nowS + LIFETIME_S, ...filled }, secret);
}
