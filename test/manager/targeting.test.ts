import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { BroadcastResult } from '../../src/manager/types.js';
import { WebSocketManager } from '../../src/manager/web-socket-manager.js';
import { FakeClient } from '../support/fake-client.js';
import { FakeClock } from '../support/fake-clock.js';

const text = (cursor: string) => `{"type":"cursor","cursor":"${cursor}"}`;

function managerOf(config = {}) {
  return new WebSocketManager({ maxConnectionsPerNamespace: 1000, ...config }, undefined, new FakeClock());
}

function join(manager: WebSocketManager, namespace: string, principalIds?: string[], actorId?: string) {
  const client = new FakeClient();
  manager.addClient(client, { namespace, principalIds, actorId });
  return client;
}

const NAMESPACES = ['a', 'b'];
const PRINCIPALS = ['user:u', 'team:t', 'team:s', 'org:o'];
const ANY_PRINCIPALS = fc.uniqueArray(fc.constantFrom(...PRINCIPALS), { maxLength: 3 });
/** As a server may pass them: twice, with blanks, empty, and of no type at all. */
const untidy = (names: readonly string[]) =>
  names.flatMap((name) => [name, ` ${name} `]).concat('', '  ', 7 as never);

const stepArb = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('join' as const),
      namespace: fc.constantFrom(...NAMESPACES),
      principals: ANY_PRINCIPALS,
      actor: fc.constantFrom(undefined, 'u', 'team:s'),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('leave' as const), at: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('fail' as const), at: fc.nat() }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('broadcast' as const),
      namespace: fc.constantFrom(...NAMESPACES),
      principals: ANY_PRINCIPALS,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('kick' as const),
      principal: fc.constantFrom(...PRINCIPALS),
      namespace: fc.constantFrom(undefined, ...NAMESPACES),
    }),
  },
);

interface Modelled {
  readonly client: FakeClient;
  readonly namespace: string;
  readonly principals: ReadonlySet<string>;
  readonly expected: string[];
}

test('whoever comes, goes, fails and is kicked: a cursor goes to those whom it concerns, or to all where one has no principals', () => {
  fc.assert(
    fc.property(fc.array(stepArb, { maxLength: 80 }), (steps) => {
      const manager = managerOf();
      let present: Modelled[] = [];
      const everybody: Modelled[] = [];
      for (const [index, step] of steps.entries()) {
        if (step.kind === 'join') {
          const client = join(manager, step.namespace, untidy(step.principals), step.actor);
          const principals = new Set(step.principals);
          if (step.actor !== undefined)
            principals.add(step.actor.includes(':') ? step.actor : `user:${step.actor}`);
          const one = { client, namespace: step.namespace, principals, expected: [] };
          present.push(one);
          everybody.push(one);
        } else if (step.kind === 'leave') {
          const [gone] = present.length === 0 ? [] : present.splice(step.at % present.length, 1);
          if (gone !== undefined) manager.removeClient(gone.client);
        } else if (step.kind === 'fail') {
          const one = present[step.at % present.length];
          if (one !== undefined) one.client.sendError = new Error('lost');
        } else if (step.kind === 'kick') {
          const { principal, namespace } = step;
          const isMeant = (one: Modelled) =>
            one.principals.has(principal) && (namespace === undefined || one.namespace === namespace);
          expect(manager.closePrincipal(principal, { namespace })).toBe(present.filter(isMeant).length);
          for (const { client } of present.filter(isMeant))
            expect(client.closes.at(-1)).toEqual({ code: 4403, reason: 'Access revoked' });
          present = present.filter((one) => !isMeant(one));
        } else {
          const cursor = String(index);
          const here = present.filter(({ namespace }) => namespace === step.namespace);
          const isTargeted =
            step.principals.length > 0 &&
            here.length > 0 &&
            here.every(({ principals }) => principals.size > 0);
          const meant = isTargeted
            ? here.filter(({ principals }) => step.principals.some((name) => principals.has(name)))
            : here;
          const failing = meant.filter(({ client }) => client.sendError !== undefined);
          for (const one of meant) if (!failing.includes(one)) one.expected.push(text(cursor));
          const delivered = meant.length - failing.length;
          expect(
            manager.broadcastCursor(cursor, step.namespace, { affectedPrincipals: untidy(step.principals) }),
          ).toEqual({
            delivered,
            failed: failing.length,
            mode: isTargeted ? 'targeted' : 'namespace-broadcast',
            degraded: !isTargeted && step.principals.length > 0 && here.length > 0,
            wokenClients: here.length === 0 ? 0 : isTargeted ? delivered : 'all-in-namespace',
          } satisfies BroadcastResult);
          present = present.filter((one) => !failing.includes(one));
        }
      }
      for (const { client, expected } of everybody) expect(client.sent).toEqual(expected);
      expect(manager.connectionCount).toBe(present.length);
    }),
    { numRuns: 300 },
  );
});

