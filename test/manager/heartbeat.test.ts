import { describe, expect, test } from 'vitest';
import type { WsManagerConfig } from '../../src/manager/types.js';
import { WebSocketManager } from '../../src/manager/web-socket-manager.js';
import { FakeClient, type FakeClientOptions } from '../support/fake-client.js';
import { FakeClock } from '../support/fake-clock.js';
import { RecordingLogger } from '../support/recording-logger.js';

const TIMEOUT = { code: 1001, reason: 'Heartbeat timeout' };
const PING_FAILED = { code: 1001, reason: 'Heartbeat ping failed' };
const UNLIMITED = { maxConnectionsPerNamespace: Number.POSITIVE_INFINITY };

function setUp(config?: WsManagerConfig) {
  const clock = new FakeClock();
  const logger = new RecordingLogger();
  const manager = new WebSocketManager({ ...UNLIMITED, ...config }, logger, clock);
  const add = (options?: FakeClientOptions): FakeClient => {
    const client = new FakeClient(options);
    expect(manager.addClient(client, { namespace: 'a' })).toBe(true);
    return client;
  };
  const addHealthy = (): FakeClient => {
    const client = add();
    client.onPing = () => manager.handlePong(client);
    return client;
  };
  const addMany = (count: number): FakeClient[] => Array.from({ length: count }, () => addHealthy());
  return { clock, logger, manager, add, addHealthy, addMany };
}

const pingsOf = (clients: readonly FakeClient[]) => clients.reduce((sum, { pings }) => sum + pings, 0);

describe('when the heartbeat runs', () => {
  test('there is no timer before the first client, one after it, and still one after the second', () => {
    const { clock, addHealthy } = setUp();
    expect(clock.pendingTimers).toBe(0);
    addHealthy();
    expect(clock.pendingTimers).toBe(1);
    addHealthy();
    expect(clock.pendingTimers).toBe(1);
  });

  test('a refused client starts no timer', () => {
    const { clock, manager } = setUp({ maxConnections: 0 });
    manager.addClient(new FakeClient(), { namespace: 'a' });
    expect(clock.pendingTimers).toBe(0);
  });

  test('with the defaults, a client is pinged at 30 s and 60 s, and closed 10 s after a ping without an answer', () => {
    const { clock, addHealthy } = setUp();
    const client = addHealthy();
    clock.advance(29_999);
    expect(client.pings).toBe(0);
    clock.advance(1);
    expect(client.pings).toBe(1);
    client.onPing = undefined;
    clock.advance(30_000);
    expect(client.pings).toBe(2);
    clock.advance(9_999);
    expect(client.closes).toEqual([]);
    clock.advance(1);
    expect(client.closes).toEqual([TIMEOUT]);
  });

  test('the timers go with the last client, whatever pings are still without an answer', () => {
    const { clock, manager, add } = setUp({ heartbeatIntervalMs: 100, heartbeatTimeoutMs: 250 });
    const [first, second] = [add(), add()];
    clock.advance(250);
    manager.removeClient(first);
    expect(clock.pendingTimers).toBeGreaterThan(0);
    manager.removeClient(second);
    expect(clock.pendingTimers).toBe(0);
    clock.advance(1000);
    expect([first.closes, second.closes]).toEqual([[], []]);
  });

  test('after everybody left, the next client starts it anew, a whole interval before its first ping', () => {
    const { clock, manager, addHealthy } = setUp({ heartbeatIntervalMs: 100, heartbeatTimeoutMs: 50 });
    manager.removeClient(addHealthy());
    clock.advance(70);
    const late = addHealthy();
    clock.advance(99);
    expect(late.pings).toBe(0);
    clock.advance(1);
    expect(late.pings).toBe(1);
    clock.advance(100);
    expect(late.pings).toBe(2);
  });

  test('when the last client expires, the timers go, and the heartbeat restarts with the next one', () => {
    const { clock, manager, add } = setUp({ heartbeatIntervalMs: 100, heartbeatTimeoutMs: 50 });
    add();
    clock.advance(150);
    expect([manager.connectionCount, clock.pendingTimers]).toEqual([0, 0]);
    const next = add();
    clock.advance(150);
    expect([next.pings, next.closes]).toEqual([1, [TIMEOUT]]);
  });

  test('a client that leaves and comes back does not inherit the deadline of its past', () => {
    const { clock, manager, add } = setUp({ heartbeatIntervalMs: 100, heartbeatTimeoutMs: 80 });
    const client = add();
    const other = add();
    other.onPing = () => manager.handlePong(other);
    clock.advance(100);
    manager.removeClient(client);
    manager.addClient(client, { namespace: 'a' });
    clock.advance(99);
    expect(client.closes).toEqual([]);
    clock.advance(81);
    expect(client.closes).toEqual([TIMEOUT]);
  });

  test('an interval of 0 sets no timer at all', () => {
    const { clock, add } = setUp({ heartbeatIntervalMs: 0 });
    const client = add();
    clock.advance(1_000_000);
    expect([clock.pendingTimers, client.pings]).toEqual([0, 0]);
  });

  test('a timeout of 0 pings for ever and closes nobody', () => {
    const { clock, add } = setUp({ heartbeatIntervalMs: 100, heartbeatTimeoutMs: 0 });
    const silent = add();
    clock.advance(1000);
    expect([silent.pings, silent.closes, clock.pendingTimers]).toEqual([10, [], 1]);
  });
});

