import { expect, test } from 'vitest';
import { note } from '../support/run-notes.js';
import { runVerify } from '../support/verify-process.js';

/** The one clause that a server cannot keep on a machine that is busy: 95% of its cursors within 120 ms. */
const PACE = 'cursor/10';

/** Runs it again, at most twice, where nothing but the pace was wrong. */
async function runWithPace() {
  for (let again = 0; ; again++) {
    // A stopped process answers late, so the server has longer than a user would give it.
    const outcome = await runVerify('--timeout', '6s', '--heartbeat', '2s/5s');
    if (again === 2 || outcome.failed.join() !== PACE) return outcome;
    note(`verify: ${outcome.clauses.find(({ id }) => id === PACE)?.failure?.got}`);
  }
}

test('serve does everything that the contract says, and what cannot be tested says what to pass', async () => {
  const { code, clauses, failed, output } = await runWithPace();
  expect(failed, output).toEqual([]);
  expect(code, output).toBe(0);
  const skipped = clauses.filter(({ outcome }) => outcome === 'skipped');
  // What only a push can test.
  for (const { id, remedy } of skipped) {
    expect(id).toMatch(/^(cursor\/6)$/);
    expect(remedy).toContain('--trigger push');
  }
  expect(clauses.filter(({ outcome }) => outcome === 'passed').length).toBeGreaterThan(80);
}, 360_000);
