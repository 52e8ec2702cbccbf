import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { FaultRule } from '../../../src/server/faults/plan.js';
import { call } from '../../support/http-call.js';
import { disposeLive, openClient } from '../../support/live-server.js';
import type { RawClient } from '../../support/raw-client.js';
import { cursorsOf, type FaultyServer, startFaultyServer } from './faulty-server.js';

let live: FaultyServer;
let alice: RawClient;

beforeEach(async () => {
  live = await startFaultyServer();
  alice = await openClient(live.wsUrl, 'user:alice');
});
afterEach(disposeLive);

/** What alice has got when a last cursor, for which nothing goes wrong, has come as well. */
async function heard(): Promise<string[]> {
  await live.clear();
  live.emit('user:alice', 'end');
  await alice.until(() => alice.texts.at(-1)?.includes('"end"') === true, 'the last cursor');
  return alice.texts.slice(0, -1);
}

test('drop loses as many cursors as asked for', async () => {
  await live.faults({ fault: 'drop', next: 2, match: { namespace: 'user:alice' } });
  live.emit('user:alice', 1, 2, 3);
  expect(await heard()).toEqual(['{"type":"cursor","cursor":"3"}']);
});

test('delay sends cursors late and in order, those as well that it spares', async () => {
  await live.faults({ fault: 'delay', delayMs: 60, jitterMs: 50, next: 1 });
  const startMs = performance.now();
  live.emit('user:alice', 1, 2, 3);
  expect(cursorsOf(await alice.received(3))).toEqual(['1', '2', '3']);
  expect(performance.now() - startMs).toBeGreaterThan(9);
});

test('a delayed cursor is not there before its time, and comes at once when the faults are cleared', async () => {
  await live.faults({ fault: 'delay', delayMs: 60_000 });
  live.emit('user:alice', 1, 2);
  await alice.roundTrip();
  expect(alice.texts).toEqual([]);
  expect(cursorsOf(await heard())).toEqual(['1', '2']);
});

test('hold keeps cursors back until the faults are cleared, while later ones overtake them', async () => {
  await live.faults({ fault: 'hold', next: 2 });
  live.emit('user:alice', 1, 2, 3);
  expect(cursorsOf(await alice.received(1))).toEqual(['3']);
  expect(cursorsOf(await heard())).toEqual(['3', '1', '2']);
});

test('hold releases what it has when its time is over', async () => {
  const startMs = performance.now();
  await live.faults({ fault: 'hold', forMs: 40 });
  live.emit('user:alice', 1, 2);
  expect(cursorsOf(await alice.received(2))).toEqual(['1', '2']);
  expect(performance.now() - startMs).toBeGreaterThan(38);
});

test('reorder sends every cursor of a window once, in another order', async () => {
  await live.faults({ fault: 'reorder', window: 5 });
  live.emit('user:alice', 1, 2, 3, 4, 5);
  const cursors = cursorsOf(await alice.received(5));
  expect(cursors).not.toEqual(['1', '2', '3', '4', '5']);
  expect([...cursors].sort()).toEqual(['1', '2', '3', '4', '5']);
});

test('reorder leaves alone the cursors that its rule does not take', async () => {
  await live.faults({ fault: 'reorder', window: 2, probability: 0 });
  live.emit('user:alice', 1, 2, 3);
  expect(cursorsOf(await alice.received(3))).toEqual(['1', '2', '3']);
});

test('reorder does not wait longer than told for a window to fill', async () => {
  await live.faults({ fault: 'reorder', window: 100, withinMs: 30 });
  live.emit('user:alice', 1, 2);
  expect(cursorsOf(await alice.received(2))).toEqual(['2', '1']);
});

test('duplicate sends a cursor again', async () => {
  await live.faults({ fault: 'duplicate', copies: 2, next: 1 });
  live.emit('user:alice', 1, 2);
  expect(cursorsOf(await heard())).toEqual(['1', '1', '1', '2']);
});

