import { PassThrough } from 'node:stream';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { emptyMeasurements } from '../../../src/bench/measure/measurements.js';
import type { PhaseResult } from '../../../src/bench/model/result.js';
import type { Phase } from '../../../src/bench/model/scenario.js';
import type { RunProgress } from '../../../src/bench/recorder.js';
import { parseScenario } from '../../../src/bench/scenario/load.js';
import { ProgressScreen } from '../../../src/cli/bench/progress.js';
import type { Io } from '../../../src/cli/io.js';
import { Screen } from '../../support/screen.js';

const scenario = parseScenario(
  `version: 1
name: sample
cohorts:
  steady: { clients: 1000, namespaces: "user:{1..20}" }
  hot: { clients: 60 }
phases:
  - connect: { cohort: steady, rate: 500/s }
  - parallel:
      - connect: { cohort: hot, rate: 20/s }
      - emit: { namespaces: all, rate: 50/s, for: 3s }
      - hold: 4s
  - disconnect: { cohort: steady, fraction: 0.5 }
  - { hold: 2s, expect: [steady.open == 1] }
expect: [errors == 0]
`,
  'sample.yaml',
);

afterEach(() => void vi.useRealTimers());

/** A screen with the progress of a run on it, at times that the test chooses. */
function shownOn(screen: Screen, live?: boolean, env: Record<string, string> = {}) {
  vi.useFakeTimers({ toFake: ['performance'] });
  let exit: (() => void) | undefined;
  const io: Io = {
    stdin: new PassThrough(),
    stdout: new PassThrough(),
    stderr: screen,
    env,
    onStop: () => () => {},
    onReload: () => () => {},
    onStrayError: () => () => {},
    waitForReaders: () => {},
    onExit(listener) {
      exit = listener;
      return () => {
        exit = undefined;
      };
    },
  };
  const progress = new ProgressScreen(io, scenario, live);
  const phase = (index: number) => scenario.phases[index] as Phase;
  return {
    progress,
    exit: () => exit?.(),
    start: (index: number) => progress.phaseStarted(phase(index), index, scenario.phases.length),
    at(ms: number, now: Partial<RunProgress>) {
      vi.advanceTimersByTime(ms);
      progress.progress({
        open: [0, 0],
        failed: 0,
        received: 0,
        fanoutP99Ms: undefined,
        connects: { due: 0, sent: 0 },
        emits: { due: 0, sent: 0 },
        ...now,
      });
    },
    end(index: number, parts: Partial<PhaseResult> = {}) {
      const measurements = emptyMeasurements(scenario.cohorts);
      Object.assign(measurements.cohorts[0]?.tally.counters ?? {}, { opened: 1000, received: 123_456 });
      const result = {
        phase: phase(index),
        isFinished: true,
        startMs: 0,
        durationMs: 2000,
        measurements,
        outcomes: [],
      };
      progress.phaseEnded({ ...result, ...parts });
    },
  };
}

