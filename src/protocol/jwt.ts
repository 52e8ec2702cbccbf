import { createHmac } from 'node:crypto';

/** The claims of a JWT, by name. */
export type JwtClaims = Readonly<Record<string, unknown>>;

/** Signs claims with HS256 (RFC 7515, RFC 7519): the token. The secret is taken as UTF-8. */
export function signJwt(claims: JwtClaims, secret: string): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`;
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}
