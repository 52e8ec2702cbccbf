import { describe, expect, test } from 'vitest';
import type { WebSocketClient, WsAuthContext, WsManagerConfig } from '../../src/manager/types.js';
import { WebSocketManager } from '../../src/manager/web-socket-manager.js';
import { FakeClient, type FakeClientOptions } from '../support/fake-client.js';
import { FakeClock } from '../support/fake-clock.js';
import { RecordingLogger } from '../support/recording-logger.js';

const SEND_FAILED = { code: 1001, reason: 'Broadcast send failed' };
const GOING_AWAY = { code: 1001, reason: 'Going Away' };
const message = (cursor: string) => `{"type":"cursor","cursor":"${cursor}"}`;

function setUp(config?: WsManagerConfig) {
  const clock = new FakeClock();
  const logger = new RecordingLogger();
  const manager = new WebSocketManager(config, logger, clock);
  const add = (namespace: string, options?: FakeClientOptions): FakeClient => {
    const client = new FakeClient(options);
    expect(manager.addClient(client, { namespace })).toBe(true);
    return client;
  };
  return { clock, logger, manager, add };
}

describe('a send that fails', () => {
  test('the client is removed and closed with 1001 Broadcast send failed, and the broadcast goes on', () => {
    const { manager, add } = setUp();
    const [before, failing, after] = [add('a'), add('a'), add('a')];
    failing.sendError = new Error('EPIPE');
    expect(manager.broadcastCursor('1', 'a')).toMatchObject({ delivered: 2, failed: 1 });
    expect(failing.closes).toEqual([SEND_FAILED]);
    expect(manager.describeClient(failing)).toBeUndefined();
    expect([before.sent, after.sent]).toEqual([[message('1')], [message('1')]]);
    expect([before.closes, after.closes]).toEqual([[], []]);
    expect(manager.connectionCount).toBe(2);
  });

  test('a client that failed once is not tried again, and its slot is free', () => {
    const { manager, add } = setUp({ maxConnections: 1 });
    const failing = add('a');
    failing.sendError = new Error('EPIPE');
    manager.broadcastCursor('1', 'a');
    failing.sendError = undefined;
    expect(manager.broadcastCursor('2', 'a')).toMatchObject({ delivered: 0, failed: 0 });
    expect(failing.sent).toEqual([]);
    add('a');
  });

  test('all clients failing leaves an empty manager without a timer', () => {
    const { clock, manager, add } = setUp();
    const clients = [add('a'), add('a'), add('a')];
    for (const client of clients) client.sendError = new Error('EPIPE');
    expect(manager.broadcastCursor('1', 'a')).toMatchObject({ delivered: 0, failed: 3 });
    expect([manager.connectionCount, manager.namespaceCount, clock.pendingTimers]).toEqual([0, 0, 0]);
  });

  test('a close that throws, too, harms nobody else', () => {
    const { manager, add } = setUp();
    const [failing, after] = [add('a'), add('a')];
    failing.sendError = new Error('EPIPE');
    failing.closeError = new Error('already gone');
    expect(manager.broadcastCursor('1', 'a')).toMatchObject({ delivered: 1, failed: 1 });
    expect(after.sent).toEqual([message('1')]);
    expect(manager.connectionCount).toBe(1);
  });

  test('a failing client without close is removed all the same', () => {
    const { manager, add } = setUp();
    const failing = add('a', { withoutClose: true });
    failing.sendError = new Error('EPIPE');
    expect(manager.broadcastCursor('1', 'a')).toMatchObject({ delivered: 0, failed: 1 });
    expect(manager.connectionCount).toBe(0);
  });

  test.each([
    ['a string', 'gone'],
    ['null', null],
    ['an object that cannot be shown', { toString: () => ({}) }],
    ['an object without a prototype', Object.create(null)],
  ])('the client may throw %s instead of an error', (_, thrown) => {
    const { manager, add } = setUp();
    const [failing, after] = [add('a'), add('a')];
    failing.sendError = thrown;
    expect(manager.broadcastCursor('1', 'a')).toMatchObject({ delivered: 1, failed: 1 });
    expect(after.sent).toHaveLength(1);
  });

  test('an error whose message cannot be read does not end the broadcast', () => {
    const { manager, add } = setUp();
    const [failing, after] = [add('a'), add('a')];
    failing.sendError = Object.defineProperty(new Error(), 'message', {
      get() {
        throw new Error('no message for you');
      },
    });
    expect(manager.broadcastCursor('1', 'a')).toMatchObject({ delivered: 1, failed: 1 });
    expect(after.sent).toHaveLength(1);
  });

  test('the failure is logged with the namespace and the id of the client', () => {
    const { manager, add, logger } = setUp();
    const failing = add('a');
    manager.handleMessage(failing, '{"type":"hello","clientId":"c-1"}');
    failing.sendError = new Error('EPIPE');
    manager.broadcastCursor('1', 'a');
    expect(logger.warnings).toEqual([
      {
        level: 'warn',
        message: 'Broadcast send failed',
        context: { namespace: 'a', clientId: 'c-1', error: 'EPIPE' },
      },
    ]);
  });
});

