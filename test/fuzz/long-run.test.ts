import { expect, test } from 'vitest';
import { formatCount, formatDuration, formatSize } from '../../src/protocol/units.js';
import { nextSession, type Toll } from './assault.js';
import { type CampaignResult, campaign } from './campaign.js';

/** Run by `npm run test:fuzz`. To see a run again, or to go on where one ended, say where to begin. */
const SEED = Number(process.env.FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 32));
const FROM = Number(process.env.FUZZ_FROM ?? 0);
const INPUTS = Number(process.env.FUZZ_INPUTS ?? 1_000_000);
const MIB = 2 ** 20;

test('a million hostile inputs', async () => {
  const startMs = performance.now();
  const say = (line: string) => process.stderr.write(`${line}\n`);
  say(`seed ${SEED}, from session ${FROM}, ${formatCount(INPUTS)} inputs`);
  let told = 0;
  const result = await campaign({
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
  say(summary(result, performance.now() - startMs));
  expect(result.faults).toEqual([]);
  expect(result.after.live - result.before.live).toBeLessThan(8 * MIB);
}, 3_600_000);

function summary(
  { toll, healthyCursors, slowConnections, before, after }: CampaignResult,
  ms: number,
): string {
  const kinds = Object.entries(toll.inputs).map(([kind, count]) => `${formatCount(count)} ${kind}`);
  const answers = [...toll.answers]
    .sort(([, a], [, b]) => b - a)
    .map(([what, count]) => `${formatCount(count)} × ${what}`);
  return [
    `${formatCount(toll.total)} inputs in ${formatCount(toll.sessions)} connections and ${formatDuration(ms)}: ${kinds.join(', ')}`,
    `${formatCount(slowConnections)} slow connections`,
    `answered with ${answers.join(', ')}`,
    `${formatCount(healthyCursors)} cursors to each healthy client, in order`,
    `memory in use: ${formatSize(before.live)} before, ${formatSize(after.live)} after`,
    `resident: ${formatSize(before.rss)} before, ${formatSize(after.rss)} after`,
    `FUZZ_SEED=${SEED} FUZZ_FROM=${nextSession(FROM, toll)} goes on from here`,
  ].join('\n');
}
