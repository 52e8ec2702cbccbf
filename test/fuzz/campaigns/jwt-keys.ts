import { constants, createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What signs: the three that are published, and those that only a forger would use. */
export type Algorithm = 'RS256' | 'ES256' | 'EdDSA';

export interface Issuer {
  readonly url: string;
  /** Texts that a forger may take for a shared secret: they are public. */
  readonly published: readonly string[];
  /** A token by the issuer, or with `forger` by somebody with keys of their own. */
  token(header: object, claims: object | string, algorithm: Algorithm, forger?: boolean): string;
  close(): Promise<void>;
}

/** Signs with keys that it publishes (RFC 7517) on a free port. */
export async function startIssuer(): Promise<Issuer> {
  const [own, foreign] = [keys(), keys()];
  const jwks = JSON.stringify({
    keys: Object.entries(own).map(([alg, { publicKey }]) => ({
      ...publicKey.export({ format: 'jwk' }),
      kid: `key-${alg}`,
      alg,
      use: 'sig',
    })),
  });
  const server = createServer((_, response) => response.end(jwks)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`,
    published: [
      jwks,
      ...Object.values(own).map(({ publicKey }) => String(publicKey.export({ format: 'pem', type: 'spki' }))),
      '',
      'secret',
    ],
    token(header, claims, algorithm, forger = false) {
      const signed = signedPart(header, claims);
      const { privateKey } = (forger ? foreign : own)[algorithm];
      return `${signed}.${signature(Buffer.from(signed), algorithm, privateKey)}`;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Header and claims; claims that are a text are taken as they are. */
export function signedPart(header: object, claims: object | string): string {
  const text = typeof claims === 'string' ? claims : JSON.stringify(claims);
  return [JSON.stringify(header), text].map((part) => Buffer.from(part).toString('base64url')).join('.');
}

export function hmac(hash: string, secret: string, signed: string): string {
  return createHmac(hash, secret).update(signed).digest('base64url');
}

function keys(): Record<Algorithm, { publicKey: KeyObject; privateKey: KeyObject }> {
  return {
    RS256: generateKeyPairSync('rsa', { modulusLength: 2048 }),
    ES256: generateKeyPairSync('ec', { namedCurve: 'prime256v1' }),
    EdDSA: generateKeyPairSync('ed25519'),
  };
}

function signature(bytes: Buffer, algorithm: Algorithm, key: KeyObject): string {
  switch (algorithm) {
    case 'RS256':
      return sign('sha256', bytes, { key, padding: constants.RSA_PKCS1_PADDING }).toString('base64url');
    case 'ES256':
      return sign('sha256', bytes, { key, dsaEncoding: 'ieee-p1363' }).toString('base64url');
    case 'EdDSA':
      return sign(null, bytes, key).toString('base64url');
  }
}
