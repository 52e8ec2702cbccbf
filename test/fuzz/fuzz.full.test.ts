import { expect, test } from 'vitest';
import { campaign } from './campaign.js';

/** Always the same in a run of the tests, so that what is seen once is seen again; another one by FUZZ_SEED. */
const SEED = Number(process.env.FUZZ_SEED ?? 20_260_101);
const MIB = 2 ** 20;

test(`hostile input of every kind, seed ${SEED}: healthy clients miss nothing, nothing is left behind, nothing of the inside is told`, async () => {
  const { toll, faults, healthyCursors, before, after, log } = await campaign({
    seed: SEED,
    from: 0,
    inputs: 3000,
    slowEach: 3,
    logLevel: 'info',
  });
  expect(faults).toEqual([]);
  expect(healthyCursors).toBeGreaterThan(20);
  // Every kind got through to what it attacks.
  for (const [kind, count] of Object.entries(toll.inputs)) expect(count, kind).toBeGreaterThan(30);
  for (const answer of ['HTTP 101', 'HTTP 200', 'HTTP 400', 'HTTP 415', 'close 1002', 'close 1007'])
    expect([...toll.answers.keys()], answer).toContain(answer);
  expect(after.live - before.live).toBeLessThan(8 * MIB);
  // What comes from outside is shown, not obeyed, by a terminal.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  expect(log).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029]/);
});
