import { afterEach, describe, expect, test, vi } from 'vitest';
import { WebSocketManager } from '../../src/manager/web-socket-manager.js';
import { FakeClient } from '../support/fake-client.js';

afterEach(() => {
  vi.useRealTimers();
});

describe.each([
  ['all timers', undefined],
  ['the timeouts alone', ['setTimeout', 'clearTimeout']],
] as const)("a user's test that fakes %s", (_, toFake) => {
  test('sees a client expire when it has moved the time past the deadline, and not before', () => {
    vi.useFakeTimers(toFake === undefined ? {} : { toFake: [...toFake] });
    const manager = new WebSocketManager({ heartbeatIntervalMs: 100, heartbeatTimeoutMs: 50 });
    const client = new FakeClient();
    manager.addClient(client, { namespace: 'a' });
    vi.advanceTimersByTime(100);
    expect(client.pings).toBe(1);
    vi.advanceTimersByTime(49);
    expect([client.closes, manager.connectionCount]).toEqual([[], 1]);
    vi.advanceTimersByTime(1);
    expect(client.closes).toEqual([{ code: 1001, reason: 'Heartbeat timeout' }]);
    expect(manager.connectionCount).toBe(0);
  });

  test('sees all of many clients pinged at once', () => {
    vi.useFakeTimers(toFake === undefined ? {} : { toFake: [...toFake] });
    const manager = new WebSocketManager({ heartbeatIntervalMs: 100, maxConnectionsPerNamespace: 1000 });
    const clients = Array.from({ length: 1000 }, () => new FakeClient());
    for (const client of clients) manager.addClient(client, { namespace: 'a' });
    vi.advanceTimersByTime(100);
    expect(clients.filter(({ pings }) => pings === 1)).toHaveLength(1000);
  });
});

test('the heartbeat works where there is no setImmediate, as in a browser', async () => {
  const { setImmediate } = globalThis;
  Reflect.deleteProperty(globalThis, 'setImmediate');
  try {
    const manager = new WebSocketManager({ heartbeatIntervalMs: 5, heartbeatTimeoutMs: 5 });
    const client = new FakeClient();
    manager.addClient(client, { namespace: 'a' });
    await vi.waitFor(() => expect(manager.connectionCount).toBe(0), { timeout: 60_000 });
    expect(client.closes).toEqual([{ code: 1001, reason: 'Heartbeat timeout' }]);
  } finally {
    globalThis.setImmediate = setImmediate;
  }
});