test('drop-last loses the last cursor of a burst, and only that one', async () => {
  await live.faults({ fault: 'drop-last', burstMs: 30, next: 1 });
  live.emit('user:alice', 1, 2, 3);
  await live.events.until('fault');
  live.emit('user:alice', 4);
  expect(cursorsOf(await heard())).toEqual(['1', '2', '4']);
});

test('lower sends a lower number, and leaves a cursor alone that is not a number', async () => {
  await live.faults({ fault: 'lower', by: 40 });
  live.emit('user:alice', 42, 7, 'abc', '9007199254740993000');
  expect(cursorsOf(await heard())).toEqual(['2', '0', 'abc', '9007199254740992960']);
});

test('junk sends a text that is no message', async () => {
  await live.faults({ fault: 'junk', next: 1 });
  live.emit('user:alice', 1, 2);
  expect(await heard()).toEqual(['{"type":"cursor","cur', '{"type":"cursor","cursor":"2"}']);
});

test('extra-fields adds fields before the known ones', async () => {
  await live.faults({ fault: 'extra-fields', fields: { v: 2, targeting: null } });
  live.emit('user:alice', 1);
  expect(await heard()).toEqual(['{"v":2,"targeting":null,"type":"cursor","cursor":"1"}']);
});

test('fragment sends a message in several frames, whatever another fault made of it', async () => {
  await live.faults({ fault: 'fragment', parts: 3, next: 1 }, { fault: 'lower', by: 1 });
  const raw = await openClient(live.wsUrl, 'user:bob', { readsFrames: false });
  live.emit('user:bob', 42);
  const bytes = () => Buffer.concat(raw.chunks);
  await raw.until(() => bytes().length >= 37, 'three frames');
  const payload = '{"type":"cursor","cursor":"41"}';
  // A text frame and two continuations, of which the last one is final.
  const frame = (first: number, from: number, to: number) => [
    Buffer.from([first, to - from]),
    Buffer.from(payload.slice(from, to)),
  ];
  expect(bytes()).toEqual(
    Buffer.concat([...frame(0x01, 0, 10), ...frame(0x00, 10, 20), ...frame(0x80, 20, payload.length)]),
  );
});

