import { describe, expect, test } from 'vitest';
import { CLAUSES } from '../../src/verify/clauses/index.js';
import { note } from '../support/run-notes.js';
import { runVerify } from '../support/verify-process.js';

/** The clauses that a server cannot keep on a machine that is busy, or stops it: cursors within 120 ms, and within 1.5 s. */
const PACE = ['cursor/10', 'cursor/11'];
/** Groups of clauses that are checked in one run. Heartbeats take long, and most of that is waiting. */
const RUNS = [
  ['heartbeat'],
  ['auth', 'close', 'cursor', 'hello', 'http', 'limits', 'message', 'rfc6455'],
] as const;

const isPace = (failed: readonly string[]) => failed.length > 0 && failed.every((id) => PACE.includes(id));

/** Runs it again, at most twice, where nothing but the pace was wrong. */
async function runWithPace(groups: readonly string[]) {
  for (let again = 0; ; again++) {
    // A stopped process answers late, so the server has longer than a user would give it.
    const patient = ['--timeout', '6s', '--heartbeat', '1s/4s'];
    const outcome = await runVerify(...patient, ...groups.flatMap((group) => ['--only', group]));
    if (again === 2 || !isPace(outcome.failed)) return outcome;
    const wrong = outcome.clauses.filter(({ id }) => outcome.failed.includes(id));
    note(`verify: ${wrong.map(({ id, failure }) => `${id}: ${failure?.got}`).join('; ')}`);
  }
}

describe('serve does everything that the contract says, and what cannot be tested says what to pass', () => {
  test.concurrent.each(RUNS.map((groups) => ({ groups })))(
    '$groups',
    async ({ groups }) => {
      const { code, clauses, failed, output } = await runWithPace(groups);
      expect(failed, output).toEqual([]);
      expect(code, output).toBe(0);
      const skipped = clauses.filter(({ outcome }) => outcome === 'skipped');
      // What only a push can test.
      for (const { id, remedy } of skipped) {
        expect(id).toMatch(/^(cursor\/6)$/);
        expect(remedy).toContain('--trigger push');
      }
      expect(new Set(clauses.map(({ id }) => id.split('/')[0]))).toEqual(new Set(groups));
    },
    360_000,
  );
});

test('these runs have every group of clauses that there is', () => {
  expect([...RUNS.flat()].toSorted()).toEqual(
    [...new Set(CLAUSES.map(({ id }) => id.split('/')[0]))].toSorted(),
  );
});
