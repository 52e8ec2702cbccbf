import { describe, expect, test } from 'vitest';
import { SATURATED, SaturationWatch } from '../../../src/bench/measure/saturation.js';

const busy = { durationMs: 1000, cpu: 0.99, delayP99Ms: 400, runQueueWait: 0 };
const calm = { ...busy, cpu: 0.2, delayP99Ms: 3 };

describe('a worker', () => {
  test('that is busy and late for three seconds running was the bottleneck, and is named once', () => {
    const watch = new SaturationWatch();
    for (let second = 0; second < 2; second++) watch.worker(1, busy);
    expect(watch.found).toEqual([]);
    watch.worker(1, busy);
    expect(watch.found).toEqual([expect.stringMatching(/^worker 2 ran at 99 % CPU.*400 ms.*--workers/)]);
    watch.worker(1, busy);
    expect(watch.found).toHaveLength(1);
  });

  test('that gets a calm second in between was not', () => {
    const watch = new SaturationWatch();
    for (const sample of [busy, busy, calm, busy, busy]) watch.worker(0, sample);
    expect(watch.found).toEqual([]);
  });

  test.each([
    ['busy, but on time', { ...busy, delayP99Ms: SATURATED.delayP99Ms }],
    ['late, but not busy', { ...busy, cpu: SATURATED.cpu - 0.01 }],
  ])('that is %s was not', (_what, sample) => {
    const watch = new SaturationWatch();
    for (let second = 0; second < 10; second++) watch.worker(0, sample);
    expect(watch.found).toEqual([]);
  });

  test('is judged by its own seconds, not by those of the others', () => {
    const watch = new SaturationWatch();
    for (const worker of [0, 1, 2, 3, 4]) watch.worker(worker, busy);
    expect(watch.found).toEqual([]);
  });

  test('that waited for a core is told apart from one that needed more than one', () => {
    const watch = new SaturationWatch();
    for (let second = 0; second < 3; second++) watch.worker(0, { ...busy, runQueueWait: 0.5 });
    expect(watch.found).toEqual([expect.stringContaining('the machine is busy')]);
    expect(watch.found[0]).toContain('50 %');
  });

  test('that does not tell its waits is judged all the same', () => {
    const watch = new SaturationWatch();
    for (let second = 0; second < 3; second++) watch.worker(0, { ...busy, runQueueWait: undefined });
    expect(watch.found).toHaveLength(1);
  });
});

describe('the emitter', () => {
  test('that was behind its schedule for three seconds running was the bottleneck', () => {
    const watch = new SaturationWatch();
    watch.emitter(1000, 300);
    watch.emitter(1900, 300);
    expect(watch.found).toEqual([]);
    watch.emitter(100, 300);
    expect(watch.found).toEqual([expect.stringContaining('300 ms behind')]);
  });

  test('that was on time in between, or had nothing to send, was not', () => {
    const watch = new SaturationWatch();
    for (const lag of [300, 300, 250, 300, 300, undefined, 300, 300]) watch.emitter(1000, lag);
    expect(watch.found).toEqual([]);
  });
});

test('bad seconds of one phase do not add up with those of the next', () => {
  const watch = new SaturationWatch();
  for (let phase = 0; phase < 5; phase++) {
    watch.restart();
    for (let second = 0; second < 2; second++) {
      watch.worker(0, busy);
      watch.emitter(1000, 300);
    }
  }
  expect(watch.found).toEqual([]);
});

test('what was found stays found in the next phase', () => {
  const watch = new SaturationWatch();
  for (let second = 0; second < 3; second++) watch.worker(0, busy);
  watch.restart();
  watch.worker(0, calm);
  expect(watch.found).toHaveLength(1);
});
