import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { GeneratorHealth } from '../../../src/bench/fleet/generator-health.js';

/** What a process has used, as the system would tell it: by hand. */
const used = { atMs: 0, cpuMs: 0, waitMs: 0 };

/** Lets time pass in which the process gets to nothing, and what it spends of it on what. */
function pass(ms: number, spent: { cpuMs?: number; waitMs?: number } = {}): void {
  used.atMs += ms;
  used.cpuMs += spent.cpuMs ?? 0;
  used.waitMs += spent.waitMs ?? 0;
}

/** A tick of the event loop, with the timer that is due. */
function tick(): void {
  vi.advanceTimersToNextTimer();
}

/** Two seconds in which the timer is on time, with so much to do in each 10 ms. */
function twoSeconds(cpuMs: number): void {
  for (let step = 0; step < 200; step++) {
    pass(10, { cpuMs });
    vi.advanceTimersByTime(10);
  }
}

let health: GeneratorHealth;
let turns: number;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  Object.assign(used, { atMs: 5000, cpuMs: 70, waitMs: 30 });
  health = new GeneratorHealth(() => ({ ...used }));
  turns = 0;
  health.start(() => {
    turns += 1;
  });
});

afterEach(() => {
  health.stop();
  vi.useRealTimers();
});

test('a process that gets to nothing is occupied all the time, whatever keeps it; how long at most is in the sample', () => {
  for (const ms of [300, 450, 300]) {
    pass(ms, { cpuMs: 10 });
    tick();
  }
  expect(health.sample()).toEqual({
    fromMs: 5000,
    toMs: 6050,
    cpu: 30 / 1050,
    occupied: 1,
    delayP99Ms: expect.closeTo(430, -1),
    delayMaxMs: expect.closeTo(430, -1),
    lateSinceMs: 5000,
    runQueueWait: 0,
    longest: { fromMs: 5300, toMs: 5750, cpuMs: 10, waitMs: 0 },
  });
});

test('a process that is on time is occupied while it runs or waits for a core, and not late', () => {
  for (let turn = 0; turn < 50; turn++) {
    pass(20, { cpuMs: 4, waitMs: 6 });
    tick();
  }
  expect(health.sample()).toMatchObject({
    cpu: 0.2,
    occupied: 0.5,
    runQueueWait: 0.3,
    delayMaxMs: 0,
    lateSinceMs: undefined,
  });
});

test('a sample is there once a second, or before when it is needed, but not of next to no time', () => {
  expect(health.sample(true)).toBeUndefined();
  pass(249);
  expect(health.sample(true)).toBeUndefined();
  pass(1);
  expect(health.sample()).toBeUndefined();
  expect(health.sample(true)).toMatchObject({ fromMs: 5000, toMs: 5250 });
  expect(health.sample(true)).toBeUndefined();
  pass(999);
  tick();
  expect(health.sample()).toBeUndefined();
  pass(1);
  tick();
  expect(health.sample()).toMatchObject({ fromMs: 5250, toMs: 6250 });
});

test('a process is late still when it is asked for a sample right behind a turn that was', () => {
  pass(600);
  tick();
  pass(1);
  expect(health.sample(true)).toMatchObject({ lateSinceMs: 5000 });
  for (let turn = 0; turn < 13; turn++) {
    pass(20);
    tick();
  }
  expect(health.sample(true)).toMatchObject({ lateSinceMs: undefined });
});

test('how the real process fares is read from the system', () => {
  const real = new GeneratorHealth();
  real.start();
  const endMs = performance.now() + 300;
  while (performance.now() < endMs);
  const sample = real.sample(true);
  real.stop();
  expect((sample?.toMs ?? 0) - (sample?.fromMs ?? 0)).toBeGreaterThanOrEqual(299);
  // It did nothing but run, as far as it was let.
  expect(sample?.cpu).toBeGreaterThan(0);
  expect(sample?.runQueueWait ?? 0).toBeGreaterThanOrEqual(0);
});

test('a process with nothing to do is woken less often to look at it than one that is busy', () => {
  twoSeconds(5);
  expect(turns).toBe(100);
  turns = 0;
  twoSeconds(0);
  expect(turns).toBeGreaterThan(18);
  expect(turns).toBeLessThan(23);
});

test('a process that stands still while it has nothing to do is late all the same', () => {
  twoSeconds(0);
  health.sample(true);
  pass(700);
  tick();
  const sample = health.sample(true);
  expect(sample?.delayMaxMs).toBeGreaterThan(590);
  expect(sample).toMatchObject({
    lateSinceMs: expect.any(Number),
    longest: { fromMs: 7000, toMs: 7700 },
  });
});

test('what is read has been there no longer than since the turn before the last reads', async () => {
  pass(20);
  tick();
  pass(5);
  // In the tick of that turn: what came before it is read only now.
  expect(health.readLateMs(used.atMs)).toBe(25);
  await new Promise(setImmediate);
  expect(health.readLateMs(used.atMs)).toBe(5);
});