test('a client that leaves during a targeted broadcast gets nothing, and one that comes does not either', () => {
  const manager = managerOf();
  const first = join(manager, 'a', ['team:t']);
  const second = join(manager, 'a', ['team:t', 'team:s']);
  const third = join(manager, 'a', ['team:s']);
  let late: FakeClient | undefined;
  second.onSend = () => {
    manager.removeClient(third);
    late ??= join(manager, 'a', ['team:t', 'team:s']);
  };
  const targeting = { affectedPrincipals: ['team:t', 'team:s'] };
  expect(manager.broadcastCursor('1', 'a', targeting)).toMatchObject({ delivered: 2, wokenClients: 2 });
  expect([first, second, third, late].map((client) => client?.sent.length)).toEqual([1, 1, 0, 0]);
});

test('close() in the middle of a targeted broadcast ends it', () => {
  const manager = managerOf();
  const first = join(manager, 'a', ['team:t']);
  const second = join(manager, 'a', ['team:t', 'team:s']);
  second.onSend = () => manager.close();
  manager.broadcastCursor('1', 'a', { affectedPrincipals: ['team:t', 'team:s'] });
  expect([first.sent.length, second.sent.length]).toEqual([0, 1]);
});

describe('the message', () => {
  const targeting = { affectedPrincipals: ['user:u', ' team:t', 'user:u'] };

  test('is the same with and without principals', () => {
    const manager = managerOf();
    const client = join(manager, 'a', ['user:u']);
    manager.broadcastCursor('1', 'a', targeting);
    manager.broadcastCursor('2', 'a');
    expect(client.sent).toEqual([text('1'), text('2')]);
  });

  test('says whom it was sent to with cursorTargeting, in the order of keys of the DataFn server', () => {
    const manager = managerOf({ cursorTargeting: true });
    const client = join(manager, 'a', ['user:u']);
    manager.broadcastCursor('1', 'a', targeting);
    manager.broadcastCursor('2', 'a');
    join(manager, 'a');
    manager.broadcastCursor('3', 'a', targeting);
    const message = (cursor: string, rest: string) =>
      `{"type":"cursor","cursor":"${cursor}","targeting":${rest}}`;
    expect(client.sent).toEqual([
      message('1', '{"mode":"targeted","degraded":false,"principals":["team:t","user:u"]}'),
      message('2', '{"mode":"namespace-broadcast","degraded":false}'),
      message('3', '{"mode":"namespace-broadcast","degraded":true}'),
    ]);
  });
});

test('a targeted cursor costs as much as the clients that get it, however many are in the namespace', () => {
  const visited = (others: number) => {
    const manager = managerOf({ maxConnections: 20_000, maxConnectionsPerNamespace: 20_000 });
    let sends = 0;
    for (let i = 0; i < others + 5; i++) {
      const client = { send: () => void (sends += 1) };
      manager.addClient(client, { namespace: 'a', principalIds: [i < 5 ? 'user:u' : `user:${i}`] });
    }
    const once = () => {
      const startedAtMs = performance.now();
      for (let i = 0; i < 300; i++)
        manager.broadcastCursor(String(i), 'a', { affectedPrincipals: ['user:u'] });
      return performance.now() - startedAtMs;
    };
    once();
    sends = 0;
    const fastest = Math.min(...Array.from({ length: 7 }, once));
    expect(sends).toBe(7 * 300 * 5);
    return fastest;
  };
  const [few, many] = [visited(5), visited(10_000)];
  // Visiting all would take a thousand times as long.
  expect(many).toBeLessThan(few * 20);
});

