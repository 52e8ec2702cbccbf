import { expect, test } from 'vitest';
import { campaign } from './campaign.js';
import { SERVER_CAMPAIGNS } from './campaigns/index.js';

/** Always the same in a run of the tests, so that what is seen once is seen again; another one by FUZZ_SEED. */
const SEED = Number(process.env.FUZZ_SEED ?? 20_260_101);
const MIB = 2 ** 20;

test.each(Object.entries(SERVER_CAMPAIGNS))(
  `hostile input of every kind, campaign %s, seed ${SEED}: healthy clients miss nothing, nothing is left behind, nothing of the inside is told, and the counters agree`,
  async (_, prepare) => {
    const { toll, faults, expectedAnswers, healthyCursors, before, after, log } = await campaign({
      prepare,
      seed: SEED,
      from: 0,
      inputs: 3000,
      slowEach: 3,
      logLevel: 'info',
    });
    expect(faults).toEqual([]);
    expect(healthyCursors).toBeGreaterThan(20);
    // The attack got through to what it is meant for.
    for (const answer of expectedAnswers) expect([...toll.answers.keys()], answer).toContain(answer);
    expect(after.live - before.live).toBeLessThan(8 * MIB);
    // What comes from outside is shown, not obeyed, by a terminal.
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
    expect(log).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029]/);
  },
);
