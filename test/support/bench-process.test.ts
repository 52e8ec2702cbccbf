import { expect, test } from 'vitest';
import { machineStalls, unlessStalled } from './bench-process.js';

const invalid = (...reasons: string[]) => ({
  code: 5,
  stdout: `INVALID smoke\n  A summary.\n  16 of 16 expectations hold as far as it got\n${reasons.map((one) => `  ! ${one}\n`).join('')}\nExpectations\n`,
  stderr: '',
});

const STOPPED =
  'The load generator was the bottleneck: worker 1 stalled for 2.60 s (it did not run at all: stopped\n    by a signal, or the whole machine was suspended)';
const BUSY =
  'The load generator was the bottleneck: worker 2 ran at 40% CPU with an event-loop delay of up to 300 ms (the machine is busy: it waited for a core 60% of the time)';

const TAKEN =
  'The machine is busy: other processes took 62% of its CPU, which may be why `fanout.p99 < 2s` does not hold (2.31 s)';

test('a run of bench that the machine kept from running is told from all others', () => {
  expect(machineStalls(invalid(TAKEN))).toEqual([TAKEN]);
  expect(machineStalls(invalid(STOPPED, BUSY))).toEqual([STOPPED.replace(/\s+/g, ' '), BUSY]);
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
  ])
    expect(machineStalls(final)).toBeUndefined();
});

test('such a run is repeated, at most twice; any other is final', async () => {
  const passed = { code: 0, stdout: 'PASSED smoke\n', stderr: '' };
  const still = invalid(STOPPED);
  for (const [outputs, wanted, runs] of [
    [[passed], passed, 1],
    [[still, passed], passed, 2],
    [[still, still, still, passed], still, 3],
    [[{ ...still, code: 1 }, passed], { ...still, code: 1 }, 1],
  ] as const) {
    let count = 0;
    const run = async () => outputs[count++] ?? passed;
    expect(await unlessStalled('a run', run, () => {})).toEqual(wanted);
    expect(count).toBe(runs);
  }
});
