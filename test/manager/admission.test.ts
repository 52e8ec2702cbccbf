import fc from 'fast-check';
import { expect, test } from 'vitest';
import { refusalFor } from '../../src/manager/admission.js';

const GLOBAL = { code: 4503, reason: 'Connection limit reached' };
const NAMESPACE = { code: 4503, reason: 'Namespace connection limit reached' };

test.each([
  { total: 0, ofNamespace: 0, max: 10, maxOfNamespace: 5, refusal: undefined, says: 'an empty place admits' },
  {
    total: 9,
    ofNamespace: 4,
    max: 10,
    maxOfNamespace: 5,
    refusal: undefined,
    says: 'the last slot is given',
  },
  { total: 10, ofNamespace: 0, max: 10, maxOfNamespace: 5, refusal: GLOBAL, says: 'a full place refuses' },
  {
    total: 11,
    ofNamespace: 0,
    max: 10,
    maxOfNamespace: 5,
    refusal: GLOBAL,
    says: 'an overfull place refuses',
  },
  {
    total: 5,
    ofNamespace: 5,
    max: 10,
    maxOfNamespace: 5,
    refusal: NAMESPACE,
    says: 'a full namespace refuses',
  },
  {
    total: 10,
    ofNamespace: 5,
    max: 10,
    maxOfNamespace: 5,
    refusal: GLOBAL,
    says: 'the global limit is first',
  },
  { total: 0, ofNamespace: 0, max: 0, maxOfNamespace: 5, refusal: GLOBAL, says: 'a global 0 admits nobody' },
  {
    total: 0,
    ofNamespace: 0,
    max: 10,
    maxOfNamespace: 0,
    refusal: NAMESPACE,
    says: 'a 0 for all namespaces too',
  },
])('$says ($total of $max, $ofNamespace of $maxOfNamespace)', (row) => {
  const limits = { maxConnections: row.max, maxConnectionsPerNamespace: row.maxOfNamespace };
  const refusal = refusalFor({ total: row.total, ofNamespace: row.ofNamespace }, limits);
  if (row.refusal === undefined) expect(refusal).toBeUndefined();
  else expect(refusal).toMatchObject(row.refusal);
});

test('Infinity is no limit', () => {
  const limits = {
    maxConnections: Number.POSITIVE_INFINITY,
    maxConnectionsPerNamespace: Number.POSITIVE_INFINITY,
  };
  expect(refusalFor({ total: 1e9, ofNamespace: 1e9 }, limits)).toBeUndefined();
});

test('whoever is admitted one by one, neither limit is ever overshot and both are reached', () => {
  const count = fc.integer({ min: 0, max: 20 });
  fc.assert(
    fc.property(count, count, (maxConnections, maxConnectionsPerNamespace) => {
      let total = 0;
      while (
        refusalFor({ total, ofNamespace: total }, { maxConnections, maxConnectionsPerNamespace }) ===
        undefined
      ) {
        total += 1;
      }
      expect(total).toBe(Math.min(maxConnections, maxConnectionsPerNamespace));
    }),
  );
});