describe('a broadcast', () => {
  test('a client with sendPrepared gets the one message of the whole broadcast, and no second one by send', () => {
    const { manager, add } = setUp();
    const first = add('a', { withSendPrepared: true });
    const second = add('a', { withSendPrepared: true });
    const plain = add('a');
    expect(manager.broadcastCursor('1', 'a')).toMatchObject({ delivered: 3, failed: 0 });
    expect([first.sent, second.sent, plain.sent]).toEqual([[message('1')], [message('1')], [message('1')]]);
    expect(first.prepared[0]).toBe(second.prepared[0]);
    expect(first.prepared[0]?.frame).toBe(second.prepared[0]?.frame);
  });

  test('a sendPrepared that does not take the message counts neither as delivered nor as failed', () => {
    const { manager, add } = setUp();
    const leaving = add('a', { withSendPrepared: true });
    const staying = add('a', { withSendPrepared: true });
    leaving.takesPrepared = false;
    expect(manager.broadcastCursor('1', 'a')).toMatchObject({ delivered: 1, failed: 0 });
    expect(staying.sent).toEqual([message('1')]);
    expect([leaving.closes, manager.connectionCount]).toEqual([[], 2]);
  });

  test('a sendPrepared that returns nothing has taken the message', () => {
    const { manager } = setUp();
    const taken: string[] = [];
    const client: WebSocketClient = {
      send: () => {},
      sendPrepared: (message) => {
        taken.push(message.text);
      },
    };
    manager.addClient(client, { namespace: 'a' });
    expect(manager.broadcastCursor('1', 'a')).toMatchObject({ delivered: 1, failed: 0 });
    expect(taken).toEqual([message('1')]);
  });

  test('a sendPrepared that throws is a failed send', () => {
    const { manager, add } = setUp();
    const failing = add('a', { withSendPrepared: true });
    failing.sendError = new Error('EPIPE');
    expect(manager.broadcastCursor('1', 'a')).toMatchObject({ delivered: 0, failed: 1 });
    expect(failing.closes).toEqual([SEND_FAILED]);
  });

  test('broadcasts and deliveries are counted, broadcasts to nobody and failed sends told apart', () => {
    const { manager, add } = setUp();
    const failing = add('a');
    add('a');
    failing.sendError = new Error('EPIPE');
    expect([manager.broadcasts, manager.deliveries]).toEqual([0, 0]);
    manager.broadcastCursor('1', 'nobody');
    expect([manager.broadcasts, manager.deliveries]).toEqual([1, 0]);
    manager.broadcastCursor('2', 'a');
    expect([manager.broadcasts, manager.deliveries]).toEqual([2, 1]);
    manager.broadcastCursor('3', 'a');
    expect([manager.broadcasts, manager.deliveries]).toEqual([3, 2]);
  });

  test('a client that another one removes in the middle of a broadcast hears nothing any more', () => {
    const { manager, add } = setUp();
    const [first, second, third] = [add('a'), add('a'), add('a')];
    first.onSend = () => manager.removeClient(second);
    expect(manager.broadcastCursor('1', 'a')).toMatchObject({ delivered: 2, failed: 0 });
    expect([second.sent, third.sent]).toEqual([[], [message('1')]]);
  });

  test('a client that leaves and comes back while the cursor is being sent to it gets that cursor once', () => {
    const { manager, add } = setUp();
    const restless = add('a');
    add('a');
    restless.onSend = () => {
      // An end, so that a broadcast that follows the newcomers fails this test instead of hanging it.
      if (restless.sent.length >= 5) return;
      manager.removeClient(restless);
      manager.addClient(restless, { namespace: 'a' });
    };
    expect(manager.broadcastCursor('1', 'a')).toMatchObject({ delivered: 2, failed: 0 });
    expect(restless.sent).toEqual([message('1')]);
  });

  test('a broadcast goes to who was there when it began: clients that a send lets in do not make it endless', () => {
    const { manager, add } = setUp();
    const first = add('a');
    const open = (client: FakeClient) => {
      client.onSend = () => {
        if (manager.connectionCount < 20) open(add('a'));
      };
    };
    open(first);
    expect(manager.broadcastCursor('1', 'a').delivered).toBe(1);
  });

  test('a manager that a client closes in the middle of a broadcast sends nothing more', () => {
    const { clock, manager, add } = setUp();
    const [first, second] = [add('a'), add('a')];
    first.onSend = () => manager.close();
    expect(manager.broadcastCursor('1', 'a')).toMatchObject({ delivered: 1, failed: 0 });
    expect([first.closes, second.closes]).toEqual([[GOING_AWAY], [GOING_AWAY]]);
    expect([second.sent, clock.pendingTimers]).toEqual([[], 0]);
  });

  test('the cost does not depend on how many clients other namespaces have', () => {
    const { manager, add } = setUp({
      maxConnections: Number.POSITIVE_INFINITY,
      maxConnectionsPerNamespace: Number.POSITIVE_INFINITY,
      heartbeatIntervalMs: 0,
    });
    add('a');
    // In CPU time, which a machine that is busy or stops the process adds nothing to.
    const costOf = (broadcasts: number) => {
      const start = process.cpuUsage();
      for (let index = 0; index < broadcasts; index++) manager.broadcastCursor('1', 'a');
      const { user, system } = process.cpuUsage(start);
      return (user + system) / 1000;
    };
    costOf(2000);
    const aloneMs = costOf(2000);
    const others: WebSocketClient = { send: () => {} };
    for (let index = 0; index < 100_000; index++) {
      manager.addClient({ ...others }, { namespace: `other:${index % 1000}` });
    }
    // A walk over all of them would be 200,000,000 steps: seconds, against milliseconds.
    expect(costOf(2000)).toBeLessThan(10 * aloneMs + 100);
  });
});

