import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Batches, type Lane, orderedPlan } from '../../../src/bench/emitter/emitter.js';
import { monotonicMs } from '../../../src/bench/measure/clock.js';
import { emptyMeasurements } from '../../../src/bench/measure/measurements.js';
import { DatafnWsError } from '../../../src/protocol/errors.js';

const order = {
  namespaces: [0],
  ratePerSecond: 10,
  durationMs: 1000,
  batch: 1,
  cursorLength: 0,
  connections: 1,
  to: 'first',
  owes: 'every',
} as const;

test('the time of an emit begins when its lane sends it: waits of requests behind each other are not added up', async () => {
  let last = Promise.resolve();
  let sent = 0;
  const lane: Lane = {
    async emit() {
      const number = ++sent;
      last = last.then(() => sleep(20));
      await last;
      if (number === 2) throw new DatafnWsError('ERR_REFUSED', 'no');
      return 1;
    },
    close() {},
  };
  const { emit: measurement } = emptyMeasurements([]);
  const plan = orderedPlan(order, 1, 1, monotonicMs(), 1);
  const batches = new Batches(plan, ['a'], measurement, new AbortController().signal);
  const startMs = monotonicMs();
  await Promise.all([0, 1, 2, 3].map((index) => batches.emit(index, lane)));
  const tookMs = monotonicMs() - startMs;
  // The one that failed has its time, too.
  expect(measurement.time.count).toBe(4);
  expect((measurement.time.meanMs ?? 0) * 4).toBeLessThanOrEqual(tookMs + 1);
  expect(measurement.time.minMs).toBeGreaterThan(15);
});
