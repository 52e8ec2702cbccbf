import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
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
