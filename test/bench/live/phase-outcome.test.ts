import { expect, test } from 'vitest';
import { phaseOutcome } from '../../../src/bench/live/phase-outcome.js';
import { Tally } from '../../../src/bench/measure/tally.js';
import type { PhaseResult } from '../../../src/bench/model/result.js';

/** What a phase came to in which connections opened and were closed by the server. */
function outcome(kind: 'connect' | 'hold', opened: number, closed: Readonly<Record<string, number>>): string {
  const tally = new Tally();
  tally.counters.opened = opened;
  for (const [key, count] of Object.entries(closed)) tally.closed.count(key, count);
  const phase = { kind, cohort: 'a' };
  return phaseOutcome({ phase, measurements: { cohorts: [{ tally }] } } as unknown as PhaseResult);
}

test.each([
  ['connect', 14, {}, '14 opened'],
  ['connect', 14, { '4503 Namespace connection limit reached': 4 }, '14 opened (4 then refused)'],
  [
    'connect',
    1200,
    { '4401 Unauthorized': 1100, '1001 Heartbeat timeout': 2 },
    '1,200 opened (1,100 then refused), 2 closed by the server',
  ],
  ['hold', 0, { '4503 Connection limit reached': 3, '1012': 1 }, '3 refused, 1 closed by the server'],
  ['hold', 0, { '4401 Token expired': 5 }, '5 closed by the server'],
] as const)(
  'a %s in which %i opened and %j were closed counts those that were refused apart from those that were closed later',
  (kind, opened, closed, said) => {
    expect(outcome(kind, opened, closed)).toBe(said);
  },
);
