import { expect, test } from 'vitest';
import { InFlight, peakOf } from '../../../src/bench/pulls/in-flight.js';

/** Requests from one time to another, in milliseconds. */
function of(...requests: readonly (readonly [number, number])[]) {
  const events = requests.flatMap(([from, to]) => [
    { at: from, isBegin: true },
    { at: to, isBegin: false },
  ]);
  const inFlight = new InFlight();
  for (const { at, isBegin } of events.sort((a, b) => a.at - b.at))
    if (isBegin) inFlight.begin(at);
    else inFlight.end(at);
  return inFlight.toData();
}

test('the peak is the most requests at a time', () => {
  expect(peakOf([of([0, 100], [50, 150], [60, 70], [200, 300])])).toBe(3);
});

test('of two processes, what was under way at the same time adds up, and at different times does not', () => {
  expect(peakOf([of([0, 100], [5, 100]), of([3, 100])])).toBe(3);
  expect(peakOf([of([0, 10], [5, 10]), of([500, 600])])).toBe(2);
});

test('without a request there is none', () => {
  expect(peakOf([])).toBe(0);
  expect(peakOf([[], []])).toBe(0);
});
