import {
  createHmac,
  createPrivateKey,
  createSecretKey,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, type JWK, SignJWT, UnsecuredJWT } from 'jose';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { type JwtProviderOptions, jwtNamespaceProvider } from '../../../src/server/auth/jwt.js';
import { signJwt } from '../../../src/text/jwt.js';
import { RecordingLogger } from '../../support/recording-logger.js';
import { selfSignedCertificate } from '../../support/self-signed.js';

const SECRET = 'a secret of thirty-two bytes, not one less';
const nowS = () => Math.floor(Date.now() / 1000);
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const otherRsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const ed25519 = generateKeyPairSync('ed25519');

const pem = (key: KeyObject) => key.export({ type: 'spki', format: 'pem' }).toString();
const signed = (
  alg: string,
  key: KeyObject,
  claims: Record<string, unknown> = { sub: 'alice' },
  header: Record<string, unknown> = {},
) => new SignJWT(claims).setProtectedHeader({ alg, ...header }).sign(key);

/** What a provider with these options says of a token, and what it logs. */
async function ask(options: JwtProviderOptions, token: string | undefined) {
  const logger = new RecordingLogger();
  const provider = jwtNamespaceProvider({ ...options, logger });
  const answer = await provider({ token, url: `/?token=${token}`, headers: {}, remoteAddress: undefined });
  return { answer, why: logger.entries.map(({ context }) => context?.why) };
}

const granted = (namespace: string) => ({ answer: { namespace, expiresAtMs: undefined }, why: [] });
const refused = (why: string | RegExp) => ({
  answer: undefined,
  why: [typeof why === 'string' ? why : expect.stringMatching(why)],
});

const servers = new Set<Server>();
afterEach(async () => {
  await Promise.all([...servers].map((server) => new Promise((resolve) => server.close(resolve))));
  servers.clear();
  vi.useRealTimers();
});

describe('a token signed with the secret', () => {
  test('lets the client into the namespace of its claims, until it expires', async () => {
    const exp = nowS() + 60;
    const token = signJwt({ sub: 'alice', tid: 't1', exp }, SECRET);
    expect(await ask({ secret: SECRET }, token)).toEqual({
      answer: { namespace: 'user:alice', expiresAtMs: exp * 1000 },
      why: [],
    });
    expect(
      (await ask({ secret: SECRET, namespace: '{tid}/{sub}', clockToleranceMs: 1500 }, token)).answer,
    ).toEqual({
      namespace: 't1/alice',
      expiresAtMs: exp * 1000 + 1500,
    });
  });

  test('may be one that never expires, and its secret may be bytes', async () => {
    expect(await ask({ secret: Buffer.from(SECRET) }, signJwt({ sub: 'alice' }, SECRET))).toEqual(
      granted('user:alice'),
    );
  });

  test.each<[string, Record<string, unknown>, Partial<JwtProviderOptions>, string]>([
    ['has expired', { exp: nowS() - 1 }, {}, 'it has expired'],
    ['is not valid yet', { nbf: nowS() + 60 }, {}, 'it is not valid yet'],
    [
      'has expired for longer than the clocks may differ',
      { exp: nowS() - 60 },
      { clockToleranceMs: 30_000 },
      'it has expired',
    ],
    ['expires at a text', { exp: '9999999999' }, {}, '"exp" claim must be a number'],
    [
      'is of another issuer',
      { iss: 'b' },
      { issuer: 'a' },
      'the claim "iss" does not have the expected value',
    ],
    ['is of no issuer', {}, { issuer: 'a' }, 'the claim "iss" is missing'],
    [
      'is for somebody else',
      { aud: ['b', 'c'] },
      { audience: 'a' },
      'the claim "aud" does not have the expected value',
    ],
    ['is for nobody in particular', {}, { audience: 'a' }, 'the claim "aud" is missing'],
    ['lacks a claim of the template', {}, { namespace: 'tenant:{tid}' }, 'the claim "tid" is missing'],
    ['has an empty claim', { sub: '' }, {}, 'the claim "sub" is empty'],
    ['has a claim that is a number', { sub: 42 }, {}, 'the claim "sub" is not a string'],
    [
      'would be of another tenant',
      { tid: 't1', sub: 'a:user:b' },
      { namespace: 'tenant:{tid}:user:{sub}' },
      'the claim "sub" contains the separator ":"',
    ],
  ])('is refused when it %s, and the log says why', async (_, claims, options, why) => {
    const token = signJwt({ sub: 'alice', ...claims }, SECRET);
    expect(await ask({ secret: SECRET, ...options }, token)).toEqual(refused(why));
  });

  test('is taken while the clocks may differ, and when issuer and audience are the right ones', async () => {
    const claims = { sub: 'alice', iss: 'a', aud: ['x', 'a'], exp: nowS() - 10, nbf: nowS() + 10 };
    const options = { secret: SECRET, issuer: 'a', audience: 'a', clockToleranceMs: 30_000 };
    expect((await ask(options, signJwt(claims, SECRET))).answer).toMatchObject({ namespace: 'user:alice' });
  });

  test('is refused when a byte of it has changed', async () => {
    const token = signJwt({ sub: 'alice' }, SECRET);
    const [header, payload, signature] = token.split('.');
    const others = [
      signJwt({ sub: 'alice' }, `${SECRET}!`),
      [header, Buffer.from('{"sub":"bob"}').toString('base64url'), signature].join('.'),
      [header, payload, Buffer.from('no signature').toString('base64url')].join('.'),
      [header, payload, ''].join('.'),
    ];
    for (const other of others) {
      expect((await ask({ secret: SECRET }, other)).answer, other).toBeUndefined();
    }
  });

  test.each(['', 'x', 'a.b', 'a.b.c', '..', 'a.b.c.d.e', 'e30.e30.e30', '😀', 'x'.repeat(100_000)])(
    'is not %j, and that breaks nothing',
    async (token) => {
      const { answer, why } = await ask({ secret: SECRET }, token);
      expect([answer, why.length]).toEqual([undefined, 1]);
    },
  );

  test('is not what a client without one has, and nothing is logged of it', async () => {
    expect(await ask({ secret: SECRET }, undefined)).toEqual({ answer: undefined, why: [] });
  });
});

