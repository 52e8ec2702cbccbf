import { describe, expect, test } from 'vitest';
import type { ApiClient, Emission } from '../../src/emit/api-client.js';
import { dueAtMs, type EmitRunOptions, runEmit } from '../../src/emit/run.js';
import type { ScriptError, ScriptStep } from '../../src/emit/script.js';
import { DatafnWsError } from '../../src/protocol/errors.js';
import { within } from '../support/deadline.js';

const step = (line: number, delayMs = 0): ScriptStep => ({
  line,
  delayMs,
  emissions: [{ namespace: 'a', cursor: String(line) }],
});
const broken = (line: number): ScriptError => ({
  line,
  error: new DatafnWsError('ERR_INVALID_SCRIPT', `Line ${line}: broken`),
});

function setUp(steps: EmitRunOptions['steps'], options: Partial<EmitRunOptions> = {}) {
  const emitted: string[] = [];
  const failures: string[] = [];
  const abort = new AbortController();
  /** Set by a test to make the server say no. */
  const server: { answer(emissions: readonly Emission[]): void } = { answer: () => {} };
  const client = {
    async emit(emissions: readonly Emission[]) {
      server.answer(emissions);
      emitted.push(...emissions.map(({ cursor }) => cursor));
      return emissions.map((emission) => ({ ...emission, delivered: 2 }));
    },
  } as unknown as ApiClient;
  const run = () =>
    runEmit({
      client,
      steps,
      keepGoing: false,
      signal: abort.signal,
      onEmitted: () => {},
      onFailure: (error) => failures.push(error.message),
      ...options,
    });
  return { run, emitted, failures, abort, server };
}

describe('a run', () => {
  test('emits the steps in order and sums up', async () => {
    const { run, emitted } = setUp([step(1), step(2), step(3)]);
    expect(await run()).toMatchObject({ cursors: 3, deliveries: 6, failures: 0, maxLagMs: 0 });
    expect(emitted).toEqual(['1', '2', '3']);
  });

  test('at a rate takes as long as the schedule says', async () => {
    const { run } = setUp([step(1), step(2), step(3), step(4)], { ratePerSecond: 50 });
    const { elapsedMs } = await run();
    // Timers may fire a millisecond early.
    expect(elapsedMs).toBeGreaterThan(58);
  });

  test('that falls behind its rate catches up and tells by how much', async () => {
    const { run, server, emitted } = setUp([step(1), step(2), step(3)], { ratePerSecond: 1000 });
    server.answer = () => {
      const until = performance.now() + 20;
      while (performance.now() < until);
    };
    expect((await run()).maxLagMs).toBeGreaterThan(15);
    expect(emitted).toHaveLength(3);
  });

  test('waits for the delay of a step', async () => {
    const { run } = setUp([step(1), step(2, 40)]);
    expect((await run()).elapsedMs).toBeGreaterThan(38);
  });

  test('ends with the first line that is not valid, after what came before it', async () => {
    const { run, emitted } = setUp([step(1), broken(2), step(3)]);
    await expect(run()).rejects.toThrow('Line 2: broken');
    expect(emitted).toEqual(['1']);
  });

  test('that keeps going reports each failure, counts every cursor of it, and goes on', async () => {
    const two: ScriptStep = {
      ...step(3),
      emissions: [
        { namespace: 'a', cursor: '3' },
        { namespace: 'b', cursor: '3' },
      ],
    };
    const { run, emitted, failures, server } = setUp([step(1), broken(2), two, step(4)], { keepGoing: true });
    server.answer = ([first]) => {
      if (first?.cursor === '3') throw new DatafnWsError('ERR_REFUSED', 'no');
    };
    expect(await run()).toMatchObject({ cursors: 2, failures: 3 });
    expect(failures).toEqual(['Line 2: broken', 'no']);
    expect(emitted).toEqual(['1', '4']);
  });

  test('that keeps going still ends when the server is gone', async () => {
    const { run, server } = setUp([step(1), step(2)], { keepGoing: true });
    server.answer = () => {
      throw new DatafnWsError('ERR_UNREACHABLE', 'gone');
    };
    await expect(run()).rejects.toThrow('gone');
  });

  test('that is aborted in a long wait stops at once, with a summary and without an error', async () => {
    // A turn after the first step, so that the wait for the second one is under way.
    const { run, abort, emitted } = setUp([step(1), step(2, 60_000), step(3)], {
      onEmitted: () => setImmediate(() => abort.abort()),
    });
    expect(await within(run(), 'the end of the run')).toMatchObject({ cursors: 1, failures: 0 });
    expect(emitted).toEqual(['1']);
  });

  test('does not swallow what is a bug', async () => {
    const { run, server } = setUp([step(1)], { keepGoing: true });
    server.answer = () => {
      throw new TypeError('bug');
    };
    await expect(run()).rejects.toThrow(TypeError);
  });
});

test('the first event is due at once, and each one an interval after the one before', () => {
  expect([0, 1, 2, 3].map((index) => dueAtMs(index, 10))).toEqual([0, 100, 200, 300]);
  expect([0, 1, 2].map((index) => dueAtMs(index, 0.5))).toEqual([0, 2000, 4000]);
});

test('a schedule does not drift: the millionth event of 3/s is due where arithmetic says', () => {
  expect(dueAtMs(999_999, 3)).toBeCloseTo(333_333_000, 6);
});
