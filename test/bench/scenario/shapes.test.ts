import { expect, test } from 'vitest';
import type { EmitPhase } from '../../../src/bench/phases/emit.js';
import { parseScenario } from '../../../src/bench/scenario/load.js';

function scenario(phase: string, cohort = '{ clients: 60, namespaces: "u:{1..3}" }') {
  const text = `version: 1\nname: x\ncohorts:\n  users: ${cohort}\nphases:\n  - ${phase}\nexpect: [users.open == 60]\n`;
  return parseScenario(text, 'x.yaml');
}

const emitOf = (settings: string) =>
  scenario(`emit: { namespaces: all, ${settings} }`).phases[0] as unknown as EmitPhase;

test('a range of rates is a stage as long as the phase; a plain rate is none', () => {
  expect(emitOf('rate: 100/s..2000/s, for: 4s')).toMatchObject({
    ratePerSecond: 1050,
    durationMs: 4000,
    stages: [{ fromPerSecond: 100, toPerSecond: 2000, durationMs: 4000 }],
  });
  expect(emitOf('rate: 100/s, for: 4s').stages).toBeUndefined();
  expect(emitOf('rate: 100/s..100/s, for: 4s').stages).toBeUndefined();
  expect(emitOf('stages: [{ rate: 60/m, for: 2s }, { rate: 1/s..5/s, for: 3s }]')).toMatchObject({
    durationMs: 5000,
    stages: [
      { fromPerSecond: 1, toPerSecond: 1, durationMs: 2000 },
      { fromPerSecond: 1, toPerSecond: 5, durationMs: 3000 },
    ],
  });
});

test.each([
  ['rate: 1/s..2/s, count: 5', 'expected `for` with a range of rates, got `count`'],
  [
    'rate: 1/s..2/s..3/s, for: 1s',
    'expected a rate such as 50/s, or a range such as 100/s..2000/s, got "1/s..2/s..3/s"',
  ],
  ['rate: 100..200, for: 1s', 'or a range such as 100/s..2000/s, got "100..200"'],
  ['rate: 1/s, stages: [{ rate: 1/s, for: 1s }]', 'expected `stages` alone, got rate as well'],
  ['stages: []', 'expected at least one stage'],
  ['stages: [{ rate: 1/s }]', 'missing; expected a duration'],
  ['stages: [{ rat: 1/s, for: 1s }]', 'unknown key `rat`. Did you mean `rate`?'],
  ['for: 1s', 'expected a `rate`, or `stages`'],
  ['rate: 1/s, for: 1s, at: poison', 'Did you mean `poisson`?'],
  [
    'rate: 2000/s, for: 1000s, at: poisson',
    'expected at most 1,000,000 in a phase with `poisson` or `zipf`, got 2,000,000',
  ],
  ['rate: 1/s..5/s, for: 1s, via: autocannon', 'expected `via: api` with a range of rates, got autocannon'],
  ['rate: 5/s, for: 1s, via: autocannon, weights: zipf', 'expected `via: api` with weights, got autocannon'],
])('an emit of %s is refused with what is wrong', (settings, message) => {
  expect(() => emitOf(settings)).toThrow(message);
});

test.each([
  ['churn: { cohort: users, for: 1s }', 'expected either `rate` or `session`'],
  ['churn: { cohort: users, rate: 1/s, session: 2s, for: 1s }', 'expected either `rate` or `session`'],
  ['churn: { cohort: users, rate: 1/s, level: 0.5, for: 1s }', 'expected `session` with it'],
  ['churn: { cohort: users, session: 1s, level: 1, for: 1s }', 'expected a share from 0.05 to 0.95, got 1'],
  ['connect: { cohort: users, rate: 1/s, stages: [{ rate: 1/s, for: 1s }] }', 'got rate and stages'],
  ['warmup: []', 'phases'],
  ['parallel: [{ warmup: [{ hold: 1s }] }]', 'expected a warm-up to be a phase of its own'],
  ['warmup: [{ connect: { cohort: user } }]', 'Did you mean `users`?'],
  ['{ warmup: [{ hold: 1s }], expect: [users.open == 1] }', 'expected no rules: a warm-up is not judged'],
])('%s is refused with what is wrong', (phase, message) => {
  expect(() => scenario(phase)).toThrow(message);
});

test('clients that are divided by Zipf are more in the first namespaces', () => {
  const [cohort] = scenario('hold: 1s', '{ clients: 60, namespaces: "u:{1..3}", spread: zipf }').cohorts;
  const counts = [0, 0, 0];
  for (const namespace of cohort?.namespaces ?? []) counts[namespace] = (counts[namespace] ?? 0) + 1;
  expect(counts.reduce((sum, count) => sum + count)).toBe(60);
  expect(counts).toEqual([expect.closeTo(33, -0.5), expect.closeTo(16, -0.5), expect.closeTo(11, -0.5)]);
});
