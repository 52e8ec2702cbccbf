import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { ClusterCursor } from '../../../src/backplane/backplane.js';
import { CatchUp } from '../../../src/server/cluster/catch-up.js';
import { NamespaceSlots } from '../../../src/server/cluster/namespace-slots.js';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

const item = (namespace: string, cursor: string): ClusterCursor => ({ namespace, cursor, epoch: 0 });

test('missed cursors go out at the rate in clients, and a large namespace makes the next ones wait', () => {
  const sent: string[] = [];
  const clients: Record<string, number> = { a: 10, b: 25, c: 1, d: 1 };
  const catchUp = new CatchUp(200, ({ namespace }) => {
    sent.push(namespace);
    return clients[namespace] ?? 0;
  });
  catchUp.add(['a', 'b', 'c', 'd'].map((namespace) => item(namespace, '1')));
  expect([sent.join(''), catchUp.size]).toEqual(['a', 3]);
  vi.advanceTimersByTime(50);
  expect(sent.join('')).toBe('ab');
  vi.advanceTimersByTime(50);
  expect(sent.join('')).toBe('ab');
  vi.advanceTimersByTime(50);
  expect([sent.join(''), catchUp.size]).toEqual(['abcd', 0]);
  vi.advanceTimersByTime(1000);
  expect(vi.getTimerCount()).toBe(0);
});

test('a rate of 0 is at once; a cursor that is passed by is not sent, and a stop sends nothing more', () => {
  const sent: string[] = [];
  const deliver = ({ namespace, cursor }: ClusterCursor) => sent.push(`${namespace}${cursor}`) * 0 + 100;
  new CatchUp(0, deliver).add([item('a', '1'), item('b', '1')]);
  expect(sent.splice(0)).toEqual(['a1', 'b1']);
  const slow = new CatchUp(20, deliver);
  slow.add([item('a', '5'), item('b', '5'), item('c', '5'), item('d', '5')]);
  slow.passedBy('b', '4');
  slow.passedBy('c', '5');
  vi.advanceTimersByTime(5100);
  expect(sent).toEqual(['a5', 'b5']);
  slow.stop();
  vi.advanceTimersByTime(60_000);
  expect(sent).toEqual(['a5', 'b5']);
});

test('clients that come together are one request; counts never overtake each other', async () => {
  const asked: number[] = [];
  let free = 3;
  const slots = new NamespaceSlots(async (_, count) => {
    asked.push(count);
    await Promise.resolve();
    return { granted: Math.min(count, free), checked: true };
  });
  const answers = await Promise.all(Array.from({ length: 5 }, () => slots.acquire('x')));
  expect(answers.map((refusal) => refusal?.code)).toEqual([undefined, undefined, undefined, 4503, 4503]);
  expect(asked).toEqual([5]);
  free = 10;
  slots.release('x');
  expect(await slots.acquire('x')).toBeUndefined();
  expect(asked).toEqual([5, 3]);
  for (let i = 0; i < 3; i++) slots.release('x');
  await vi.waitFor(() => expect(asked.at(-1)).toBe(0));
});

test('the limit that refuses is named, and who was admitted unchecked is counted', async () => {
  const full = new NamespaceSlots(async () => ({ granted: 0, checked: true, isTotal: true }));
  expect((await full.acquire('x'))?.reason).toBe('Connection limit reached');
  const away = new NamespaceSlots(async (_, count) => ({ granted: count, checked: false }));
  await Promise.all([away.acquire('x'), away.acquire('y')]);
  expect(away.unchecked).toBe(2);
});
