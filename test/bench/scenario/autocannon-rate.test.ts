import { expect, test } from 'vitest';
import { parseScenario } from '../../../src/bench/scenario/load.js';

const scenario = (emit: string) => `version: 1
name: load
cohorts:
  few: { clients: 1 }
phases:
  - emit: { namespaces: all, via: autocannon, for: 1s, ${emit} }
expect:
  - emit.failed == 0
`;

test('a rate of less than one request a second, which autocannon cannot keep, is said before anything is run', () => {
  const load = (emit: string) => () => parseScenario(scenario(emit), 'load.yaml');
  expect(load('rate: 50/s, batch: 100')).toThrow(
    /expected at least one request a second with autocannon, which is 100\/s with this `batch`, got 50\/s/,
  );
  expect(load('rate: 30/m')).toThrow(/which is 1\/s with this `batch`/);
  for (const fine of ['rate: 100/s, batch: 100', 'rate: 1/s', 'batch: 100']) expect(load(fine)).not.toThrow();
});
