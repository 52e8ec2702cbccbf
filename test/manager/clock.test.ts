import { afterEach, expect, test, vi } from 'vitest';
import { type Clock, systemClock } from '../../src/manager/clock.js';
import { WebSocketManager } from '../../src/manager/web-socket-manager.js';
import { FakeClient } from '../support/fake-client.js';

afterEach(() => {
  vi.useRealTimers();
});

test('a timer of the system clock does not keep the process alive', () => {
  const handle = systemClock.setTimeout(() => {}, 60_000) as NodeJS.Timeout;
  try {
    expect(handle.hasRef()).toBe(false);
  } finally {
    systemClock.clearTimeout(handle);
  }
});

test('no timer of a manager keeps the process alive, neither that of the next beat nor that of a deadline', async () => {
  // A spy on the global timers would also see those of the test runner.
  const handles: NodeJS.Timeout[] = [];
  const clock: Clock = {
    ...systemClock,
    setTimeout(callback, delayMs) {
      const handle = systemClock.setTimeout(callback, delayMs) as NodeJS.Timeout;
      handles.push(handle);
      return handle;
    },
  };

  const manager = new WebSocketManager(
    { heartbeatIntervalMs: 1, heartbeatTimeoutMs: 60_000 },
    undefined,
    clock,
  );
  const client = new FakeClient();
  const pinged = new Promise<void>((resolve) => {
    client.onPing = resolve;
  });
  manager.addClient(client, { namespace: 'a' });
  // The timer above is unreferenced, so something else has to keep this process waiting for it.
  const keepAlive = setInterval(() => {}, 1000);
  await pinged;
  clearInterval(keepAlive);
  // The deadline is armed in the same turn as the ping that it belongs to.
  expect(handles.length).toBeGreaterThanOrEqual(3);
  expect(handles.map((handle) => handle.hasRef())).toEqual(handles.map(() => false));
  manager.destroy();
});

test('the system clock uses the global timers of the moment, so that faked ones are obeyed', () => {
  vi.useFakeTimers();
  const fired: string[] = [];
  systemClock.setTimeout(() => fired.push('kept'), 1000);
  const handle = systemClock.setTimeout(() => fired.push('cleared'), 1000);
  systemClock.setImmediate(() => fired.push('immediate'));
  systemClock.clearTimeout(handle);
  vi.advanceTimersByTime(1000);
  expect(fired).toEqual(['immediate', 'kept']);
});
