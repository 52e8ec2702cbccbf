import { createHmac } from 'node:crypto';

/** The claims of a JWT, by name. */
export type JwtClaims = Readonly<Record<string, unknown>>;

/** RFC 7518 section 3.2: a key for HS256 is as long as its hash. */
export const MIN_JWT_SECRET_BYTES = 32;

/** In words that follow "Expected … to be". */
export const JWT_SECRET_EXPECTED = `at least ${MIN_JWT_SECRET_BYTES} bytes long (RFC 7518 section 3.2; generate one with: openssl rand -hex 32)`;

/** Signs claims with HS256 (RFC 7515, RFC 7519): the token. A secret that is a text is taken as UTF-8. */
export function signJwt(claims: JwtClaims, secret: string | Uint8Array): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`;
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}

/** Returns why `value` is not a secret to sign JWTs with, else `undefined`. */
export function jwtSecretProblem(value: string | Uint8Array): string | undefined {
  return Buffer.byteLength(value) >= MIN_JWT_SECRET_BYTES ? undefined : JWT_SECRET_EXPECTED;
}
