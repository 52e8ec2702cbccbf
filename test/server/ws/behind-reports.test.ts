import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { ConnectionInfo, ServerEvents } from '../../../src/server/events/events.js';
import { BehindReports } from '../../../src/server/ws/behind-reports.js';
import type { ServerSocket } from '../../../src/server/ws/server-socket.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

type Told = [id: number, heard: string | undefined, newest: string, others: number];

function reporting() {
  const told: Told[] = [];
  const events: ServerEvents = {
    behind: ({ id }: ConnectionInfo, ...rest) => void told.push([id, ...rest]),
  };
  const client = (id: number, heard?: string) => ({ id, heard, isOpen: true }) as unknown as ServerSocket;
  return { reports: new BehindReports(events), events, told, client };
}

test('however many cursors a client was not sent, it is named once in a quarter of a second, with the newest', () => {
  const { reports, told, client } = reporting();
  const slow = client(3, '38');
  for (let cursor = 39; cursor <= 500; cursor++) reports.missed(slow, String(cursor));
  expect(told).toEqual([]);
  vi.advanceTimersByTime(250);
  reports.missed(slow, '501');
  vi.advanceTimersByTime(250);
  expect(told).toEqual([
    [3, '38', '500', 0],
    [3, '38', '501', 0],
  ]);
  expect(vi.getTimerCount()).toBe(0);
});

test('a client that has caught up, or left, is not named', () => {
  const { reports, told, client } = reporting();
  const [caughtUp, beyond, sameText, left] = [client(1, '9'), client(2, '12'), client(3, 'x'), client(4)];
  for (const one of [caughtUp, beyond, left]) reports.missed(one, '10');
  reports.missed(sameText, 'x');
  Object.assign(caughtUp, { heard: '10' });
  Object.assign(left, { isOpen: false });
  vi.advanceTimersByTime(250);
  expect(told).toEqual([]);
});

test('of thousands of clients fifty are named, and the rest are counted', () => {
  const { reports, told, client } = reporting();
  for (let id = 1; id <= 10_000; id++) reports.missed(client(id), '7');
  vi.advanceTimersByTime(250);
  expect(told).toHaveLength(50);
  expect(told[0]).toEqual([1, undefined, '7', 0]);
  expect(told.at(-1)).toEqual([50, undefined, '7', 9950]);
});

test('without a listener nothing is kept and no timer runs, and none is left when the server is closed', () => {
  const { reports, events, told, client } = reporting();
  const { behind } = events;
  events.behind = undefined;
  reports.missed(client(1), '7');
  expect(vi.getTimerCount()).toBe(0);
  events.behind = behind;
  reports.missed(client(1), '7');
  reports.stop();
  expect(vi.getTimerCount()).toBe(0);
  vi.advanceTimersByTime(1000);
  expect(told).toEqual([]);
});
