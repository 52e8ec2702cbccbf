import { expect, test } from 'vitest';
import { type GeneratorSample, SaturationWatch } from '../../src/bench/measure/saturation.js';
import { asJson, filledResult } from '../bench/filled.js';
import { terminalReport } from '../bench/rendered.js';
import { machineStalls, unlessStalled } from './bench-process.js';

/** How bench ends when it was kept from measuring, with the report that it prints then. */
const invalid = (...reasons: string[]) => ({
  code: 5,
  stdout: terminalReport(asJson(filledResult(['hot.accepted == 50'], { invalid: reasons }))),
  stderr: '',
});

const STOPPED =
  'The load generator was the bottleneck: worker 1 stalled for 2.60 s (it did not run at all: stopped by a signal, or the whole machine was suspended)';
const BUSY =
  'The load generator was the bottleneck: worker 2 ran at 40% CPU with an event-loop delay of up to 300 ms (the machine is busy: it waited for a core 60% of the time)';

const TAKEN =
  'The machine is busy: other processes took 62% of its CPU, which may be why `fanout.p99 < 2s` does not hold (2.31 s)';

test('a run of bench that the machine kept from running is told from all others', () => {
  expect(machineStalls(invalid(TAKEN))).toEqual([TAKEN]);
  expect(machineStalls(invalid(STOPPED, BUSY))).toEqual([STOPPED, BUSY]);
  const inJson = JSON.stringify({ results: [{ invalidReasons: [STOPPED], problems: [] }] });
  expect(machineStalls({ code: 5, stdout: inJson, stderr: '' })).toEqual([STOPPED]);
  for (const final of [
    invalid(),
    invalid(
      BUSY,
      'The load generator was the bottleneck: worker 1 ran at 100% CPU with an event-loop delay of up to 300 ms (it needs more CPU than one core has: spread the clients with --workers, or use fewer)',
    ),
    invalid(
      STOPPED,
      'The load generator was the bottleneck: the emitter was 300 ms behind its schedule (p99)',
    ),
    invalid(STOPPED, 'Worker 2 (process 7) died with SIGKILL'),
    { ...invalid(STOPPED), code: 1 },
    {
      code: 5,
      stdout: inJson.replace('"problems":[', '"problems":["2 cursors were not accepted"'),
      stderr: '',
    },
  ])
    expect(machineStalls(final)).toBeUndefined();
});

const BUSY_SAMPLE = { cpu: 0.4, occupied: 1, delayMaxMs: 300, runQueueWait: 0 };

/** A sample of four seconds, in which nothing is wrong but what is said. */
const sample = (wrong: Partial<GeneratorSample>): GeneratorSample => ({
  ...{ fromMs: 0, toMs: 4000, lateSinceMs: undefined, cpu: 0.2, occupied: 0.2, delayP99Ms: 3, delayMaxMs: 3 },
  ...{ runQueueWait: 0, longest: { fromMs: 0, toMs: 0, cpuMs: 0, waitMs: 0 } },
  ...wrong,
});
const still = (cpuMs: number, waitMs: number) => ({ longest: { fromMs: 0, toMs: 2000, cpuMs, waitMs } });

test.each<[string, boolean, Partial<GeneratorSample>]>([
  ['waited for a core', true, { ...BUSY_SAMPLE, runQueueWait: 0.6 }],
  ['was kept from running, nobody knows by what', true, BUSY_SAMPLE],
  ['has too much to do', false, { ...BUSY_SAMPLE, cpu: 1 }],
  ['was stopped', true, still(0, 0)],
  ['stood still for want of a core', true, still(500, 1500)],
  ['stood still over its work', false, still(2000, 0)],
])("in bench's own words: a process that %s is of the machine: %s", (_, isOfTheMachine, wrong) => {
  const watch = new SaturationWatch();
  watch.begin('emit', 0);
  watch.process('worker 1', sample(wrong));
  expect(watch.found).toHaveLength(1);
  const stalls = machineStalls(invalid(`The load generator was the bottleneck: ${watch.found[0]}`));
  expect(stalls !== undefined).toBe(isOfTheMachine);
});

test.each([
  [true, 0.6],
  [false, 0],
])(
  "in bench's own words: an emitter that is late is of the machine (%s) where its process waited for %d of the time",
  (isOfTheMachine, runQueueWait) => {
    const watch = new SaturationWatch();
    watch.begin('emit', 0);
    watch.emitter(1, 4000, 900, 4000);
    watch.process('the main process', sample({ runQueueWait }));
    const [found] = watch.found;
    expect(found).toMatch(/^the emitter was 900 ms behind/);
    const stalls = machineStalls(invalid(`The load generator was the bottleneck: ${found}`));
    expect(stalls !== undefined).toBe(isOfTheMachine);
  },
);

test('such a run is repeated, at most twice, and each time is told; any other is final', async () => {
  const passed = { code: 0, stdout: 'PASSED smoke\n', stderr: '' };
  const stopped = invalid(STOPPED);
  const why = `a run: ${STOPPED}`;
  for (const [outputs, wanted, runs] of [
    [[passed], passed, 1],
    [[stopped, passed], passed, 2],
    [[stopped, stopped, stopped, passed], stopped, 3],
    [[{ ...stopped, code: 1 }, passed], { ...stopped, code: 1 }, 1],
  ] as const) {
    let count = 0;
    const run = async () => outputs[count++] ?? passed;
    const said: string[] = [];
    expect(await unlessStalled('a run', run, { say: (what) => said.push(what), atMost: 2 })).toEqual(wanted);
    expect(count).toBe(runs);
    // Nothing is repeated in secret.
    expect(said).toEqual(Array(runs - 1).fill(why));
  }
});
