import { expect, test } from 'vitest';
import { formatCount, formatDuration } from '../../src/protocol/units.js';
import { nextSession } from './assault.js';
import { campaign } from './campaign.js';
import { SERVER_CAMPAIGNS } from './campaigns/index.js';
import { details, row } from './report.js';
import type { Toll } from './toll.js';

/** Run by `npm run test:fuzz`. To see a run again, or to go on where one ended, say where to begin. */
const SEED = Number(process.env.FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 32));
const FROM = Number(process.env.FUZZ_FROM ?? 0);
const INPUTS = Number(process.env.FUZZ_INPUTS ?? 1_000_000);
const CHOSEN = process.env.FUZZ_CAMPAIGN?.split(',');
const MIB = 2 ** 20;

const isChosen = ([name]: readonly [string, unknown]) => CHOSEN?.includes(name) ?? true;
const say = (line: string) => process.stderr.write(`${line}\n`);

test.each(Object.entries(SERVER_CAMPAIGNS).filter(isChosen))(
  'a million hostile inputs: %s',
  async (name, prepare) => {
    const startMs = performance.now();
    say(`${name}: seed ${SEED}, from session ${FROM}, ${formatCount(INPUTS)} inputs`);
    let told = 0;
    const result = await campaign({
      prepare,
      seed: SEED,
      from: FROM,
      inputs: INPUTS,
      slowEach: 50,
      logLevel: 'warn',
      onProgress(toll: Toll) {
        if (toll.total < told + INPUTS / 20) return;
        told = toll.total;
        say(`${formatCount(told)} after ${formatDuration(performance.now() - startMs)}`);
      },
    });
    say(details(result));
    say(row(name, result, performance.now() - startMs));
    say(
      `FUZZ_CAMPAIGN=${name} FUZZ_SEED=${SEED} FUZZ_FROM=${nextSession(FROM, result.toll)} goes on from here`,
    );
    expect(result.faults).toEqual([]);
    expect(result.after.live - result.before.live).toBeLessThan(8 * MIB);
  },
  3_600_000,
);
