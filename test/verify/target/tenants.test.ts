import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { remoteOf } from '../../../src/verify/target/open.js';
import { givenTenants, madeTenants } from '../../../src/verify/target/tenants.js';

const GIVEN = { bad: undefined, expired: undefined, via: 'query' as const };
const claimsOf = (token = '') => JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());

describe('made tenants', () => {
  test('give each clause namespaces of its own, each the beginning of the next', () => {
    const tenants = madeTenants({ kind: 'namespace' }, 'run', GIVEN);
    const [a, b, c] = [0, 1, 2].map((index) => tenants.at('auth/1', index)?.namespace ?? '');
    expect(b).toMatch(new RegExp(`^${a}.`));
    expect(c).toMatch(new RegExp(`^${b}.`));
    expect(tenants.at('auth/2', 0)?.namespace).not.toBe(a);
    expect(tenants.at('auth/1', 0)).toEqual(tenants.at('auth/1', 0));
  });

  test('sign JWTs, and one that has expired and one with another signature', () => {
    const secret = 'x'.repeat(32);
    const tenants = madeTenants({ kind: 'jwt', secret, claims: { sub: '{namespace}' } }, 'run', GIVEN);
    const tenant = tenants.at('auth/1', 0);
    expect(claimsOf(tenant?.token).sub).toBe(tenant?.namespace);
    expect(claimsOf(tenants.expired).exp).toBeLessThan(Date.now() / 1000);
    expect(claimsOf(tenants.bad).exp).toBeGreaterThan(Date.now() / 1000);
    const [head, body, signature] = tenants.bad.split('.');
    expect(signature).not.toBe(createHmac('sha256', secret).update(`${head}.${body}`).digest('base64url'));
  });
});

test('given tenants are the same for every clause, and end where they end', () => {
  const tenants = givenTenants([{ token: 'a', namespace: 'ns' }], GIVEN);
  expect(tenants.at('auth/1', 0)).toEqual({ token: 'a', namespace: 'ns' });
  expect(tenants.at('cursor/1', 1)).toBeUndefined();
  expect(tenants.areOwn).toBe(false);
});

test.each([
  ['ws://127.0.0.1:3001/datafn/ws', 'http://127.0.0.1:3001/datafn'],
  ['wss://app.example.com/sync/v2/ws?x=1', 'https://app.example.com/sync/v2'],
  ['ws://localhost:1/ws', 'http://localhost:1'],
])('the remote of %s is %s', (url, remote) => {
  expect(remoteOf(url)).toBe(remote);
});