describe('a token signed with a private key is verified with the public one', () => {
  test.each<[string, { publicKey: KeyObject; privateKey: KeyObject }]>([
    ['RS256', rsa],
    ['ES256', p256],
    ['EdDSA', ed25519],
    ['Ed25519', ed25519],
  ])('%s', async (alg, { publicKey, privateKey }) => {
    expect(await ask({ publicKey: pem(publicKey) }, await signed(alg, privateKey))).toEqual(
      granted('user:alice'),
    );
  });

  test('of a certificate, too', async () => {
    const { key, cert } = selfSignedCertificate('issuer.example');
    const token = await signed('ES256', createPrivateKey(key));
    expect(await ask({ publicKey: cert }, token)).toEqual(granted('user:alice'));
  });

  test('and not with that of another', async () => {
    const token = await signed('RS256', otherRsa.privateKey);
    expect(await ask({ publicKey: pem(rsa.publicKey) }, token)).toEqual(
      refused('its signature is not valid'),
    );
  });
});

describe('a token cannot choose its algorithm', () => {
  const NOT_ALLOWED = /^it is not signed with (HS256|RS256|ES256|EdDSA or Ed25519)$/;

  test.each(['none', 'None', 'NONE', ''])('%j signs nothing', async (alg) => {
    const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const token = `${part({ alg, typ: 'JWT' })}.${part({ sub: 'alice' })}.`;
    for (const options of [{ secret: SECRET }, { publicKey: pem(rsa.publicKey) }]) {
      expect((await ask(options, token)).answer).toBeUndefined();
    }
    expect(
      (await ask({ secret: SECRET }, new UnsecuredJWT({ sub: 'alice' }).encode())).answer,
    ).toBeUndefined();
  });

  test.each([rsa, p256, ed25519])(
    'the public key is no secret: HS256 with it is refused',
    async ({ publicKey }) => {
      const text = pem(publicKey);
      const jwk = JSON.stringify(await exportJWK(publicKey));
      const der = publicKey.export({ type: 'spki', format: 'der' });
      const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
      for (const key of [text, text.trim(), text.replaceAll('\n', '\r\n'), jwk, der]) {
        for (const [alg, hash] of [
          ['HS256', 'sha256'],
          ['HS384', 'sha384'],
          ['HS512', 'sha512'],
        ] as const) {
          const body = `${part({ alg })}.${part({ sub: 'alice' })}`;
          const token = `${body}.${createHmac(hash, key).update(body).digest('base64url')}`;
          expect(await ask({ publicKey: text }, token)).toEqual(refused(NOT_ALLOWED));
        }
      }
    },
  );

  test('another one of the same family is refused, for the secret and for the keys', async () => {
    const secret = createSecretKey(Buffer.from(SECRET.repeat(2)));
    for (const alg of ['HS384', 'HS512']) {
      expect(await ask({ secret: SECRET.repeat(2) }, await signed(alg, secret))).toEqual(
        refused(NOT_ALLOWED),
      );
    }
    for (const alg of ['RS384', 'RS512', 'PS256']) {
      const token = await signed(alg, rsa.privateKey);
      expect(await ask({ publicKey: pem(rsa.publicKey) }, token)).toEqual(refused(NOT_ALLOWED));
    }
  });

  test('nor bring its own key', async () => {
    const jwk = await exportJWK(otherRsa.publicKey);
    const token = await signed(
      'RS256',
      otherRsa.privateKey,
      { sub: 'alice' },
      { jwk, jku: 'http://127.0.0.1:1/', kid: '1' },
    );
    expect(await ask({ publicKey: pem(rsa.publicKey) }, token)).toEqual(
      refused('its signature is not valid'),
    );
  });

  test('nor ask for an extension that is not understood', async () => {
    const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const body = `${part({ alg: 'HS256', crit: ['exp2'], exp2: 1 })}.${part({ sub: 'alice' })}`;
    const token = `${body}.${createHmac('sha256', SECRET).update(body).digest('base64url')}`;
    expect((await ask({ secret: SECRET }, token)).answer).toBeUndefined();
  });
});

