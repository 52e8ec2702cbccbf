import { PassThrough } from 'node:stream';
import { afterEach, expect, test, vi } from 'vitest';
import type { FindPlan } from '../../../src/bench/find/plan.js';
import type { Phase } from '../../../src/bench/model/scenario.js';
import type { FindStep } from '../../../src/bench/report/find-schema.js';
import { FindScreen } from '../../../src/cli/bench/find-screen.js';
import type { Io } from '../../../src/cli/io.js';
import { Screen } from '../../support/screen.js';

const PLAN: FindPlan = {
  ...{ of: 'deliveries', from: 500, to: undefined, precision: 0.05 },
  ...{ rules: ['fanout.p99 < 250ms'], atLeast: undefined },
};
const STEP: FindStep = {
  load: 500,
  purpose: 'raise',
  outcome: 'holds',
  startedAt: '2030-01-01T00:00:00Z',
  durationMs: 2000,
  broke: [],
  reasons: [],
  p99Ms: 12,
  serverCpu: 0.5,
  generatorCpu: 0.1,
};

afterEach(() => void vi.useRealTimers());

/** A search on a terminal, whose clock is the test's. */
function searchOn(stderr: Screen): FindScreen {
  vi.useFakeTimers({ toFake: ['performance', 'setInterval', 'clearInterval'] });
  const io = {
    ...{ stdin: new PassThrough(), stdout: new PassThrough(), stderr, env: {} },
    onExit: () => () => {},
  } as unknown as Io;
  return new FindScreen(io, 'sample', PLAN, undefined);
}

test('on a terminal, the run under way has a line of its own that tells its phase and its time, until it is done', async () => {
  const terminal = new Screen(120);
  const search = searchOn(terminal);
  search.trying({ load: 500, purpose: 'raise', attempt: 1 }, 1);
  expect((await terminal.lines()).at(-1)).toMatch(/^run 1, to .*: 500 deliveries\/s {2}starting {2}0\.0 s$/);
  search.phaseStarted({ label: 'emit to all namespaces' } as Phase);
  vi.advanceTimersByTime(1600);
  expect((await terminal.lines()).at(-1)).toMatch(/: 500 deliveries\/s {2}emit to all namespaces {2}1\.6 s$/);

  search.tried(STEP, 1);
  search.trying({ load: 1000, purpose: 'raise', attempt: 2 }, 2);
  const lines = await terminal.lines();
  expect(lines.slice(1)).toEqual([
    '  1 500 deliveries/s ✓ holds: fan-out latency p99 12 ms, server CPU 50%',
    expect.stringMatching(/^run 2, to .*, again: 1,000 deliveries\/s {2}starting {2}0\.0 s$/),
  ]);
  search.close();
  expect(await terminal.lines()).toEqual(lines.slice(0, 2));
  // Nothing draws it any more.
  expect(vi.getTimerCount()).toBe(0);
  expect(terminal.showsCursor).toBe(true);
});
