import { expect, test } from 'vitest';
import { parsePlan } from '../../../src/server/faults/plan.js';

test.each<[string, unknown, RegExp]>([
  ['no rules', {}, /Expected `rules` to be an array, got nothing/],
  [
    'more rules than 100',
    { rules: Array(101).fill({ fault: 'drop' }) },
    /Expected at most 100 rules, got 101/,
  ],
  ['a rule that is no object', { rules: ['drop'] }, /to be an object, got "drop"/],
  ['an unknown field', { rules: [], sed: 1 }, /Unknown "sed".*seed/],
  ['a field like no other', { rules: [], zzzzzz: 1 }, /Unknown "zzzzzz" in .* There are /],
  [
    'a client id that is none',
    { rules: [{ fault: 'drop', match: { clientId: 7 } }] },
    /Expected `rules\[0\]\.match\.clientId` to be a client id, got 7/,
  ],
  [
    'one client of a fault that is about all',
    { rules: [{ fault: 'offline', match: { clientId: 'c' } }] },
    /without `clientId`/,
  ],
])('a plan with %s is refused, with the place', (_, plan, message) => {
  expect(() => parsePlan(plan)).toThrow(message);
});
