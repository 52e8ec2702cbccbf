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
  vi.advanceTimersByTime(20);
}

let health: GeneratorHealth;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  Object.assign(used, { atMs: 5000, cpuMs: 70, waitMs: 30 });
  health = new GeneratorHealth(() => ({ ...used }));
  health.start();
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
  expect(health.sample()).toBeUndefined();
  pass(1);
  expect(health.sample()).toMatchObject({ fromMs: 5250, toMs: 6250 });
});

test('a process is late still when it is asked for a sample right behind a turn that was', () => {
  pass(600);
  tick();
  pass(1);
  expect(health.sample(true)).toMatchObject({ lateSinceMs: 5000 });
  pass(250);
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
