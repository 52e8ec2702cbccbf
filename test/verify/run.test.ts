import { expect, test } from 'vitest';
import { atOnceIn } from '../../src/verify/run.js';
import { givenTenants, madeTenants } from '../../src/verify/target/tenants.js';

const GIVEN = { bad: undefined, expired: undefined, via: 'query' as const };
const made = madeTenants({ kind: 'namespace' }, 'run', GIVEN);
const given = givenTenants([{ token: 'a', namespace: 'a' }], GIVEN);

test.each([
  ['as many as a large server has room for', made, { namespace: undefined, global: undefined }, 12],
  ['fewer on a small server', made, { namespace: 5, global: 40 }, 2],
  ['one on a tiny server', made, { namespace: 2, global: 3 }, 1],
  ['half of an unknown limit in shared namespaces', given, { namespace: undefined, global: undefined }, 6],
  ['one in a small shared namespace', given, { namespace: 10, global: 500 }, 1],
])('clauses at the same time: %s', (_, tenants, limits, atOnce) => {
  expect(atOnceIn({ tenants, limits })).toBe(atOnce);
});