describe('the keys of a URL', () => {
  /** A server of keys that can be changed, and broken. */
  async function publish(keys: JWK[]) {
    const published = { keys, body: undefined as unknown, status: 200, requests: 0, url: '' };
    const server = createServer((_, response) => {
      published.requests += 1;
      response.writeHead(published.status, { 'content-type': 'application/json', connection: 'close' });
      response.end(JSON.stringify(published.body ?? { keys: published.keys }));
    }).listen(0, '127.0.0.1');
    servers.add(server);
    await once(server, 'listening');
    published.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`;
    return published;
  }
  const jwk = async (key: KeyObject, more: JWK = {} as JWK): Promise<JWK> => ({
    ...(await exportJWK(key)),
    ...more,
  });
  const CANNOT_BE_HAD =
    /^The keys at http:\/\/127\.0\.0\.1:\d+\/jwks\.json cannot be fetched: expected 200 OK, got 500$/;
  const asking = (url: string, logger?: RecordingLogger) => {
    const provider = jwtNamespaceProvider({ jwksUrl: url, logger });
    return async (token: string) => provider({ token, url: '/', headers: {}, remoteAddress: undefined });
  };
  const ALICE = { namespace: 'user:alice', expiresAtMs: undefined };

  test('are fetched once for many tokens', async () => {
    const published = await publish([await jwk(rsa.publicKey, { kid: '1' } as JWK)]);
    const provider = asking(published.url);
    const token = await signed('RS256', rsa.privateKey, undefined, { kid: '1' });
    expect(published.requests).toBe(0);
    expect(await Promise.all([provider(token), provider(token), provider(token)])).toEqual([
      ALICE,
      ALICE,
      ALICE,
    ]);
    expect(await provider(token)).toEqual(ALICE);
    expect(published.requests).toBe(1);
  });

  test('are fetched again for a key that is not among them, though not for each such token; one that is gone holds no longer', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const published = await publish([await jwk(rsa.publicKey, { kid: '1' } as JWK)]);
    const provider = asking(published.url);
    const [old, fresh] = [
      await signed('RS256', rsa.privateKey, undefined, { kid: '1' }),
      await signed('ES256', p256.privateKey, undefined, { kid: '2' }),
    ];
    expect(await provider(old)).toEqual(ALICE);
    published.keys = [await jwk(p256.publicKey, { kid: '2' } as JWK)];
    for (let index = 0; index < 5; index++) expect(await provider(fresh)).toBeUndefined();
    expect(published.requests).toBe(1);
    vi.setSystemTime(Date.now() + 31_000);
    expect(await provider(fresh)).toEqual(ALICE);
    expect(await provider(old)).toBeUndefined();
    expect(published.requests).toBe(2);
  });

  test('are fetched again after ten minutes; while that fails the old ones hold for an hour, and the log says why', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const published = await publish([await jwk(rsa.publicKey, { kid: '1' } as JWK)]);
    const logger = new RecordingLogger();
    const provider = asking(published.url, logger);
    const [token, other] = [
      await signed('RS256', rsa.privateKey, undefined, { kid: '1' }),
      await signed('ES256', p256.privateKey, undefined, { kid: '2' }),
    ];
    expect(await provider(token)).toEqual(ALICE);
    published.status = 500;
    vi.setSystemTime(Date.now() + 599_000);
    expect(await provider(token)).toEqual(ALICE);
    expect(published.requests).toBe(1);
    vi.setSystemTime(Date.now() + 2_000);
    for (let index = 0; index < 5; index++) expect(await provider(token)).toEqual(ALICE);
    await expect(provider(other)).rejects.toThrow(CANNOT_BE_HAD);
    expect(published.requests).toBe(2);
    expect(logger.warnings).toEqual([
      {
        level: 'warn',
        message: 'Cannot refresh the keys of the issuer; the old keys stay in use',
        context: { error: expect.stringMatching(CANNOT_BE_HAD) },
      },
    ]);
    vi.setSystemTime(Date.now() + 2_990_000);
    expect(await provider(token)).toEqual(ALICE);
    // The fetch in the background is over, not only asked for.
    await vi.waitFor(() => expect(logger.warnings).toHaveLength(2));
    expect(published.requests).toBe(3);
    vi.setSystemTime(Date.now() + 10_000);
    await expect(provider(token)).rejects.toThrow(CANNOT_BE_HAD);
    expect(published.requests).toBe(4);
    published.status = 200;
    vi.setSystemTime(Date.now() + 6_000);
    expect(await provider(token)).toEqual(ALICE);
  });

  test('that are taken back hold no longer once they have been fetched again', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const published = await publish([await jwk(rsa.publicKey)]);
    const provider = asking(published.url);
    const token = await signed('RS256', rsa.privateKey);
    expect(await provider(token)).toEqual(ALICE);
    published.keys = [];
    vi.setSystemTime(Date.now() + 601_000);
    expect(await provider(token)).toBeUndefined();
  });

  test.each<[string, number, unknown, RegExp]>([
    ['fails', 500, {}, /expected 200 OK, got 500$/],
    ['is no key set', 200, { keys: 'sesame' }, /the answer is not a JSON Web Key Set \(RFC 7517\)$/],
    [
      'has no end',
      200,
      { keys: [], more: 'x'.repeat(1024 * 1024) },
      /expected a key set of at most 1 MiB, got more$/,
    ],
  ])(
    'are asked for once in five seconds while the answer %s, whoever sends how many tokens',
    async (_, status, body, why) => {
      vi.useFakeTimers({ toFake: ['Date'] });
      const published = await publish([await jwk(rsa.publicKey)]);
      Object.assign(published, { status, body });
      const provider = asking(published.url);
      const token = await signed('RS256', rsa.privateKey);
      for (let index = 0; index < 50; index++) await expect(provider(token)).rejects.toThrow(why);
      expect(published.requests).toBe(1);
      vi.setSystemTime(Date.now() + 5_000);
      await expect(provider(token)).rejects.toThrow(why);
      expect(published.requests).toBe(2);
      Object.assign(published, { status: 200, body: undefined });
      vi.setSystemTime(Date.now() + 5_000);
      expect(await provider(token)).toEqual(ALICE);
    },
  );

  test('that cannot be reached are an error that says which and why, and keeps what is in the query of the URL', async () => {
    const provider = asking('http://127.0.0.1:1/keys?key=sesame-sesame');
    const failed = provider(await signed('RS256', rsa.privateKey)) as Promise<unknown>;
    await expect(failed).rejects.toThrow(
      /^The keys at http:\/\/127\.0\.0\.1:1\/keys cannot be fetched: [^?]+$/,
    );
  });

  test('may have several that fit a token without a key id', async () => {
    const published = await publish([await jwk(otherRsa.publicKey), await jwk(rsa.publicKey)]);
    const provider = asking(published.url);
    expect(await provider(await signed('RS256', rsa.privateKey))).toEqual(ALICE);
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    expect(await provider(await signed('RS256', privateKey))).toBeUndefined();
    expect(await provider(await signed('RS256', rsa.privateKey, { sub: 'alice', exp: 1 }))).toBeUndefined();
  });

  test('are no secrets: HS256 is refused, even when a symmetric key is among them', async () => {
    const k = Buffer.from(SECRET).toString('base64url');
    const published = await publish([{ kty: 'oct', k, alg: 'HS256' }, await jwk(rsa.publicKey)]);
    const provider = asking(published.url);
    expect(await provider(signJwt({ sub: 'alice' }, SECRET))).toBeUndefined();
    expect(await provider(signJwt({ sub: 'alice' }, pem(rsa.publicKey)))).toBeUndefined();
  });

  test('are not used for another algorithm than they are for', async () => {
    const published = await publish([await jwk(rsa.publicKey, { alg: 'PS256', kid: '1' } as JWK)]);
    const provider = asking(published.url);
    expect(await provider(await signed('RS256', rsa.privateKey, undefined, { kid: '1' }))).toBeUndefined();
    expect(await provider(await signed('PS256', rsa.privateKey, undefined, { kid: '1' }))).toEqual(ALICE);
  });
});

describe('options that cannot be are refused', () => {
  const weak = generateKeyPairSync('rsa', { modulusLength: 1024 });
  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' });
  test.each<[string, unknown, RegExp]>([
    ['nothing to verify with', {}, /one of `secret`, `publicKey` and `jwksUrl`, got none/],
    ['two things', { secret: SECRET, jwksUrl: 'https://a.example/' }, /got `secret` and `jwksUrl`/],
    [
      'a secret of 31 bytes',
      { secret: 'x'.repeat(31) },
      /Expected `secret` to be at least 32 bytes .*, got \d+ bytes \(hidden, as it may be a secret\)/,
    ],
    ['a secret of 31 bytes in more letters', { secret: Buffer.alloc(31) }, /at least 32 bytes/],
    ['a secret that is no text', { secret: 42 }, /`secret`/],
    [
      'a key that is none',
      { publicKey: 'sesame' },
      /`publicKey` to be a public key or a certificate as PEM, got text that is neither/,
    ],
    [
      'a private key',
      { publicKey: rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }) },
      /got a private one/,
    ],
    [
      'a private key of an older form',
      { publicKey: rsa.privateKey.export({ type: 'pkcs1', format: 'pem' }) },
      /got a private one/,
    ],
    ['a short RSA key', { publicKey: pem(weak.publicKey) }, /2048 bits.*got rsa 1024 bits/],
    ['another curve', { publicKey: pem(p384.publicKey) }, /P-256.*got ec secp384r1/],
    ['a URL that is none', { jwksUrl: 'keys' }, /`jwksUrl` to be an https: URL/],
    [
      'a URL over the network in the clear',
      { jwksUrl: 'http://a.example/keys' },
      /`jwksUrl` to be an https: URL/,
    ],
    ['a URL of a file', { jwksUrl: 'file:///keys' }, /`jwksUrl` to be an https: URL/],
    ['a template without a claim', { secret: SECRET, namespace: 'everybody' }, /namespace template/],
    ['an empty issuer', { secret: SECRET, issuer: '' }, /`issuer`/],
    ['a tolerance that is negative', { secret: SECRET, clockToleranceMs: -1 }, /`clockToleranceMs`/],
  ])('%s', (_, options, message) => {
    expect(() => jwtNamespaceProvider(options as JwtProviderOptions)).toThrow(message);
    try {
      jwtNamespaceProvider(options as JwtProviderOptions);
    } catch (error) {
      expect(String(error)).not.toMatch(/sesame|xxx|PRIVATE/);
    }
  });
});

describe('whom a client stands for', () => {
  const options = { secret: SECRET, actorClaim: 'sub', principalsClaim: 'groups' };

  test.each([
    [
      { sub: 'alice', groups: ['team:a', 'team:b'] },
      { actorId: 'alice', principalIds: ['team:a', 'team:b'] },
    ],
    [
      { sub: 'alice', groups: 'team:a' },
      { actorId: 'alice', principalIds: ['team:a'] },
    ],
    [
      { sub: 'alice', groups: [] },
      { actorId: 'alice', principalIds: [] },
    ],
    [{ sub: 'alice' }, { actorId: 'alice' }],
  ])('is what the claims %j say', async (claims, standsFor) => {
    const { answer } = await ask(options, signJwt(claims, SECRET));
    expect(answer).toEqual({ namespace: 'user:alice', expiresAtMs: undefined, ...standsFor });
  });

  test.each([[[7]], [{}], [7], [['']], [null]])('groups of %j refuse the token', async (groups) => {
    expect(await ask(options, signJwt({ sub: 'alice', groups }, SECRET))).toEqual(
      refused('the claim "groups" is not a list of principals'),
    );
  });

  test.each([[7], [''], [['alice']], [null]])('an actor of %j refuses the token', async (actor) => {
    const named = { ...options, actorClaim: 'actor' };
    expect(await ask(named, signJwt({ sub: 'alice', actor }, SECRET))).toEqual(
      refused('the claim "actor" is not the id of an actor'),
    );
  });

  test('is nobody unless claims are named', async () => {
    const token = signJwt({ sub: 'alice', groups: ['team:a'] }, SECRET);
    expect(await ask({ secret: SECRET }, token)).toEqual(granted('user:alice'));
  });
});
