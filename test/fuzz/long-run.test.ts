import { expect, test } from 'vitest';
import { formatCount, formatDuration } from '../../src/text/units.js';
import { nextSession } from './assault.js';
import { campaign } from './campaign.js';
import { SERVER_CAMPAIGNS } from './campaigns/index.js';
import { hostileCampaign } from './hostile/hostile-campaign.js';
import { details, hostileDetails, hostileRow, row } from './report.js';
import type { Toll } from './toll.js';

/** Run by `npm run test:fuzz`. To see a run again, or to go on where one ended, say where to begin. */
const SEED = Number(process.env.FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 32));
const FROM = Number(process.env.FUZZ_FROM ?? 0);
const INPUTS = Number(process.env.FUZZ_INPUTS ?? 1_000_000);
/** A command takes longer than a connection. */
const HOSTILE_ANSWERS = Number(process.env.FUZZ_INPUTS ?? 50_000);
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
  3 * 3_600_000,
);

test.runIf(CHOSEN?.includes('servers') ?? true)(
  'emit and bench against hostile servers',
  async () => {
    const startMs = performance.now();
    say(`servers: seed ${SEED}, from run ${FROM}, ${formatCount(HOSTILE_ANSWERS)} answers`);
    let told = 0;
    const result = await hostileCampaign({
      seed: SEED,
      from: FROM,
      inputs: HOSTILE_ANSWERS,
      onProgress(answers) {
        if (answers < told + HOSTILE_ANSWERS / 20) return;
        told = answers;
        say(`${formatCount(told)} after ${formatDuration(performance.now() - startMs)}`);
      },
    });
    say(hostileDetails(result));
    say(hostileRow(result, performance.now() - startMs));
    say(`FUZZ_CAMPAIGN=servers FUZZ_SEED=${SEED} FUZZ_FROM=${FROM + result.runs} goes on from here`);
    expect(result.faults).toEqual([]);
  },
  3 * 3_600_000,
);
