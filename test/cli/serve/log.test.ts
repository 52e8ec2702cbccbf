import { Writable } from 'node:stream';
import { Chalk } from 'chalk';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { BoundedLines, LimitedLog, Log, limitedLogger } from '../../../src/cli/serve/log.js';
import { logEvents } from '../../../src/cli/serve/log-events.js';
import type { ConnectionInfo } from '../../../src/server/events/events.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function recordingLog(format: 'pretty' | 'json' = 'pretty') {
  const lines: string[] = [];
  const log = new Log({
    level: 'info',
    format,
    colors: new Chalk({ level: 0 }),
    write: (line) => lines.push(line.trimEnd().replace(/^\d\d:\d\d:\d\d /, '')),
    now: () => new Date(),
  });
  return { log, lines };
}

test('the first of a second are logged, the others are counted, and not even described', () => {
  const { log, lines } = recordingLog();
  const limited = new LimitedLog(log, { event: 'e', level: 'info', sign: 'x', what: ['client', 'clients'] });
  const describe = vi.fn(() => ({ text: 'refused' }));
  for (let count = 0; count < 410; count++) limited.add(describe);
  expect(lines).toEqual(Array(10).fill('x refused'));
  expect(describe).toHaveBeenCalledTimes(10);
  vi.advanceTimersByTime(1000);
  expect(lines.slice(10)).toEqual(['x 400 more clients']);
  for (let count = 0; count < 11; count++) limited.add(describe);
  expect(lines).toHaveLength(21);
  limited.dispose();
  expect(lines.slice(21)).toEqual(['x 1 more client']);
  expect(vi.getTimerCount()).toBe(0);
});

test('a second without more says nothing more', () => {
  const { log, lines } = recordingLog();
  const limited = new LimitedLog(log, { event: 'e', level: 'info', sign: 'x', what: ['client', 'clients'] });
  limited.add(() => ({ text: 'refused' }));
  vi.advanceTimersByTime(5000);
  limited.dispose();
  expect(lines).toEqual(['x refused']);
});

test('refusals of every kind are lines with what came and why, as fields as well', () => {
  const client = { id: 2, namespace: undefined, clientId: undefined, remoteAddress: '10.0.0.1' };
  const tell = (format: 'pretty' | 'json') => {
    const { log, lines } = recordingLog(format);
    const eventLog = logEvents(log, new Chalk({ level: 0 }));
    eventLog.refused?.(client, 4401, 'Unauthorized', 'the token is not known');
    eventLog.rejectedUpgrade?.(401, 'Expected a token', 'no token');
    eventLog.rejectedRequest?.(403, 'Expected the Host', { method: 'GET', path: '"/v1/stats"' });
    eventLog.rejectedRequest?.(400, 'Expected an HTTP/1.1 request');
    eventLog.dispose();
    return lines;
  };
  expect(tell('pretty')).toEqual([
    'x #2 (no namespace) refused with 4401 Unauthorized: the token is not known',
    'x upgrade rejected with HTTP 401: Expected a token: no token',
    'x GET "/v1/stats" rejected with HTTP 403: Expected the Host',
    'x malformed request rejected with HTTP 400: Expected an HTTP/1.1 request',
  ]);
  expect(tell('json').map((line) => JSON.parse(line))).toMatchObject([
    { event: 'client.refused', code: 4401, why: 'the token is not known' },
    { event: 'upgrade.rejected', status: 401, why: 'no token' },
    { event: 'request.rejected', status: 403, method: 'GET', path: '"/v1/stats"' },
    { event: 'request.rejected', status: 400 },
  ]);
});

test('warnings that clients can cause are limited as well, with what they tell', () => {
  const { log, lines } = recordingLog('json');
  const logger = limitedLogger(log);
  for (let count = 0; count < 100; count++) logger.warn('The namespace provider failed', { error: 'away' });
  logger.dispose();
  expect(lines).toHaveLength(11);
  expect(JSON.parse(lines[0] as string)).toMatchObject({ level: 'warn', error: 'away' });
  expect(JSON.parse(lines[10] as string)).toMatchObject({
    level: 'warn',
    message: '90 more warnings',
    more: 90,
  });
});

test('who ended a connection is said; one that is lost was closed by nobody', () => {
  const { log, lines } = recordingLog();
  const eventLog = logEvents(log, new Chalk({ level: 0 }));
  const connection = { id: 1, namespace: 'a' } as ConnectionInfo;
  eventLog.closed?.(connection, 1001, 'Heartbeat timeout', 'server');
  eventLog.closed?.(connection, 4000, '', 'peer');
  eventLog.closed?.(connection, 1006, '', 'peer');
  eventLog.dispose();
  expect(lines).toEqual([
    '- #1 a closed by the server with 1001 Heartbeat timeout',
    '- #1 a closed by the client with 4000',
    '- #1 a disconnected without a close frame (1006)',
  ]);
});

test('lines that a reader is too slow for are dropped, and counted when it has caught up', () => {
  const [written, taken, counts] = [[] as string[], [] as (() => void)[], [] as number[]];
  const slow = new Writable({
    write(chunk, _, done) {
      written.push(String(chunk));
      taken.push(done);
    },
  });
  const drained = vi.spyOn(slow, 'once');
  const lines = new BoundedLines(slow, (count) => counts.push(count));
  const long = 'x'.repeat(1024 * 1024);
  for (const line of [long, 'fits', 'dropped', 'dropped, too']) lines.write(line);
  expect([drained.mock.calls.map(([event]) => event), counts]).toEqual([['drain'], []]);
  slow.emit('drain');
  expect(counts).toEqual([2]);
  for (const done of taken.splice(0)) done();
  expect(written).toEqual([long, 'fits']);
});
