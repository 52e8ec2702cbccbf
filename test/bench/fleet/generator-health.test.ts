import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test, vi } from 'vitest';
import { GeneratorHealth } from '../../../src/bench/fleet/generator-health.js';

/** Keeps this process from everything else, without using up a core: as one that has none, or is stopped. */
function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

test('a process that gets to nothing is occupied all the time, whatever keeps it; how long at most is in the sample', async () => {
  const health = new GeneratorHealth();
  health.start();
  try {
    for (const ms of [300, 450, 300]) {
      await sleep(0);
      block(ms);
    }
    const sample = health.sample();
    expect(sample?.occupied).toBeGreaterThan(0.95);
    expect(sample?.delayMaxMs).toBeGreaterThan(400);
    expect(sample?.lateSinceMs).toBeLessThan((sample?.toMs ?? 0) - 700);
    const { fromMs = 0, toMs = 0, cpuMs = 0 } = sample?.longest ?? {};
    expect(toMs - fromMs).toBeGreaterThanOrEqual(445);
    expect(cpuMs).toBeLessThan((toMs - fromMs) / 2);
    expect(sample?.cpu).toBeLessThan(0.5);
  } finally {
    health.stop();
  }
});

test('a sample is there once a second, or before when it is needed, but not of next to no time', async () => {
  const health = new GeneratorHealth();
  health.start();
  try {
    expect(health.sample(true)).toBeUndefined();
    block(400);
    expect(health.sample()).toBeUndefined();
    expect(health.sample(true)).toMatchObject({ occupied: 1 });
    expect(health.sample(true)).toBeUndefined();
  } finally {
    health.stop();
  }
});

test('a process is late still when it is asked for a sample right behind a turn that was', async () => {
  const health = new GeneratorHealth();
  health.start();
  try {
    await sleep(0);
    block(600);
    // The timer's turn, which is late, and then the one of the sample.
    await sleep(1);
    expect(health.sample(true)?.lateSinceMs).toBeDefined();
  } finally {
    health.stop();
  }
});

afterEach(() => {
  vi.useRealTimers();
});

/** Turns in two seconds of a clock that is not the machine's, each with this much to do. */
function turnsIn2s(work: () => void): number {
  vi.useFakeTimers();
  const health = new GeneratorHealth();
  let turns = 0;
  health.start(() => {
    turns += 1;
    work();
  });
  vi.advanceTimersByTime(2000);
  health.stop();
  return turns;
}

test('a process with nothing to do is not woken to look at it as often as one that is busy', () => {
  const spin = () => {
    const { user, system } = process.cpuUsage();
    let used = process.cpuUsage();
    while (used.user + used.system - user - system < 25_000) used = process.cpuUsage();
  };
  const busy = turnsIn2s(spin);
  const idle = turnsIn2s(() => {});
  expect(busy).toBeGreaterThan(80);
  expect(idle).toBeLessThan(20);
  expect(idle).toBeGreaterThan(8);
});

test('a process that stands still while it has nothing to do is late all the same', async () => {
  const health = new GeneratorHealth();
  let turns = 0;
  health.start(() => {
    turns += 1;
  });
  try {
    await vi.waitUntil(() => turns > 3, { timeout: 8000 });
    block(700);
    await sleep(1);
    const sample = health.sample(true);
    expect(sample?.delayMaxMs).toBeGreaterThan(480);
    expect(sample?.lateSinceMs).toBeDefined();
    expect((sample?.longest.toMs ?? 0) - (sample?.longest.fromMs ?? 0)).toBeGreaterThanOrEqual(695);
  } finally {
    health.stop();
  }
});
