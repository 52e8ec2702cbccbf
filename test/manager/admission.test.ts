import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { WsManagerConfig } from '../../src/manager/types.js';
import { WebSocketManager } from '../../src/manager/web-socket-manager.js';
import { FakeClient } from '../support/fake-client.js';
import { FakeClock } from '../support/fake-clock.js';

const GLOBAL = { code: 4503, reason: 'Connection limit reached' };
const NAMESPACE = { code: 4503, reason: 'Namespace connection limit reached' };

/** A manager that has `total` clients, `ofNamespace` of them in the namespace `a` and no two others in one. */
function managerWith(config: WsManagerConfig, total: number, ofNamespace: number): WebSocketManager {
  const manager = new WebSocketManager(config, undefined, new FakeClock());
  for (let index = 0; index < total; index++) {
    const namespace = index < ofNamespace ? 'a' : `other:${index}`;
    expect(manager.addClient(new FakeClient(), { namespace })).toBe(true);
  }
  return manager;
}

test.each([
  {
    total: 0,
    ofNamespace: 0,
    max: 10,
    maxOfNamespace: 5,
    refusal: undefined,
    says: 'an empty server admits',
  },
  {
    total: 9,
    ofNamespace: 4,
    max: 10,
    maxOfNamespace: 5,
    refusal: undefined,
    says: 'the last slot is given',
  },
  { total: 10, ofNamespace: 0, max: 10, maxOfNamespace: 5, refusal: GLOBAL, says: 'a full server refuses' },
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
  { total: 0, ofNamespace: 0, max: 10, maxOfNamespace: 0, refusal: NAMESPACE, says: 'a namespace 0 neither' },
])('$says ($total of $max, $ofNamespace of $maxOfNamespace)', (row) => {
  const config = { maxConnections: row.max, maxConnectionsPerNamespace: row.maxOfNamespace };
  const manager = managerWith(config, row.total, row.ofNamespace);
  const refusal = manager.limitFor('a');
  if (row.refusal === undefined) expect(refusal).toBeUndefined();
  else expect(refusal).toMatchObject(row.refusal);
  const client = new FakeClient();
  expect(manager.addClient(client, { namespace: 'a' })).toBe(row.refusal === undefined);
  expect(client.closes).toEqual(row.refusal === undefined ? [] : [row.refusal]);
});

test('Infinity is no limit', () => {
  const none = Number.POSITIVE_INFINITY;
  const manager = managerWith({ maxConnections: none, maxConnectionsPerNamespace: none }, 10_200, 10_100);
  expect(manager.limitFor('a')).toBeUndefined();
});

test('as clients are admitted one by one, neither limit is overshot and both are reached', () => {
  const count = fc.integer({ min: 0, max: 20 });
  fc.assert(
    fc.property(count, count, (maxConnections, maxConnectionsPerNamespace) => {
      const manager = managerWith({ maxConnections, maxConnectionsPerNamespace }, 0, 0);
      while (manager.addClient(new FakeClient(), { namespace: 'a' }));
      expect(manager.connectionCount).toBe(Math.min(maxConnections, maxConnectionsPerNamespace));
    }),
  );
});
