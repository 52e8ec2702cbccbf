import { describe, expect, test } from 'vitest';
import {
  type GeneratorSample,
  SATURATED,
  SaturationWatch,
  type Standstill,
} from '../../../src/bench/measure/saturation.js';

type Fare = Partial<Omit<GeneratorSample, 'fromMs' | 'toMs'>>;

const busy: Fare = { cpu: 0.99, occupied: 0.99, delayMaxMs: 400 };
const calm: Fare = { cpu: 0.2, occupied: 0.2, delayMaxMs: 3 };

/** A second's sample that ends at a time; its longest standstill is none unless said otherwise. */
function sample(toS: number, fare: Fare, durationS = 1): GeneratorSample {
  const [fromMs, toMs] = [(toS - durationS) * 1000, toS * 1000];
  const longest = { fromMs, toMs: fromMs, cpuMs: 0, waitMs: 0 };
  return {
    fromMs,
    toMs,
    lateSinceMs: undefined,
    cpu: 0.2,
    occupied: 0.2,
    delayP99Ms: 3,
    delayMaxMs: 3,
    runQueueWait: 0,
    longest,
    ...fare,
  };
}

/** A watch of a run that does one thing, from its beginning on. */
function watching(kind: Parameters<SaturationWatch['begin']>[0] = 'emit'): SaturationWatch {
  const watch = new SaturationWatch();
  watch.begin(kind, 0);
  return watch;
}

/** Takes a sample a second. */
function take(watch: SaturationWatch, fares: readonly Fare[], fromS = 0): void {
  for (const [index, fare] of fares.entries()) watch.process('worker 2', sample(fromS + index + 1, fare));
}

const seconds = (count: number, fare: Fare): Fare[] => Array.from({ length: count }, () => fare);

describe('a process', () => {
  test('that is busy and late for three seconds running was the bottleneck, and is named once', () => {
    const watch = watching();
    take(watch, seconds(2, busy));
    expect(watch.found).toEqual([]);
    take(watch, seconds(1, busy), 2);
    expect(watch.found).toEqual([expect.stringMatching(/^worker 2 ran at 99% CPU.*400 ms.*--workers/)]);
    take(watch, seconds(1, busy), 3);
    expect(watch.found).toHaveLength(1);
  });

  test('that gets a calm second in between was not', () => {
    const watch = watching();
    take(watch, [busy, busy, calm, busy, busy]);
    expect(watch.found).toEqual([]);
  });

  test.each<[string, Fare]>([
    ['busy, but on time', { ...busy, delayMaxMs: SATURATED.delayMs }],
    ['late, but not busy', { ...busy, occupied: SATURATED.busy - 0.01 }],
    ['late, and beside a busy neighbour', { cpu: 0.3, runQueueWait: 0.4, occupied: 0.7, delayMaxMs: 300 }],
  ])('that is %s was not', (_what, fare) => {
    const watch = watching();
    take(watch, seconds(10, fare));
    expect(watch.found).toEqual([]);
  });

  test('is judged by its own seconds, not by those of the others', () => {
    const watch = watching();
    for (const name of ['worker 1', 'worker 2', 'the main process']) watch.process(name, sample(1, busy));
    expect(watch.found).toEqual([]);
  });

  test.each<[string, Fare, RegExp]>([
    ['spins beside another one that does', { cpu: 0.5, runQueueWait: 0.49 }, /is busy: it waited.* 49%/],
    ['gets next to nothing of a core', { cpu: 0.05, runQueueWait: 0.9 }, /is busy: it waited.* 90%/],
    ['cannot run, and cannot say why', { cpu: 0.05, runQueueWait: undefined }, /kept it from running/],
  ])('that %s is never idle either, and the machine is named as the cause', (_what, fare, cause) => {
    const watch = watching();
    take(watch, seconds(3, { ...fare, occupied: 0.98, delayMaxMs: 784 }));
    expect(watch.found).toEqual([expect.stringMatching(/784 ms/)]);
    expect(watch.found[0]).toMatch(cause);
  });

  test('that does not tell its waits is judged all the same', () => {
    const watch = watching();
    take(watch, seconds(3, { ...busy, runQueueWait: undefined }));
    expect(watch.found).toHaveLength(1);
  });
});