describe('what counts as delivered', () => {
  /** For each of the cursors 1 to 4: how many clients the answer of the broadcast counts. */
  const broadcast = () =>
    [1, 2, 3, 4].map(
      (cursor) => live.server.websocketHandler.broadcastCursor(String(cursor), 'user:carol').delivered,
    );
  const deliveries = () => live.server.stats().deliveries;

  test.each<[string, FaultRule[], number[], number, number]>([
    ['a dropped cursor is not', [{ fault: 'drop', next: 2 }], [0, 0, 1, 1], 2, 2],
    ['a cursor on hold is when it is released', [{ fault: 'hold', next: 2 }], [0, 0, 1, 1], 2, 4],
    ['a late cursor is when it is sent', [{ fault: 'delay', delayMs: 60_000, next: 1 }], [0, 0, 0, 0], 0, 4],
    ['a full window of cursors is', [{ fault: 'reorder', window: 3 }], [0, 0, 1, 0], 3, 4],
    ['a cursor that is sent three times is once', [{ fault: 'duplicate', copies: 2 }], [1, 1, 1, 1], 4, 4],
    [
      'so is one that is sent twice when it is released',
      [{ fault: 'hold' }, { fault: 'duplicate' }],
      [0, 0, 0, 0],
      0,
      4,
    ],
    ['all but the newest of a burst are', [{ fault: 'drop-last', burstMs: 60_000 }], [0, 0, 0, 0], 3, 4],
    ['a lower cursor is', [{ fault: 'lower', by: 1 }, { fault: 'fragment' }], [1, 1, 1, 1], 4, 4],
    ['a cursor with extra fields is', [{ fault: 'extra-fields' }], [1, 1, 1, 1], 4, 4],
    ['junk is not', [{ fault: 'junk', next: 3 }, { fault: 'fragment' }], [0, 0, 0, 1], 1, 1],
    [
      'a cursor for a half-open connection is not',
      [{ fault: 'half-open', on: 'cursor' }],
      [0, 0, 0, 0],
      0,
      0,
    ],
    ['a cursor of others is', [{ fault: 'drop', match: { namespace: 'user:bob' } }], [1, 1, 1, 1], 4, 4],
  ])('%s', async (_, rules, answers, atOnce, inTheEnd) => {
    await openClient(live.wsUrl, 'user:carol', { readsFrames: false });
    await live.faults(...rules);
    expect(broadcast()).toEqual(answers);
    expect(deliveries()).toBe(atOnce);
    await live.clear();
    expect(deliveries()).toBe(inTheEnd);
  });

  test('a cursor that was not sent does not count as heard', async () => {
    const heardOf = async () => (await call('GET', `${live.apiUrl}/v1/clients`)).json.clients[0].heard;
    live.emit('user:alice', 40);
    await live.faults({ fault: 'drop', next: 1 }, { fault: 'junk' });
    live.emit('user:alice', 41);
    expect(await heardOf()).toBe('40');
    live.emit('user:alice', 42);
    expect(await heardOf()).toBe('40');
    await live.clear();
    live.emit('user:alice', 43);
    expect(await heardOf()).toBe('43');
  });

  test('a cursor that is released to a client that has left meanwhile is not', async () => {
    await live.faults({ fault: 'hold' });
    live.emit('user:alice', 1);
    alice.reset();
    await live.events.until('closed');
    await live.clear();
    expect(deliveries()).toBe(0);
  });
});

describe('when a rule strikes', () => {
  test('every takes each third chance', async () => {
    await live.faults({ fault: 'drop', every: 3 });
    live.emit('user:alice', 1, 2, 3, 4, 5, 6, 7);
    expect(cursorsOf(await heard())).toEqual(['1', '2', '4', '5', '7']);
  });

  test('probability strikes as often as it says, and the same ones with the same seed', async () => {
    const cursors = Array.from({ length: 400 }, (_, at) => at);
    const round = async (seed: number) => {
      const before = alice.texts.length;
      await live.plan({ seed, rules: [{ fault: 'drop', probability: 0.25 }] });
      live.emit('user:alice', ...cursors);
      return cursorsOf((await heard()).slice(before));
    };
    const first = await round(7);
    expect(first.length).toBeGreaterThan(260);
    expect(first.length).toBeLessThan(340);
    alice.texts.length = 0;
    expect(await round(7)).toEqual(first);
    alice.texts.length = 0;
    expect(await round(8)).not.toEqual(first);
  });

  test('forMs ends a rule', async () => {
    await live.faults({ fault: 'drop', forMs: 20 });
    await new Promise((resolve) => setTimeout(resolve, 40));
    live.emit('user:alice', 1);
    expect(cursorsOf(await alice.received(1))).toEqual(['1']);
    expect((await live.view()).isActive).toBe(false);
  });

  test('clientId strikes one client of a namespace', async () => {
    const bob = await openClient(live.wsUrl, 'user:alice');
    bob.say('{"type":"hello","clientId":"tab-b"}');
    await live.events.until('hello');
    await live.faults({ fault: 'drop', match: { clientId: 'tab-b' } });
    live.emit('user:alice', 1);
    expect(cursorsOf(await heard())).toEqual(['1']);
    expect(cursorsOf(await bob.received(1))).toEqual(['end']);
  });

  test('several rules apply one after the other', async () => {
    await live.faults({ fault: 'duplicate' }, { fault: 'lower', by: 1, every: 2 });
    live.emit('user:alice', 10);
    expect(cursorsOf(await heard())).toEqual(['10', '9']);
  });
});