describe('admission', () => {
  test.each([
    ['an empty string', { namespace: '' }],
    ['no namespace', {}],
    ['a number', { namespace: 42 }],
    ['null', { namespace: null }],
    ['no context', undefined],
    ['a null context', null],
  ])('%s as a namespace is refused with 4401 Unauthorized', (_, authContext) => {
    const { clock, manager } = setUp();
    const client = new FakeClient();
    expect(manager.addClient(client, authContext as unknown as WsAuthContext)).toBe(false);
    expect(client.closes).toEqual([{ code: 4401, reason: 'Unauthorized' }]);
    expect([manager.connectionCount, clock.pendingTimers]).toEqual([0, 0]);
  });

  test('the namespace is read once: an auth context that changes later changes nothing', () => {
    const { manager } = setUp();
    const client = new FakeClient();
    const authContext = { namespace: 'a' };
    manager.addClient(client, authContext);
    authContext.namespace = 'b';
    manager.broadcastCursor('1', 'b');
    manager.broadcastCursor('2', 'a');
    expect(client.sent).toEqual([message('2')]);
  });

  test('a tracked client that asks for another namespace is warned about, with both names', () => {
    const { manager, add, logger } = setUp();
    const client = add('a');
    expect(manager.addClient(client, { namespace: 'b' })).toBe(false);
    expect(logger.warnings).toEqual([
      { level: 'warn', message: expect.any(String), context: { namespace: 'a', asked: 'b' } },
    ]);
    expect(client.closes).toEqual([]);
  });

  test('a tracked client is known again at the limit, before the limit is looked at', () => {
    const { manager, add } = setUp({ maxConnections: 1, maxConnectionsPerNamespace: 1 });
    const client = add('a');
    expect(manager.addClient(client, { namespace: 'a' })).toBe(true);
    expect(client.closes).toEqual([]);
  });

  test('a removed client can be added again, to another namespace too, without the id of its past', () => {
    const { manager, add } = setUp();
    const client = add('a');
    manager.handleMessage(client, '{"type":"hello","clientId":"c-1"}');
    manager.removeClient(client);
    expect(manager.addClient(client, { namespace: 'b' })).toBe(true);
    expect(manager.describeClient(client)).toEqual({ namespace: 'b', clientId: undefined });
    expect([...manager.namespaces()]).toEqual([{ namespace: 'b', connections: 1 }]);
  });

  test('removing a client twice, or one that was never added, changes nothing', () => {
    const { manager, add } = setUp();
    const client = add('a');
    add('a');
    manager.removeClient(new FakeClient());
    manager.removeClient(client);
    manager.removeClient(client);
    expect(manager.connectionCount).toBe(1);
    expect([...manager.namespaces()]).toEqual([{ namespace: 'a', connections: 1 }]);
    expect(client.closes).toEqual([]);
  });

  test('a refused client without close, or whose close throws, is refused all the same', () => {
    const { manager } = setUp({ maxConnections: 0 });
    const throwing = new FakeClient();
    throwing.closeError = new Error('already gone');
    expect(manager.addClient(throwing, { namespace: 'a' })).toBe(false);
    expect(manager.addClient(new FakeClient({ withoutClose: true }), { namespace: 'a' })).toBe(false);
    expect(manager.connectionCount).toBe(0);
  });

  test('a client whose close reports back at once frees its slot once', () => {
    const { manager, add } = setUp({ maxConnections: 2 });
    const failing = add('a');
    add('a');
    failing.onClose = () => manager.removeClient(failing);
    failing.sendError = new Error('EPIPE');
    manager.broadcastCursor('1', 'a');
    expect(manager.connectionCount).toBe(1);
    expect(failing.closes).toEqual([SEND_FAILED]);
  });
});

