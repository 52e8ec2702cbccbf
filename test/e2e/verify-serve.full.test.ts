import { expect, test } from 'vitest';
import { runVerify } from '../support/verify-process.js';

// A stopped process answers late, so the server has longer than a user would give it.
test('serve does everything that the contract says, and what cannot be tested says what to pass', async () => {
  const { code, clauses, failed, output } = await runVerify('--timeout', '6s', '--heartbeat', '2s/5s');
  expect(failed, output).toEqual([]);
  expect(code, output).toBe(0);
  const skipped = clauses.filter(({ outcome }) => outcome === 'skipped');
  // What only a push can test.
  for (const { id, remedy } of skipped) {
    expect(id).toMatch(/^(cursor\/6)$/);
    expect(remedy).toContain('--trigger push');
  }
  expect(clauses.filter(({ outcome }) => outcome === 'passed').length).toBeGreaterThan(80);
});
