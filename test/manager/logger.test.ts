import { expect, test } from 'vitest';
import { guardLogger, silentLogger } from '../../src/manager/contain.js';
import type { DatafnLogger } from '../../src/manager/types.js';
import { WebSocketManager } from '../../src/manager/web-socket-manager.js';
import { FakeClient } from '../support/fake-client.js';
import { FakeClock } from '../support/fake-clock.js';
import { RecordingLogger } from '../support/recording-logger.js';

const LEVELS = ['debug', 'info', 'warn', 'error'] as const;

function fail(): never {
  throw new Error('the logger is broken');
}
const brokenLogger: DatafnLogger = { debug: fail, info: fail, warn: fail, error: fail };

test.each(LEVELS)('a guarded logger passes %s on with its context, as a method of the logger', (level) => {
  const logger = new RecordingLogger();
  guardLogger(logger)[level]('text', { key: 'value' });
  expect(logger.entries).toEqual([{ level, message: 'text', context: { key: 'value' } }]);
});

test.each(LEVELS)('what a logger throws at %s stays in the guard', (level) => {
  expect(() => guardLogger(brokenLogger)[level]('text')).not.toThrow();
});

test.each(LEVELS)('the silent logger takes %s', (level) => {
  expect(silentLogger[level]('text', {})).toBeUndefined();
});

test('a manager whose logger always throws works all the same', () => {
  const clock = new FakeClock();
  const manager = new WebSocketManager(
    { maxConnections: 3, heartbeatIntervalMs: 100, heartbeatTimeoutMs: 50 },
    brokenLogger,
    clock,
  );
  const [failing, silent, healthy] = [new FakeClient(), new FakeClient(), new FakeClient()];
  failing.sendError = new Error('gone');
  healthy.onPing = () => manager.handlePong(healthy);
  for (const client of [failing, silent, healthy])
    expect(manager.addClient(client, { namespace: 'a' })).toBe(true);
  expect(manager.addClient(failing, { namespace: 'b' })).toBe(false);
  expect(manager.addClient(new FakeClient(), { namespace: 'a' })).toBe(false);
  expect(manager.broadcastCursor('1', 'a')).toMatchObject({ delivered: 2, failed: 1 });
  clock.advance(150);
  expect(manager.connectionCount).toBe(1);
  manager.handleMessage(healthy, '{"type":"hello","clientId":"c"}');
  expect(manager.describeClient(healthy)?.clientId).toBe('c');
  manager.close();
  expect(healthy.closes).toEqual([{ code: 1001, reason: 'Going Away' }]);
});