describe('messages and pongs', () => {
  test('a later hello replaces the id, and one without an id keeps it', () => {
    const { manager, add } = setUp();
    const client = add('a');
    manager.handleMessage(client, '{"type":"hello","clientId":"first"}');
    manager.handleMessage(client, '{"type":"hello","clientId":"second"}');
    manager.handleMessage(client, '{"type":"hello","cursor":"9"}');
    expect(manager.describeClient(client)?.clientId).toBe('second');
  });

  test('a hello and a pong of a client that is not tracked are ignored', () => {
    const { manager } = setUp();
    const stranger = new FakeClient();
    expect(() => manager.handleMessage(stranger, '{"type":"hello","clientId":"c"}')).not.toThrow();
    expect(() => manager.handlePong(stranger)).not.toThrow();
    expect(manager.describeClient(stranger)).toBeUndefined();
    expect(manager.connectionCount).toBe(0);
  });

  test.each([undefined, null, 42, Buffer.from('{"type":"hello","clientId":"c"}'), {}, new ArrayBuffer(8)])(
    'a message that is no string (%s) is ignored',
    (data) => {
      const { manager, add } = setUp();
      const client = add('a');
      expect(() => manager.handleMessage(client, data as unknown as string)).not.toThrow();
      expect(manager.describeClient(client)?.clientId).toBeUndefined();
      expect(client.closes).toEqual([]);
    },
  );
});

