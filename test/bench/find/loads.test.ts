import { expect, test } from 'vitest';
import { Loads } from '../../../src/bench/find/loads.js';
import type { QuantityName } from '../../../src/bench/model/quantity.js';
import { clientCount } from '../../../src/bench/model/scenario.js';
import type { ConnectPhase } from '../../../src/bench/phases/connect.js';
import type { EmitPhase } from '../../../src/bench/phases/emit.js';
import { parseScenario, rawScenario } from '../../../src/bench/scenario/load.js';

const TEXT = `
version: 1
name: mixed
cohorts:
  steady: { clients: 300, namespaces: "user:{1..10}" }
  slow: { clients: 100, namespaces: "user:{1..10}", behavior: slow-reader }
  strangers: { clients: 10, behavior: bad-token }
phases:
  - connect: { cohort: steady, rate: 200/s }
    expect: [steady.opened == 300]
    abortOnFail: true
  - connect: { cohort: slow, atOnce: true }
  - connect: { cohort: strangers }
  - parallel:
      - emit: { namespaces: all, rate: 10/s, for: 2s }
      - repeat: { times: 2, phases: [{ emit: { namespaces: "user:1", rate: 600/m, count: 20 } }] }
expect:
  - accepted == 400
`;

function loads(of: QuantityName, text = TEXT, rules?: string[]) {
  return new Loads(of, rawScenario(text, []), parseScenario(text, 'mixed.yaml'), rules);
}

/** The scenario at a load. */
function at(of: QuantityName, load: number, text = TEXT) {
  return parseScenario(text, 'mixed.yaml', { set: [...loads(of, text).at(load)] });
}

const emitsOf = ({ phases }: ReturnType<typeof at>) => {
  const [all, repeated] = phases[3]?.phases ?? [];
  return [all, repeated?.phases?.[0]] as EmitPhase[];
};

test('clients are divided among cohorts as in the file, to the last one', () => {
  for (const count of [41, 100, 411, 4099, 100_000]) {
    const scenario = at('clients', count);
    expect(clientCount(scenario)).toBe(count);
    expect(scenario.cohorts.map(({ clients }) => clients)).toEqual(
      [300, 100, 10].map((own) => expect.closeTo((own / 410) * count, -0.4)),
    );
  }
  expect(emitsOf(at('clients', 1000)).map(({ ratePerSecond }) => ratePerSecond)).toEqual([10, 10]);
});

test('the rules of the file make way for those of the search: everybody is in, and what is asked for holds', () => {
  const scenario = at('clients', 820);
  expect(scenario.phases.flatMap(({ expectations }) => expectations)).toEqual([]);
  expect(scenario.expectations.map(({ text }) => text)).toEqual([
    'steady.accepted >= 600',
    'slow.accepted >= 200',
    'cursors.lost == 0',
    'fanout.p99 < 1s',
    'convergence.max < 500ms',
  ]);
  expect(loads('clients', TEXT, ['fanout.p50 < 9ms']).rulesAt(410)).toEqual([
    'steady.accepted >= 300',
    'slow.accepted >= 100',
    'fanout.p50 < 9ms',
  ]);
  expect(loads('connect-rate').defaultRules).toEqual(['handshake.p99 < 500ms']);
});

test('rates of emits change in proportion, up to the sum of those that run at once, with their counts', () => {
  const emits = emitsOf(at('emit-rate', 200));
  expect(emits.map(({ ratePerSecond }) => ratePerSecond)).toEqual([100, 100]);
  // 20 cursors take as long as before.
  expect(emits[1]?.durationMs).toBe(2000);
});

test('deliveries are cursors times the clients that get them', () => {
  // Ten a second to 40 clients each, twice over.
  expect(emitsOf(at('deliveries', 800)).map(({ ratePerSecond }) => ratePerSecond)).toEqual([10, 10]);
  expect(emitsOf(at('deliveries', 200)).map(({ ratePerSecond }) => ratePerSecond)).toEqual([2.5, 2.5]);
});

test('a connect rate goes on for ten seconds, so each cohort has as many clients as that takes', () => {
  const scenario = at('connect-rate', 70);
  expect(scenario.cohorts.map(({ clients }) => clients)).toEqual([700, 100, 700]);
  const [first, atOnce] = scenario.phases as unknown as ConnectPhase[];
  expect(first?.arrivals).toMatchObject({ fromPerSecond: 70, toPerSecond: 70 });
  expect(atOnce?.arrivals).toBeUndefined();
});

test('a scenario with nothing to raise is refused with what it lacks', () => {
  const silent = TEXT.replace(/ {2}- parallel:[\s\S]*(?=expect:\n {2}- accepted)/, '');
  expect(() => loads('deliveries', silent)).toThrow('--of deliveries: the scenario mixed emits nothing.');
  const atOnce = TEXT.replace('cohort: steady, rate: 200/s', 'cohort: steady, atOnce: true').replace(
    'cohort: strangers }',
    'cohort: strangers, ramp: { from: 1/s, to: 2/s } }',
  );
  expect(() => loads('connect-rate', atOnce)).toThrow('has no `connect` whose arrivals are a plain `rate`');
});
