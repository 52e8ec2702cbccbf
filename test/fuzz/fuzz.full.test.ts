import { describe, expect, test } from 'vitest';
import { campaign } from './campaign.js';
import { SERVER_CAMPAIGNS } from './campaigns/index.js';
import { hostileCampaign } from './hostile/hostile-campaign.js';

/** Always the same in a run of the tests, so that what is seen once is seen again; another one by FUZZ_SEED. */
const SEED = Number(process.env.FUZZ_SEED ?? 20_260_101);
const MIB = 2 ** 20;
/** Many connections one after the other, on a machine that may be busy. */
const TIMEOUT_MS = 300_000;

describe(`hostile input of every kind, seed ${SEED}`, () => {
  test.each(Object.entries(SERVER_CAMPAIGNS))(
    '%s: healthy clients miss nothing, nothing is left behind, nothing of the inside is told, the counters agree with what was answered',
    async (_, prepare) => {
      const { toll, faults, expectedAnswers, healthyCursors, before, after, log } = await campaign({
        prepare,
        seed: SEED,
        from: 0,
        inputs: 1500,
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
    TIMEOUT_MS,
  );
});

test(
  `hostile servers, seed ${SEED}: emit and bench end in time with an exit code of theirs, keep little, and show a token to nobody else`,
  async () => {
    const { faults, exits, healthyCursors } = await hostileCampaign({ seed: SEED, from: 0, inputs: 200 });
    expect(faults).toEqual([]);
    expect(healthyCursors).toBeGreaterThan(20);
    expect([...exits.keys()]).toEqual(expect.arrayContaining(['emit 0', 'emit 1', 'emit 3']));
  },
  TIMEOUT_MS,
);
