import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';

const CLOCK = pathToFileURL(join(import.meta.dirname, '../../../dist/bench/measure/clock.js')).href;

/**
 * Prints how far, at most, the clock of a fresh process was outside of two readings of the system's around it. A
 * pause between the three makes the bracket wider, so a busy machine cannot make this fail.
 */
const PROBE = `
  const { monotonicMs } = await import(${JSON.stringify(CLOCK)});
  let worst = 0;
  for (let reading = 0; reading < 100; reading++) {
    const before = process.hrtime.bigint();
    const ms = monotonicMs();
    const after = process.hrtime.bigint();
    worst = Math.max(worst, Number(before) / 1e6 - ms, ms - Number(after) / 1e6);
  }
  console.log(worst);
`;

// Any two processes that are on the clock of the system are on the same one.
test('a process of a run is on the clock of the system, to within microseconds', () => {
  for (const _ of [1, 2]) {
    const errorMs = Number(execFileSync(process.execPath, ['--input-type=module', '-e', PROBE]));
    expect(errorMs).toBeLessThan(0.001);
  }
});
