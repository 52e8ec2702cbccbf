import { expect, test, vi } from 'vitest';
import { signJwt } from '../../src/text/jwt.js';
import type { AuthSource } from '../../src/workers/messages.js';
import { workerAuth } from '../../src/workers/namespace-source.js';

const [FIRST, SECOND] = ['a token of sixteen bytes', 'another of sixteen bytes'];
const SECRET = 'a secret of thirty-two bytes, not one less';
const request = (token: string) => ({ token, url: '/', headers: {}, remoteAddress: undefined });

/** As it arrives at a worker: through JSON. */
const sent = (source: AuthSource) => JSON.parse(JSON.stringify(source)) as AuthSource;

test('a worker checks JWTs with the secret that its primary has read', async () => {
  const source: AuthSource = {
    kind: 'jwt',
    options: {},
    secretBase64: Buffer.from(SECRET).toString('base64'),
  };
  const { provider, tokens } = await workerAuth(sent(source), vi.fn());
  const claims = { sub: 'alice', exp: Math.floor(Date.now() / 1000) + 60 };
  expect(await provider?.(request(signJwt(claims, SECRET)))).toMatchObject({ namespace: 'user:alice' });
  expect(await provider?.(request(signJwt(claims, `${SECRET}!`)))).toBeUndefined();
  expect(tokens).toBeUndefined();
});

test('a worker takes the tokens of a file, and others in their place', async () => {
  const source: AuthSource = { kind: 'tokens', tokens: [[FIRST, { namespace: 'user:alice' }]] };
  const { provider, tokens } = await workerAuth(sent(source), vi.fn());
  expect(await provider?.(request(FIRST))).toMatchObject({ namespace: 'user:alice' });
  tokens?.replace(new Map([[SECOND, { namespace: 'user:bob' }]]));
  expect(await provider?.(request(FIRST))).toBeUndefined();
  expect(await provider?.(request(SECOND))).toMatchObject({ namespace: 'user:bob' });
});

test('a worker of a development server has the built-in provider', async () => {
  expect(await workerAuth({ kind: 'dev' }, vi.fn())).toEqual({});
});
