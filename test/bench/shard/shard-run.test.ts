import { describe, expect, test } from 'vitest';
import { monotonicMs } from '../../../src/bench/measure/clock.js';
import { parseScenario } from '../../../src/bench/scenario/load.js';
import type { ClockSample } from '../../../src/bench/shard/clock-offset.js';
import { ShardRun } from '../../../src/bench/shard/shard-run.js';

/** Two phases, of which the first has a second and a slack of two: the second one begins at 3 s. */
const SCENARIO = parseScenario(
  `version: 1
name: parts
cohorts:
  steady: { clients: 4 }
phases:
  - hold: 1s
  - hold: 2s
expect: [accepted == 0]
`,
  'parts.yaml',
);
const SECOND_FROM_MS = 3000;
const HOUR_MS = 3_600_000;

/** From the monotonic clock of this machine to its wall clock. */
const WALL_MS = Date.now() - monotonicMs();
/** How long this process may stand still in a test: what is compared differs by more. */
const STILL_MS = 20_000;

/** A target whose clock is that of this machine and `aheadMs`, and whose answers take twice `spreadMs`. */
class FakeTarget {
  begun = 0;
  aheadMs = 0;
  spreadMs = 5;

  constructor(private readonly tellsTime = true) {}

  async readClock(times: number): Promise<readonly ClockSample[]> {
    const nowMs = monotonicMs();
    const theirMs = nowMs + WALL_MS + this.aheadMs;
    const sample = { sentMs: nowMs - this.spreadMs, theirMs, receivedMs: nowMs + this.spreadMs };
    return this.tellsTime ? Array.from({ length: times }, () => sample) : [];
  }

  async beginStatistics(): Promise<void> {
    this.begun += 1;
  }
}

/** A shard that begins so long from now on the clock of its target. Nothing is waited for: it has been asked to stop. */
function shardIn(ms: number, target = new FakeTarget(), index = 1): ShardRun {
  const startAtMs = Date.now() + target.aheadMs + ms;
  return new ShardRun({ index, of: 2, startAtMs, slackMs: 2000 }, SCENARIO, target, AbortSignal.abort());
}

describe('the clock of a shard', () => {
  test('is that of its target: it begins when that one says so, hours from what this machine says', async () => {
    const target = new FakeTarget();
    target.aheadMs = 3 * HOUR_MS;
    const shard = shardIn(HOUR_MS, target);
    const before = shard.startMs;
    await shard.synchronize();
    // Before, only the clock of this machine was known.
    expect(Math.abs(before - shard.startMs - 3 * HOUR_MS)).toBeLessThan(STILL_MS);
    expect(shard.startOf(0)).toBe(shard.startMs);
    expect(shard.startOf(1)).toBe(shard.startMs + SECOND_FROM_MS);
    expect(() => shard.startOf(2)).toThrow('there is no phase 2');
  });

  test('is as exact as its round trips, and as what it drifts until the end', async () => {
    const target = new FakeTarget();
    const shard = shardIn(HOUR_MS, target);
    await shard.synchronize();
    const { uncertaintyMs = Number.NaN } = await shard.clock();
    expect(uncertaintyMs).toBeCloseTo(target.spreadMs);
    target.aheadMs = 60_000;
    const drifted = (await shard.clock()).uncertaintyMs ?? Number.NaN;
    expect(drifted).toBeCloseTo(60_000 + target.spreadMs);
  });

  test('is said to differ from that of this machine by as much as it does', async () => {
    const target = new FakeTarget();
    target.aheadMs = -90_000;
    const shard = shardIn(HOUR_MS, target);
    await shard.synchronize();
    const { clockOffsetMs = Number.NaN } = await shard.clock();
    expect(Math.abs(clockOffsetMs + 90_000)).toBeLessThan(STILL_MS);
  });

  test('is that of this machine, and nobody knows how exact, where the target does not tell its time', async () => {
    const shard = shardIn(HOUR_MS, new FakeTarget(false));
    const before = shard.startMs;
    await shard.synchronize();
    expect(shard.startMs).toBe(before);
    expect(await shard.clock()).toEqual({ uncertaintyMs: undefined, clockOffsetMs: undefined });
  });

  test.each([
    ["by the target's clock", true, /, and it was \S+Z by the target's clock: start every shard again/],
    ['by its own', false, /, and it was \S+Z: start every shard again/],
  ])('that leaves no two seconds, %s, ends the shard before it begins', async (_, tellsTime, words) => {
    const target = new FakeTarget(tellsTime);
    await expect(shardIn(1900, target).synchronize()).rejects.toMatchObject({
      code: 'ERR_INVALID_OPTION',
      message: expect.stringMatching(words),
    });
  });
});

describe('a shard', () => {
  test('emits for all of them only if it is the first', () => {
    expect(shardIn(HOUR_MS).isEmitter).toBe(true);
    expect(shardIn(HOUR_MS, new FakeTarget(), 2).isEmitter).toBe(false);
  });

  test('in time begins to count what the target does, and is late nowhere', async () => {
    const target = new FakeTarget();
    const shard = shardIn(HOUR_MS, target);
    expect([await shard.ready(), await shard.begin(1), await shard.end(1)]).toEqual(Array(3).fill(undefined));
    expect(target.begun).toBe(1);
  });

  test('whose workers come too late says by how much, and counts all the same', async () => {
    const target = new FakeTarget();
    expect(await shardIn(-HOUR_MS, target).ready()).toMatch(/^its workers were ready 60 m \d+ s too late$/);
    expect(target.begun).toBe(1);
  });

  test('that begins or ends a phase later than all have agreed on says so', async () => {
    const shard = shardIn(-HOUR_MS);
    expect(await shard.begin(0)).toMatch(/^it began 60 m(?: \d+ s)? late$/);
    expect(await shard.end(0)).toMatch(/^it took (?:59|60) m.* longer than all shards give it$/);
  });
});