describe('deadlines', () => {
  test('only deadlines that are pending are remembered, however long the heartbeat runs', () => {
    const { clock, manager, addHealthy } = setUp({ heartbeatIntervalMs: 100, heartbeatTimeoutMs: 250 });
    addHealthy();
    clock.advance(100_000);
    let cleared = 0;
    clock.clearTimeout = () => {
      cleared += 1;
    };
    const pending = clock.pendingTimers;
    manager.destroy();
    expect(cleared).toBe(pending);
  });

  test('a pong in time, even in the last millisecond, keeps the client', () => {
    const { clock, manager, add } = setUp({ heartbeatIntervalMs: 100, heartbeatTimeoutMs: 50 });
    const client = add();
    for (let beat = 0; beat < 5; beat++) {
      clock.advance(beat === 0 ? 149 : 100);
      manager.handlePong(client);
    }
    expect([client.pings, client.closes]).toEqual([5, []]);
  });

  test('a pong that was waiting to be read when the deadline passed still counts', () => {
    const { clock, manager, add } = setUp({ heartbeatIntervalMs: 100, heartbeatTimeoutMs: 50 });
    const client = add();
    // The turn in which the deadline fires: timers first, then the input, then the immediates.
    clock.advanceTimersOnly(150);
    manager.handlePong(client);
    clock.runImmediates();
    expect([client.closes, manager.connectionCount]).toEqual([[], 1]);
  });

  test('a pong that comes before the ping answers nothing that is sent later', () => {
    const { clock, manager, add } = setUp({ heartbeatIntervalMs: 100, heartbeatTimeoutMs: 50 });
    const client = add();
    clock.advance(99);
    manager.handlePong(client);
    clock.advance(51);
    expect(client.closes).toEqual([TIMEOUT]);
  });

  test('with timeout > interval, later pings do not move the deadline of the first without an answer', () => {
    const { clock, add } = setUp({ heartbeatIntervalMs: 100, heartbeatTimeoutMs: 250 });
    const silent = add();
    clock.advance(349);
    expect([silent.pings, silent.closes]).toEqual([3, []]);
    clock.advance(1);
    expect(silent.closes).toEqual([TIMEOUT]);
    clock.advance(1000);
    expect([silent.pings, silent.closes]).toEqual([3, [TIMEOUT]]);
  });

  test('with timeout > interval, one pong answers all pings before it', () => {
    const { clock, manager, add } = setUp({ heartbeatIntervalMs: 100, heartbeatTimeoutMs: 250 });
    const client = add();
    clock.advance(340);
    manager.handlePong(client);
    // The next ping is that of 400, and its deadline 650; those of 200 and 300 would end at 450 and 550.
    clock.advance(309);
    expect(client.closes).toEqual([]);
    clock.advance(1);
    expect(client.closes).toEqual([TIMEOUT]);
  });

  test('with timeout > interval, a client that always answers late, but in time, stays for ever', () => {
    const { clock, manager, add } = setUp({ heartbeatIntervalMs: 100, heartbeatTimeoutMs: 250 });
    const client = add();
    clock.advance(100);
    for (let round = 0; round < 20; round++) {
      clock.advance(249);
      manager.handlePong(client);
    }
    expect([client.closes, manager.connectionCount]).toEqual([[], 1]);
    expect(client.pings).toBe(50);
  });

  test('each client has the deadline of its own ping, not that of another', () => {
    const { clock, manager, add } = setUp({ heartbeatIntervalMs: 100, heartbeatTimeoutMs: 130 });
    const [early, late] = [add(), add()];
    clock.advance(150);
    manager.handlePong(late);
    clock.advance(80);
    expect([early.closes, late.closes]).toEqual([[TIMEOUT], []]);
    // Pinged again at 200.
    clock.advance(99);
    expect(late.closes).toEqual([]);
    clock.advance(1);
    expect(late.closes).toEqual([TIMEOUT]);
  });

  test('an expired client whose close throws, or is missing, takes nobody with it', () => {
    const { clock, manager, add, addHealthy } = setUp({ heartbeatIntervalMs: 100, heartbeatTimeoutMs: 50 });
    const [throwing, , second, healthy] = [add(), add({ withoutClose: true }), add(), addHealthy()];
    throwing.closeError = new Error('already gone');
    clock.advance(150);
    expect([throwing.closes, second.closes, healthy.closes]).toEqual([[TIMEOUT], [TIMEOUT], []]);
    expect(manager.connectionCount).toBe(1);
  });

  test('a client that was removed after its ping is not closed when the deadline passes', () => {
    const { clock, manager, add } = setUp({ heartbeatIntervalMs: 100, heartbeatTimeoutMs: 50 });
    const [left, silent] = [add(), add()];
    clock.advance(120);
    manager.removeClient(left);
    clock.advance(30);
    expect([left.closes, silent.closes]).toEqual([[], [TIMEOUT]]);
  });

  test('a manager that an expired client closes from its close says Going Away to the others, once', () => {
    const { clock, manager, add } = setUp({ heartbeatIntervalMs: 100, heartbeatTimeoutMs: 50 });
    const [first, second] = [add(), add()];
    first.onClose = () => manager.close();
    clock.advance(1000);
    expect([first.closes, second.closes]).toEqual([[TIMEOUT], [{ code: 1001, reason: 'Going Away' }]]);
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('clients that cannot be pinged', () => {
  test('a client without ping is skipped and stays, and the others are pinged', () => {
    const { clock, manager, add, addHealthy } = setUp({ heartbeatIntervalMs: 100, heartbeatTimeoutMs: 50 });
    const [plain, healthy] = [add({ withoutPing: true }), addHealthy()];
    clock.advance(1000);
    expect([plain.closes, healthy.pings, manager.connectionCount]).toEqual([[], 10, 2]);
  });

  test('only clients without ping leave no deadline behind', () => {
    const { clock, add } = setUp({ heartbeatIntervalMs: 100, heartbeatTimeoutMs: 250 });
    add({ withoutPing: true });
    clock.advance(1000);
    expect(clock.pendingTimers).toBe(1);
  });

  test('a client that gets its ping later is held to its deadlines from then on', () => {
    const { clock, add } = setUp({ heartbeatIntervalMs: 100, heartbeatTimeoutMs: 50 });
    const client = add({ withoutPing: true });
    clock.advance(199);
    Object.assign(client, { ping: () => {} });
    clock.advance(50);
    expect(client.closes).toEqual([]);
    clock.advance(1);
    expect(client.closes).toEqual([TIMEOUT]);
  });

  test('a throwing ping removes the client and closes it with 1001 Heartbeat ping failed, at once', () => {
    const { clock, manager, add, addHealthy, logger } = setUp({
      heartbeatIntervalMs: 100,
      heartbeatTimeoutMs: 50,
    });
    const [before, failing, after] = [addHealthy(), add(), addHealthy()];
    failing.pingError = new Error('EPIPE');
    clock.advance(100);
    expect(failing.closes).toEqual([PING_FAILED]);
    expect([before.pings, after.pings, manager.connectionCount]).toEqual([1, 1, 2]);
    clock.advance(1000);
    expect([failing.closes, before.closes, after.closes]).toEqual([[PING_FAILED], [], []]);
    expect(logger.warnings).toMatchObject([
      { message: 'Heartbeat ping failed', context: { error: 'EPIPE' } },
    ]);
  });

  test('a throwing ping with a throwing close harms nobody else', () => {
    const { clock, manager, add, addHealthy } = setUp({ heartbeatIntervalMs: 100, heartbeatTimeoutMs: 50 });
    const [failing, after] = [add(), addHealthy()];
    failing.pingError = new Error('EPIPE');
    failing.closeError = new Error('already gone');
    clock.advance(100);
    expect([after.pings, manager.connectionCount]).toEqual([1, 1]);
  });

  test('when the ping of the only client throws, no timer is left', () => {
    const { clock, manager, add } = setUp({ heartbeatIntervalMs: 100, heartbeatTimeoutMs: 50 });
    add().pingError = new Error('EPIPE');
    clock.advance(100);
    expect([manager.connectionCount, clock.pendingTimers]).toEqual([0, 0]);
  });

  test('a ping that throws while an older one has no answer closes at once, and once', () => {
    const { clock, add, addHealthy } = setUp({ heartbeatIntervalMs: 100, heartbeatTimeoutMs: 250 });
    const [failing] = [add(), addHealthy()];
    clock.advance(150);
    failing.pingError = new Error('EPIPE');
    clock.advance(1000);
    expect(failing.closes).toEqual([PING_FAILED]);
  });
});

describe('many clients', () => {
  /** How many pings each turn of the event loop sent, from the beat on. */
  function pingsPerTurn(clock: FakeClock, clients: readonly FakeClient[]): number[] {
    const perTurn = [pingsOf(clients)];
    while (clock.pendingImmediates > 0) {
      const before = pingsOf(clients);
      clock.runImmediates();
      perTurn.push(pingsOf(clients) - before);
    }
    return perTurn;
  }

  test('a beat is sliced: no turn of the event loop pings more than 200, and everybody is pinged once', () => {
    const { clock, addMany } = setUp({ heartbeatIntervalMs: 1000, heartbeatTimeoutMs: 500 });
    const clients = addMany(950);
    clock.advanceTimersOnly(1000);
    const perTurn = pingsPerTurn(clock, clients);
    expect(Math.max(...perTurn)).toBeLessThanOrEqual(200);
    expect(pingsOf(clients)).toBe(950);
    expect(clients.every(({ pings }) => pings === 1)).toBe(true);
  });

  test('200 clients are one turn, and 201 are two', () => {
    for (const [count, expected] of [
      [200, [200]],
      [201, [200, 1]],
    ] as const) {
      const { clock, addMany } = setUp({ heartbeatIntervalMs: 1000, heartbeatTimeoutMs: 500 });
      const clients = addMany(count);
      clock.advanceTimersOnly(1000);
      expect(pingsPerTurn(clock, clients).filter((pings) => pings > 0)).toEqual(expected);
    }
  });

  test('the deadline of a client counts from its own slice, not from the beat', () => {
    const { clock, add, addMany } = setUp({ heartbeatIntervalMs: 1000, heartbeatTimeoutMs: 500 });
    const early = add();
    addMany(250);
    const late = add();
    clock.advanceTimersOnly(1000);
    expect([early.pings, late.pings]).toEqual([1, 0]);
    clock.advanceTimersOnly(40);
    clock.runImmediates();
    expect(late.pings).toBe(1);
    clock.advance(460);
    expect([early.closes, late.closes]).toEqual([[TIMEOUT], []]);
    clock.advance(39);
    expect(late.closes).toEqual([]);
    clock.advance(1);
    expect(late.closes).toEqual([TIMEOUT]);
  });

  test('a client that leaves between two slices is not pinged, and the others are', () => {
    const { clock, manager, addMany } = setUp({ heartbeatIntervalMs: 1000, heartbeatTimeoutMs: 500 });
    const clients = addMany(500);
    clock.advanceTimersOnly(1000);
    for (const client of clients.slice(0, 300)) manager.removeClient(client);
    clock.drainImmediates();
    expect(clients.map(({ pings }) => pings)).toEqual(clients.map((_, i) => (i < 200 || i >= 300 ? 1 : 0)));
  });

  test('a beat that falls due while the last one is not through is skipped: nobody is left out, nobody pinged twice', () => {
    const { clock, addMany } = setUp({ heartbeatIntervalMs: 100, heartbeatTimeoutMs: 50_000 });
    const clients = addMany(500);
    clock.advanceTimersOnly(100);
    clock.advanceTimersOnly(100);
    clock.drainImmediates();
    expect(clients.every(({ pings }) => pings === 1)).toBe(true);
    clock.advance(100);
    expect(clients.every(({ pings }) => pings === 2)).toBe(true);
  });

  test('close() and destroy() between two slices ping nobody more', () => {
    for (const end of ['close', 'destroy'] as const) {
      const { clock, manager, addMany } = setUp({ heartbeatIntervalMs: 1000, heartbeatTimeoutMs: 500 });
      const clients = addMany(500);
      clock.advanceTimersOnly(1000);
      manager[end]();
      clock.advance(10_000);
      expect([pingsOf(clients), clock.pendingTimers]).toEqual([200, 0]);
    }
  });

  test('slices put off by a heartbeat that was stopped do not run in the next one', () => {
    const { clock, manager, addMany } = setUp({ heartbeatIntervalMs: 1000, heartbeatTimeoutMs: 500 });
    const first = addMany(300);
    clock.advanceTimersOnly(1000);
    for (const client of first) manager.removeClient(client);
    const second = addMany(300);
    clock.advance(999);
    expect(pingsOf(second)).toBe(0);
    clock.advance(1);
    expect(second.every(({ pings }) => pings === 1)).toBe(true);
  });

  test('a silent crowd of several slices is expired as a whole, and each client closed once', () => {
    const { clock, manager, add } = setUp({ heartbeatIntervalMs: 1000, heartbeatTimeoutMs: 500 });
    const clients = Array.from({ length: 450 }, () => add());
    clock.advance(1500);
    expect([manager.connectionCount, clock.pendingTimers]).toEqual([0, 0]);
    expect(clients.every(({ closes }) => closes.length === 1)).toBe(true);
  });
});

describe('clients that call back from inside of a ping', () => {
  test('a pong that comes while the ping is being sent counts', () => {
    const { clock, addHealthy } = setUp({ heartbeatIntervalMs: 100, heartbeatTimeoutMs: 50 });
    const client = addHealthy();
    clock.advance(1000);
    expect([client.pings, client.closes]).toEqual([10, []]);
  });

  test('a client that another removes while it is pinged is not pinged itself', () => {
    const { clock, manager, add } = setUp({ heartbeatIntervalMs: 100, heartbeatTimeoutMs: 50 });
    const [first, second, third] = [add(), add(), add()];
    first.onPing = () => manager.removeClient(second);
    clock.advance(100);
    expect([second.pings, third.pings]).toEqual([0, 1]);
  });

  test.each(['close', 'destroy'] as const)('a %s() from inside of a ping leaves no timer', (end) => {
    const { clock, manager, add } = setUp({ heartbeatIntervalMs: 100, heartbeatTimeoutMs: 50 });
    const [first, second] = [add(), add()];
    first.onPing = () => manager[end]();
    clock.advance(1000);
    expect([clock.pendingTimers, first.pings, second.pings]).toEqual([0, 1, 0]);
  });

  test('the last client leaving from inside of its ping leaves no timer', () => {
    const { clock, manager, add } = setUp({ heartbeatIntervalMs: 100, heartbeatTimeoutMs: 50 });
    const client = add();
    client.onPing = () => manager.removeClient(client);
    clock.advance(100);
    expect(clock.pendingTimers).toBe(0);
    clock.advance(1000);
    expect(client.closes).toEqual([]);
  });

  test('the last client replaced by another from inside of its ping leaves one heartbeat running', () => {
    const { clock, manager, add, addHealthy } = setUp({ heartbeatIntervalMs: 100, heartbeatTimeoutMs: 50 });
    const client = add();
    let replacement: FakeClient | undefined;
    client.onPing = () => {
      manager.removeClient(client);
      replacement = addHealthy();
    };
    clock.advance(100);
    expect(clock.pendingTimers).toBe(1);
    clock.advance(200);
    expect([replacement?.pings, replacement?.closes]).toEqual([2, []]);
  });
});

describe('a process that did not run for a while', () => {
  test('does not hold it against its clients: one that answers afterwards stays, one that does not is closed in what is left of its time', () => {
    const { clock, manager, add } = setUp({ heartbeatIntervalMs: 30_000, heartbeatTimeoutMs: 10_000 });
    const [answers, silent] = [add(), add()];
    clock.advance(30_000);
    expect([answers.pings, silent.pings]).toEqual([1, 1]);
    clock.stall(3_600_000);
    clock.advance(0);
    expect(manager.connectionCount).toBe(2);
    clock.advance(2000);
    manager.handlePong(answers);
    clock.advance(5499);
    expect(manager.connectionCount).toBe(2);
    clock.advance(1);
    expect(silent.closes).toEqual([TIMEOUT]);
    expect(manager.connectionCount).toBe(1);
  });

  test('whatever the timeout, it is exact for one that runs', () => {
    for (const heartbeatTimeoutMs of [1, 499, 500, 999, 1001, 3333, 59_999]) {
      const { clock, add } = setUp({ heartbeatIntervalMs: 60_000, heartbeatTimeoutMs });
      const silent = add();
      clock.advance(60_000 + heartbeatTimeoutMs - 1);
      expect(silent.closes, `${heartbeatTimeoutMs} ms`).toEqual([]);
      clock.advance(1);
      expect(silent.closes, `${heartbeatTimeoutMs} ms`).toEqual([TIMEOUT]);
    }
  });
});