describe('the live view', () => {
  test('has a bar of who is connected, the target, and the numbers', async () => {
    const screen = new Screen(80);
    const { start, at } = shownOn(screen);
    start(0);
    at(200, { open: [250, 0], failed: 3 });
    expect(await screen.lines()).toEqual([
      'sample',
      '1/4 connect 1,000 clients (steady) at 500/s  0.2 s',
      '  steady  ██████░░░░░░░░░░░░░░░░░░  250 of 1,000 connected',
      '  250 of 1,060 connected, 0 deliveries/s, fan-out p99 –, 3 closed or failed',
    ]);
  });

  test('has a bar for each thing that is done at once, and the rate and latency of the last second', async () => {
    const screen = new Screen(80);
    const { start, at } = shownOn(screen);
    start(1);
    at(500, { open: [1000, 10], received: 0 });
    at(1000, { open: [1000, 30], received: 2000, fanoutP99Ms: 3.456 });
    expect(await screen.lines()).toEqual([
      '2/4 connect 60 clients (hot) at 20/s | emit to all namespaces at 50/s f…  1.5 s',
      '  hot   ████████████░░░░░░░░░░░░  30 of 60 connected',
      '  emit  ████████████░░░░░░░░░░░░  1.5 s of 3.0 s',
      '  hold  █████████░░░░░░░░░░░░░░░  1.5 s of 4.0 s',
      '  1,030 of 1,060 connected, 2,000 deliveries/s, fan-out p99 3.46 ms',
      '  0 closed or failed',
    ]);
    at(2000, { open: [1000, 60], received: 2000 });
    const lines = await screen.lines();
    expect(lines[2]).toBe('  emit  ████████████████████████  waiting for the last deliveries');
    expect(lines[4]).toContain('0 deliveries/s');
  });

  test.each([
    [{ opened: 0, received: 0 }, '4/4 hold for 2 s: done in 2 s'],
    [{ opened: 0, received: 1 }, '4/4 hold for 2 s: 1 delivery in 2 s'],
  ])('leaves a line for a phase that ended: %j', async (counters, line) => {
    const screen = new Screen(80);
    const { start, end } = shownOn(screen);
    start(3);
    const measurements = emptyMeasurements(scenario.cohorts);
    Object.assign(measurements.cohorts[0]?.tally.counters ?? {}, counters);
    end(3, { measurements });
    expect(await screen.lines()).toEqual([line]);
  });

  test('of a disconnect fills as clients go', async () => {
    const screen = new Screen(80);
    const { start, at } = shownOn(screen);
    start(2);
    at(200, { open: [750, 0] });
    expect((await screen.lines())[1]).toBe('  steady  ████████████░░░░░░░░░░░░  750 still connected');
  });

  test.each([80, 50, 30, 14])('fits %i columns, and is drawn in the same place', async (columns) => {
    const screen = new Screen(columns);
    const { start, at } = shownOn(screen);
    start(1);
    at(200, { open: [1000, 10] });
    const before = (await screen.lines()).length;
    for (let turn = 0; turn < 30; turn++)
      at(100, { open: [1000, turn * 2], received: turn * 1e6, failed: turn });
    const lines = await screen.lines();
    expect(Math.abs(lines.length - before)).toBeLessThanOrEqual(2);
    for (const line of lines) expect(line.length).toBeLessThan(columns);
    expect(lines.filter((line) => line.startsWith('2/4'))).toHaveLength(1);
    expect(lines.filter((line) => line.startsWith('  1,0'))).toHaveLength(1);
  });

  test('of a terminal that becomes narrower or wider leaves nothing behind on it', async () => {
    const screen = new Screen(80, 40);
    const { start, at } = shownOn(screen);
    start(0);
    start(1);
    at(200, { open: [1000, 10], fanoutP99Ms: 1.5 });
    for (const columns of [50, 33, 100, 61]) {
      await screen.lines();
      screen.resize(columns);
      at(200, { open: [1000, 20], fanoutP99Ms: 1.5 });
      const lines = await screen.lines();
      expect(lines.filter((line) => line.startsWith('2/4'))).toHaveLength(1);
      expect(lines.filter((line) => line.includes('█'))).toHaveLength(3);
      expect(lines[0]).toBe('sample');
    }
  });

  test('is no higher than the terminal', async () => {
    const screen = new Screen(80, 4);
    const { start, at } = shownOn(screen);
    start(1);
    for (let turn = 0; turn < 5; turn++) at(200, { open: [1000, turn] });
    expect((await screen.lines()).filter((line) => line.startsWith('2/4'))).toHaveLength(1);
  });

  test('makes way for the line of a phase that is over, which stays, broken between words', async () => {
    const screen = new Screen(60);
    const { start, at, end } = shownOn(screen);
    start(1);
    at(200, { open: [1000, 10] });
    end(1);
    expect(await screen.lines()).toEqual([
      '2/4 connect 60 clients (hot) at 20/s | emit to all',
      '    namespaces at 50/s for 3 s | hold for 4 s: 1,000',
      '    opened, 123,456 deliveries, 0 lost in 2 s',
    ]);
  });

  test('hides the cursor while it is there, and gives it back', async () => {
    const screen = new Screen(80);
    const { progress, start, at } = shownOn(screen);
    start(0);
    expect(screen.showsCursor).toBe(true);
    at(200, {});
    expect(screen.showsCursor).toBe(false);
    progress.close();
    expect(screen.showsCursor).toBe(true);
    const { written } = screen;
    progress.close();
    expect(screen.written).toBe(written);
    expect(await screen.lines()).toEqual(['sample']);
  });

  test('gives the cursor back when the process exits in the middle of it', () => {
    const screen = new Screen(80);
    const { start, at, exit } = shownOn(screen);
    start(0);
    at(200, {});
    exit();
    expect(screen.showsCursor).toBe(true);
  });
});

describe('where nobody watches', () => {
  const everything = (screen: Screen, live?: boolean, env?: Record<string, string>) => {
    const { progress, start, at, end } = shownOn(screen, live, env);
    start(0);
    at(200, { open: [250, 0] });
    end(0);
    start(3);
    at(200, { open: [250, 0] });
    const expectation = scenario.phases[3]?.expectations[0];
    if (expectation === undefined) throw new Error('a phase without its rule');
    end(3, {
      isFinished: false,
      durationMs: 700,
      outcomes: [{ expectation, passed: false, actual: 2, shown: '2' }],
    });
    progress.close();
    return screen.written;
  };
  const LINES = `sample
1/4 connect 1,000 clients (steady) at 500/s: 1,000 opened, 123,456 deliveries in 2 s
4/4 hold for 2 s: 1,000 opened, 123,456 deliveries, stopped after 700 ms
    ✗ steady.open == 1  2
`;

  test('in a pipe, there is a line a phase, and no escape', () => {
    expect(everything(Object.assign(new Screen(80), { isTTY: false }))).toBe(LINES);
  });

  test('the same on a dumb terminal, and on any with --no-progress', () => {
    const plain = { NO_COLOR: '1' };
    expect(everything(new Screen(80), undefined, { TERM: 'dumb' })).toBe(LINES);
    expect(everything(new Screen(80), false, plain)).toBe(LINES);
  });

  test('in a pipe with --progress, the live view is there', () => {
    expect(everything(Object.assign(new Screen(80), { isTTY: false }), true)).toContain(
      '250 of 1,000 connected',
    );
  });
});
