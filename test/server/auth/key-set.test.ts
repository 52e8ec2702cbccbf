import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SignJWT } from 'jose';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { jwtNamespaceProvider } from '../../../src/server/auth/jwt.js';
import { RecordingLogger } from '../../support/recording-logger.js';

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const ed25519 = generateKeyPairSync('ed25519');
const weakRsa = generateKeyPairSync('rsa', { modulusLength: 1024 });
const jwk = (key: KeyObject) => key.export({ format: 'jwk' }) as Record<string, unknown>;
const otherRsa = generateKeyPairSync('rsa', { modulusLength: 2048 });

const servers = new Set<Server>();
afterEach(async () => {
  vi.restoreAllMocks();
  await Promise.all([...servers].map((server) => new Promise((resolve) => server.close(resolve))));
  servers.clear();
});

/** A provider with the keys of a URL that publishes these, and what it logs. */
async function withKeys(keys: readonly unknown[]) {
  const server = createServer((_, response) => {
    response.writeHead(200, { connection: 'close' }).end(JSON.stringify({ keys }));
  }).listen(0, '127.0.0.1');
  servers.add(server);
  await once(server, 'listening');
  const logger = new RecordingLogger();
  const jwksUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const provider = jwtNamespaceProvider({ jwksUrl, logger });
  const ask = async (token: string) => {
    const grant = await provider({ token, url: '/', headers: {}, remoteAddress: undefined });
    return typeof grant === 'string' ? grant : grant?.namespace;
  };
  return { ask, logger };
}

const signed = (alg: string, key: KeyObject, header: Record<string, unknown> = {}, exp = 4_000_000_000) =>
  new SignJWT({ sub: 'alice', exp }).setProtectedHeader({ alg, ...header }).sign(key);

describe('a key that cannot be used does not spoil the others', () => {
  const good = jwk(rsa.publicKey);
  const unusable: [string, unknown][] = [
    ['of a type that is unknown', { kty: 'XYZ', x: 'abc' }],
    ['without a type', { ...good, kty: undefined }],
    ['that is a secret', { kty: 'oct', k: 'c2VjcmV0' }],
    ['of fewer than 2,048 bits', jwk(weakRsa.publicKey)],
    ['that is private', jwk(otherRsa.privateKey)],
    ['without its modulus', { ...good, n: undefined }],
    ['whose modulus is no text', { ...good, n: 42 }],
    ['whose modulus is no Base64', { ...good, n: '!!!' }],
    ['of a curve that is unknown', { kty: 'EC', crv: 'P-0', x: 'AA', y: 'AA' }],
    ['for encryption', { ...jwk(otherRsa.publicKey), use: 'enc' }],
    ['for other operations', { ...jwk(otherRsa.publicKey), key_ops: ['encrypt'] }],
    ['whose operations are no list', { ...jwk(otherRsa.publicKey), key_ops: 'verify' }],
    ['that is null', null],
    ['that is a text', 'key'],
    ['that is a list', []],
  ];

  test.each(unusable)('one %s: a token without a key id gets in, whichever comes first', async (_, bad) => {
    for (const keys of [
      [bad, good],
      [good, bad],
      [bad, jwk(otherRsa.publicKey), good],
    ]) {
      const { ask } = await withKeys(keys);
      expect(await ask(await signed('RS256', rsa.privateKey))).toBe('user:alice');
    }
  });

  test.each(unusable)('one %s under the same key id', async (_, bad) => {
    const isObject = typeof bad === 'object' && bad !== null && !Array.isArray(bad);
    const { ask } = await withKeys([isObject ? { ...bad, kid: '1' } : bad, { ...good, kid: '1' }]);
    expect(await ask(await signed('RS256', rsa.privateKey, { kid: '1' }))).toBe('user:alice');
  });

  test('and a token that names it is refused, as one whose key is not published', async () => {
    const { ask, logger } = await withKeys([{ ...jwk(weakRsa.publicKey), kid: 'weak' }, good]);
    expect(await ask(await signed('RS256', rsa.privateKey, { kid: 'weak' }))).toBeUndefined();
    expect(logger.entries.map(({ context }) => context?.why)).toEqual(['the issuer publishes no key for it']);
  });

  test('a key set of every kind serves tokens of every algorithm', async () => {
    const { ask } = await withKeys([
      ...unusable.map(([, key]) => key),
      good,
      jwk(p256.publicKey),
      jwk(ed25519.publicKey),
    ]);
    expect(await ask(await signed('RS256', rsa.privateKey))).toBe('user:alice');
    expect(await ask(await signed('PS256', rsa.privateKey))).toBe('user:alice');
    expect(await ask(await signed('ES256', p256.privateKey))).toBe('user:alice');
    expect(await ask(await signed('EdDSA', ed25519.privateKey))).toBe('user:alice');
  });
});

describe('the signature checks of one token', () => {
  const verifications = () => vi.spyOn(crypto.subtle, 'verify');

  test('are at most 16, however many keys fit; of more than that, the token has to name one', async () => {
    const keys = Array.from({ length: 40 }, () =>
      jwk(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey),
    );
    const { ask, logger } = await withKeys([...keys, { ...jwk(p256.publicKey), kid: 'mine' }]);
    const checks = verifications();
    expect(await ask(await signed('ES256', p256.privateKey))).toBeUndefined();
    expect(checks.mock.calls.length).toBe(16);
    expect(logger.entries.at(-1)?.context?.why).toBe(
      'it names no key (`kid`), and the issuer publishes more than 16 that could be it',
    );
    checks.mockClear();
    expect(await ask(await signed('ES256', p256.privateKey, { kid: 'mine' }))).toBe('user:alice');
    expect(checks.mock.calls.length).toBe(1);
  });

  test('end with the key that fits: an expired token is not tried with the next', async () => {
    const { ask, logger } = await withKeys([
      jwk(p256.publicKey),
      jwk(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey),
    ]);
    const checks = verifications();
    expect(await ask(await signed('ES256', p256.privateKey, {}, 1))).toBeUndefined();
    expect(checks.mock.calls.length).toBe(1);
    expect(logger.entries.at(-1)?.context?.why).toBe('it has expired');
  });

  test('count a key once that is published many times', async () => {
    const { ask } = await withKeys(Array.from({ length: 40 }, () => jwk(p256.publicKey)));
    const checks = verifications();
    const forger = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    expect(await ask(await signed('ES256', forger.privateKey))).toBeUndefined();
    expect(checks.mock.calls.length).toBe(1);
  });
});
