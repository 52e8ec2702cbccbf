import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Deadlines } from '../../../src/server/limits/deadlines.js';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function deadlines(delayMs: number) {
  const due: string[] = [];
  return { due, entries: new Deadlines<string>(delayMs, (entry) => due.push(entry)) };
}

test('each entry falls due after its own time, and one timer serves them all', () => {
  const { due, entries } = deadlines(100);
  entries.add('a');
  vi.advanceTimersByTime(40);
  entries.add('b');
  vi.advanceTimersByTime(40);
  entries.add('c');
  expect(vi.getTimerCount()).toBe(1);
  vi.advanceTimersByTime(19);
  expect(due).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(due).toEqual(['a']);
  vi.advanceTimersByTime(40);
  expect(due).toEqual(['a', 'b']);
  vi.advanceTimersByTime(40);
  expect(due).toEqual(['a', 'b', 'c']);
  expect([entries.size, vi.getTimerCount()]).toEqual([0, 0]);
});

test('one that was taken out in time does not fall due, and the one behind it does when it should', () => {
  const { due, entries } = deadlines(100);
  entries.add('a');
  vi.advanceTimersByTime(50);
  entries.add('b');
  entries.delete('a');
  vi.advanceTimersByTime(99);
  expect(due).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(due).toEqual(['b']);
});

test('adding an entry again gives it no more time; after it was taken out it has all of it again', () => {
  const { due, entries } = deadlines(100);
  entries.add('a');
  vi.advanceTimersByTime(60);
  entries.add('a');
  vi.advanceTimersByTime(40);
  expect(due).toEqual(['a']);
  entries.add('a');
  vi.advanceTimersByTime(60);
  entries.delete('a');
  entries.add('a');
  vi.advanceTimersByTime(99);
  expect(due).toEqual(['a']);
  vi.advanceTimersByTime(1);
  expect(due).toEqual(['a', 'a']);
});

test('with no time set, entries are counted and never fall due', () => {
  const { due, entries } = deadlines(0);
  entries.add('a');
  vi.advanceTimersByTime(1e9);
  expect([due, entries.size, vi.getTimerCount()]).toEqual([[], 1, 0]);
  entries.delete('a');
  expect(entries.size).toBe(0);
});

test('an entry that takes others out, or itself back in, while it falls due disturbs nobody', () => {
  const due: string[] = [];
  const entries = new Deadlines<string>(100, (entry) => {
    due.push(entry);
    if (entry === 'a' && due.length === 1) {
      entries.delete('b');
      entries.add('a');
    }
  });
  for (const entry of ['a', 'b', 'c']) entries.add(entry);
  vi.advanceTimersByTime(100);
  expect(due).toEqual(['a', 'c']);
  vi.advanceTimersByTime(100);
  expect(due).toEqual(['a', 'c', 'a']);
});