describe('the seconds of a process', () => {
  test('add up over phases that follow one another', () => {
    const watch = watching('emit');
    watch.end('emit', 1500);
    watch.begin('hold', 1501);
    take(watch, seconds(4, busy));
    expect(watch.found).toHaveLength(1);
  });

  test.each([
    [500, 1],
    [501, 0],
    [undefined, 0],
  ])('count from where it became late, in the middle of one: at %s ms', (lateSinceMs, found) => {
    const watch = watching();
    take(watch, [{ ...calm, lateSinceMs }, busy, busy]);
    watch.process('worker 2', sample(3.5, busy, 0.5));
    expect(watch.found).toHaveLength(found);
  });

  test.each(['connect', 'other'] as const)('do not count while all there is to do is to %s', (kind) => {
    const watch = watching(kind);
    take(watch, seconds(10, busy));
    expect(watch.found).toEqual([]);
  });

  test('count by the part of them in which something was measured, even if they come later', () => {
    const watch = watching('connect');
    watch.end('connect', 1500);
    watch.begin('emit', 1500);
    watch.end('emit', 4400);
    take(watch, seconds(5, busy));
    expect(watch.found).toEqual([]);
    const longer = watching('connect');
    longer.end('connect', 1500);
    longer.begin('emit', 1500);
    longer.end('emit', 4500);
    take(longer, seconds(5, busy));
    expect(longer.found).toHaveLength(1);
  });

  test('of a storm in between are skipped, and calm ones in it are a pause', () => {
    for (const [between, found] of [
      [busy, 1],
      [calm, 0],
    ] as const) {
      const watch = watching('emit');
      watch.end('emit', 2000);
      watch.begin('connect', 2000);
      watch.end('connect', 4000);
      watch.begin('emit', 4000);
      take(watch, [busy, busy, between, between, busy, busy]);
      expect(watch.found).toHaveLength(found);
    }
  });

  test.each([
    ['an emit counts', 'emit', 1],
    ['a hold does not count', 'hold', 0],
    ['churn does not count', 'churn', 0],
  ] as const)('while clients connect beside it, %s', (_what, kind, found) => {
    const watch = watching('connect');
    watch.begin(kind, 0);
    take(watch, seconds(5, busy));
    expect(watch.found).toHaveLength(found);
  });

  test('before the first phase and after the last one do not count', () => {
    const watch = new SaturationWatch();
    take(watch, seconds(5, busy));
    watch.begin('emit', 5000);
    watch.end('emit', 6000);
    take(watch, seconds(5, busy), 5);
    expect(watch.found).toEqual([]);
  });
});

