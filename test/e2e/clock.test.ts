import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const CLOCK = pathToFileURL(join(import.meta.dirname, '../../dist/bench/measure/clock.js')).href;

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

test('the processes of a run are on one clock, the one of the system, to within microseconds', async () => {
  const probes = Array.from({ length: 6 }, () =>
    promisify(execFile)(process.execPath, ['--input-type=module', '-e', PROBE]),
  );
  const errorsMs = (await Promise.all(probes)).map(({ stdout }) => Number(stdout));
  expect(Math.max(...errorsMs), `${errorsMs}`).toBeLessThan(0.001);
});