describe('close and destroy', () => {
  test('close() goes on to the others when a close throws or is missing', () => {
    const { clock, manager, add } = setUp();
    const [throwing, , last] = [add('a'), add('a', { withoutClose: true }), add('b')];
    throwing.closeError = new Error('already gone');
    manager.close();
    expect(last.closes).toEqual([GOING_AWAY]);
    expect([manager.connectionCount, manager.namespaceCount, clock.pendingTimers]).toEqual([0, 0, 0]);
  });

  test('close() again does nothing, not even log', () => {
    const { manager, add, logger } = setUp();
    add('a');
    manager.close();
    const logged = logger.entries.length;
    manager.close();
    expect(logger.entries).toHaveLength(logged);
  });

  test('close() leaves no timer, in the middle of a deadline either', () => {
    const { clock, manager, add } = setUp({ heartbeatIntervalMs: 100, heartbeatTimeoutMs: 250 });
    const client = add('a');
    clock.advance(250);
    expect(clock.pendingTimers).toBeGreaterThan(1);
    manager.close();
    expect(clock.pendingTimers).toBe(0);
    clock.advance(10_000);
    expect([client.pings, client.closes]).toEqual([2, [GOING_AWAY]]);
  });

  test('close() between a deadline and the verdict on it says Going Away, once', () => {
    const { clock, manager, add } = setUp({ heartbeatIntervalMs: 100, heartbeatTimeoutMs: 50 });
    const client = add('a');
    clock.advanceTimersOnly(150);
    expect(clock.pendingImmediates).toBe(1);
    manager.close();
    clock.advance(1000);
    expect(client.closes).toEqual([GOING_AWAY]);
  });

  test('a client that calls close() back from its own close is closed once', () => {
    const { manager, add } = setUp();
    const [first, second] = [add('a'), add('a')];
    first.onClose = () => manager.close();
    manager.close();
    expect([first.closes, second.closes]).toEqual([[GOING_AWAY], [GOING_AWAY]]);
  });

  test('a client that is added from inside of close() is refused', () => {
    const { clock, manager, add } = setUp();
    const [first, late] = [add('a'), new FakeClient()];
    first.onClose = () => expect(manager.addClient(late, { namespace: 'a' })).toBe(false);
    manager.close();
    expect(late.closes).toEqual([GOING_AWAY]);
    expect([manager.connectionCount, clock.pendingTimers]).toEqual([0, 0]);
  });

  test('after close() every method is harmless, and addClient starts no timer', () => {
    const { clock, manager, add } = setUp();
    const client = add('a');
    manager.close();
    const late = new FakeClient();
    expect(manager.addClient(late, { namespace: 'a' })).toBe(false);
    expect(manager.addClient(client, { namespace: 'a' })).toBe(false);
    manager.removeClient(client);
    manager.handlePong(client);
    manager.handleMessage(client, '{"type":"hello","clientId":"c"}');
    manager.destroy();
    expect(late.closes).toEqual([GOING_AWAY]);
    expect([manager.connectionCount, clock.pendingTimers]).toEqual([0, 0]);
  });

  test('destroy() leaves no timer, in the middle of a deadline either, and expires nobody later', () => {
    const { clock, manager, add } = setUp({ heartbeatIntervalMs: 100, heartbeatTimeoutMs: 250 });
    const client = add('a');
    clock.advance(250);
    manager.destroy();
    expect(clock.pendingTimers).toBe(0);
    clock.advance(10_000);
    expect([client.pings, client.closes, manager.connectionCount]).toEqual([2, [], 1]);
  });

  test('destroy() between a deadline and the verdict on it spares the client', () => {
    const { clock, manager, add } = setUp({ heartbeatIntervalMs: 100, heartbeatTimeoutMs: 50 });
    const client = add('a');
    clock.advanceTimersOnly(150);
    manager.destroy();
    clock.advance(1000);
    expect(client.closes).toEqual([]);
  });

  test('a client that is added after destroy() starts no timer', () => {
    const { clock, manager, add } = setUp();
    manager.destroy();
    const client = add('a');
    expect(clock.pendingTimers).toBe(0);
    manager.broadcastCursor('1', 'a');
    expect(client.sent).toEqual([message('1')]);
  });
});

describe('a mistake of the caller', () => {
  test.each([undefined, null, 42, 'client', {}, { send: 'text' }])(
    'addClient(%o) throws, and nothing is tracked',
    (client) => {
      const { manager } = setUp();
      expect(() => manager.addClient(client as never, { namespace: 'a' })).toThrow(
        /Expected `client` to be an object with send\(\), got /,
      );
      expect([manager.connectionCount, manager.namespaceCount]).toEqual([0, 0]);
    },
  );

  test.each([undefined, null, 42, '', {}])(
    'broadcastCursor(%o) throws, is not counted, and no client hears of it',
    (value) => {
      const { manager, add } = setUp();
      const client = add('a');
      expect(() => manager.broadcastCursor(value as never, 'a')).toThrow(/Expected `cursor`/);
      expect(() => manager.broadcastCursor('1', value as never)).toThrow(/Expected `namespace`/);
      expect([client.sent, client.closes, manager.broadcasts]).toEqual([[], [], 0]);
    },
  );
});