describe('a standstill', () => {
  const still = (s: number, spent: Partial<Standstill> = {}): Fare => ({
    longest: { fromMs: 1000, toMs: 1000 + s * 1000, cpuMs: 10, waitMs: 5, ...spent },
  });

  test.each<[string, Partial<Standstill>, RegExp]>([
    ['of a process that was stopped', {}, /not run at all/],
    ['where waits are not told', { waitMs: undefined }, /not run at all/],
    ['of one that had no core', { waitMs: 6900 }, /the machine is busy.*98% of that time/],
    ['of one that was at one thing', { cpuMs: 6900 }, /too much to do at once.*--workers/],
  ])('%s is named, once, with how long it was', (_what, spent, why) => {
    const watch = watching('hold');
    watch.process('worker 1', sample(9, { ...still(7.02, spent), ...busy }, 8));
    expect(watch.found).toEqual([expect.stringMatching(/^worker 1 stalled for 7\.02 s/)]);
    expect(watch.found[0]).toMatch(why);
    watch.process('worker 1', sample(10, calm));
    expect(watch.found).toHaveLength(1);
  });

  test('that is shorter than what a client is killed for is none', () => {
    const watch = watching();
    watch.process('worker 1', sample(2, still(SATURATED.stillMs / 1000 - 0.001)));
    expect(watch.found).toEqual([]);
    watch.process('worker 1', sample(3, still(SATURATED.stillMs / 1000)));
    expect(watch.found).toHaveLength(1);
  });

  test('is told by the longest of a process', () => {
    const watch = watching();
    for (const [at, s] of [2, 3, 1.5].entries()) watch.process('worker 1', sample(at + 5, still(s)));
    expect(watch.found).toEqual([expect.stringContaining('3.00 s')]);
  });

  test('between two phases counts, when the process was not run at all: its clients were connected meanwhile', () => {
    const watch = new SaturationWatch();
    watch.begin('emit', 0);
    watch.end('emit', 900);
    watch.begin('emit', 3100);
    watch.process('worker 1', sample(4, still(2)));
    expect(watch.found).toEqual([expect.stringContaining('stalled for 2.00 s')]);
  });

  test('in a storm of connections is the work itself, unless the process was not run at all', () => {
    for (const spent of [{ cpuMs: 1400 }, { waitMs: 1400 }]) {
      const watch = watching('connect');
      watch.process('worker 1', sample(3, still(2, spent)));
      expect(watch.found).toEqual([]);
    }
    const watch = watching('connect');
    watch.process('worker 1', sample(3, still(2)));
    expect(watch.found).toEqual([expect.stringContaining('stalled for 2.00 s')]);
  });

  test('before the first phase touches nothing', () => {
    const watch = new SaturationWatch();
    watch.begin('connect', 5000);
    watch.process('worker 1', sample(9, still(4.5), 8));
    expect(watch.found).toEqual([]);
  });
});

describe('the emitter', () => {
  /** Reports one lag after another, a second each. */
  function lagging(watch: SaturationWatch, lags: readonly (number | undefined)[], plan = 1): void {
    for (const [second, lag] of lags.entries()) watch.emitter(plan, 1000, lag, (second + 1) * 1000);
  }

  test('that was behind its schedule for three seconds running was the bottleneck', () => {
    const watch = watching();
    watch.emitter(1, 1000, 300, 1000);
    watch.emitter(1, 1900, 300, 2900);
    expect(watch.found).toEqual([]);
    watch.emitter(1, 100, 300, 3000);
    expect(watch.found).toEqual(['the emitter was 300 ms behind its schedule (p99)']);
  });

  test('that was on time in between, or had nothing to send, was not', () => {
    const watch = watching();
    lagging(watch, [300, 300, 250, 300, 300, undefined, 300, 300]);
    expect(watch.found).toEqual([]);
  });

  test('of several plans at once is held against the schedule of each', () => {
    const both = watching();
    for (const plan of [1, 2]) lagging(both, [300, 300], plan);
    expect(both.found).toEqual([]);
    const one = watching();
    lagging(one, [300, 300, 300]);
    lagging(one, [1, 1, 1], 2);
    expect(one.found).toHaveLength(1);
  });

  const stopped = { longest: { fromMs: 1000, toMs: 2500, cpuMs: 0, waitMs: 0 } };
  test.each<[string, Fare, string]>([
    [
      'waited for a core',
      { runQueueWait: 0.5 },
      ' (the machine is busy: the main process could not run 50% of that time)',
    ],
    ['was stopped', stopped, ' (the machine is busy: the main process could not run 50% of that time)'],
    ['waited a little', { runQueueWait: 0.2 }, ''],
  ])('is late because of the machine when its process %s', (_what, fare, cause) => {
    const watch = watching();
    lagging(watch, [300, 300, 900]);
    // The sample comes later than the lag that it explains. What other processes did explains nothing.
    watch.process('worker 1', sample(3, { runQueueWait: 0.9 }, 3));
    watch.process('the main process', sample(3, fare, 3));
    watch.process('the main process', sample(9, { runQueueWait: 0.9 }, 6));
    expect(watch.found.at(-1)).toBe(`the emitter was 900 ms behind its schedule (p99)${cause}`);
  });
});

test('what was found stays found', () => {
  const watch = watching();
  take(watch, [busy, busy, busy, calm, calm]);
  expect(watch.found).toHaveLength(1);
});
