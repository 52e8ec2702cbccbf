import { describe, expect, test } from 'vitest';
import { CLAUSES } from '../../src/verify/clauses/index.js';
import { note } from '../support/run-notes.js';
import { runVerify } from '../support/verify-process.js';

/** The one clause that a server cannot keep on a machine that is busy: 95% of its cursors within 120 ms. */
const PACE = 'cursor/10';
/** Groups of clauses that are checked in one run. Heartbeats take long, and most of that is waiting. */
const RUNS = [
  ['heartbeat'],
  ['auth', 'close', 'cursor', 'hello', 'http', 'limits', 'message', 'rfc6455'],
] as const;

/** Runs it again, at most twice, where nothing but the pace was wrong. */
async function runWithPace(groups: readonly string[]) {
  for (let again = 0; ; again++) {
    // A stopped process answers late, so the server has longer than a user would give it.
    const patient = ['--timeout', '6s', '--heartbeat', '1s/4s'];
    const outcome = await runVerify(...patient, ...groups.flatMap((group) => ['--only', group]));
    if (again === 2 || outcome.failed.join() !== PACE) return outcome;
    note(`verify: ${outcome.clauses.find(({ id }) => id === PACE)?.failure?.got}`);
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