describe('closing clients that must lose access', () => {
  test('closeClient closes one, with the code and reason given, and frees its slot at once', () => {
    const manager = managerOf({ maxConnections: 1 });
    const client = join(manager, 'a');
    client.onClose = () => expect(manager.connectionCount).toBe(0);
    expect(manager.closeClient(client, { code: 4001, reason: 'Signed out' })).toBe(true);
    expect(client.closes).toEqual([{ code: 4001, reason: 'Signed out' }]);
    expect(manager.closeClient(client)).toBe(false);
    expect(manager.broadcastCursor('1', 'a').delivered).toBe(0);
    expect(join(manager, 'a').closes).toEqual([]);
  });

  test('closeNamespace closes those of a namespace and no others, whatever their close throws', () => {
    const manager = managerOf();
    const [one, two, other] = [join(manager, 'a'), join(manager, 'a', ['user:u']), join(manager, 'b')];
    one.closeError = new Error('gone');
    expect(manager.closeNamespace('a')).toBe(2);
    expect([one, two].map(({ closes }) => closes)).toEqual(
      [1, 2].map(() => [{ code: 4403, reason: 'Access revoked' }]),
    );
    expect(other.closes).toEqual([]);
    expect(manager.closeNamespace('a')).toBe(0);
    expect(manager.closeNamespace('nobody')).toBe(0);
    expect([...manager.namespaces()]).toEqual([{ namespace: 'b', connections: 1 }]);
  });

  test('another code than 4403 has no reason unless one is given', () => {
    const manager = managerOf();
    const client = join(manager, 'a');
    manager.closeNamespace('a', { code: 4001 });
    expect(client.closes).toEqual([{ code: 4001, reason: '' }]);
  });

  test.each([
    [{ code: 999 }, /`code` to be a close code .* got 999/],
    [{ code: 1005 }, /got 1005/],
    [{ code: 1006 }, /got 1006/],
    [{ code: 1015 }, /got 1015/],
    [{ code: 5000 }, /got 5000/],
    [{ code: 4001.5 }, /got 4001.5/],
    [{ code: '4001' as never }, /got "4001"/],
    [{ reason: 'é'.repeat(62) }, /`reason` to be at most 123 bytes of UTF-8, got 124/],
    [{ reason: '\ud800' }, /`reason`/],
  ])('%j is refused before anybody is closed', (options, words) => {
    const manager = managerOf();
    const client = join(manager, 'a', ['user:u']);
    for (const close of [
      () => manager.closeClient(client, options),
      () => manager.closeNamespace('a', options),
      () => manager.closePrincipal('user:u', options),
    ])
      expect(close).toThrow(words);
    expect(client.closes).toEqual([]);
    expect(manager.closePrincipal('user:u', { code: 3000, reason: 'x'.repeat(123) })).toBe(1);
  });

  test('what is closed here is told to the other processes, and what they close is not', () => {
    const told: unknown[] = [];
    const others = { broadcast: () => {}, kick: (kick: unknown) => void told.push(kick) };
    const manager = new WebSocketManager(undefined, undefined, new FakeClock(), undefined, others);
    const client = join(manager, 'a', ['user:u']);
    expect(manager.kick({ namespace: 'a', principal: 'user:v' })).toBe(0);
    expect(manager.kick({})).toBe(0);
    manager.closePrincipal('user:v', { code: 4001 });
    expect(manager.kick({ namespace: 'a' })).toBe(1);
    manager.closeNamespace('a');
    expect(told).toEqual([{ principal: 'user:v', code: 4001 }, { namespace: 'a' }]);
    expect(client.closes).toHaveLength(1);
  });
});

test('describeClient names the principals of a client that has any', () => {
  const manager = managerOf();
  expect(manager.describeClient(join(manager, 'a', ['team:t'], 'u'))?.principals).toEqual([
    'team:t',
    'user:u',
  ]);
  expect(manager.describeClient(join(manager, 'a'))).not.toHaveProperty('principals');
});
