import { describe, expect, test } from 'vitest';
import { isNondeterministic } from '../../../src/bench/compare/judge.js';
import { loadScenario, parseScenario, scenarioFile } from '../../../src/bench/scenario/load.js';
import { METRICS } from '../../../src/bench/verdict/metrics.js';

/** A scenario with a cohort `calm` beside what is given. */
function scenario(parts: { cohort?: string; phase?: string; rules?: readonly string[] } = {}) {
  const { cohort = '{ clients: 5 }', phase = 'hold: 1s', rules = ['accepted > 0'] } = parts;
  return parseScenario(
    `version: 1
name: sample
summary: A sample.
cohorts:
  calm: { clients: 5 }
  other: ${cohort}
phases:
  - connect: { cohort: calm }
  - connect: { cohort: other }
  - ${phase}
expect:
${rules.map((rule) => `  - '${rule}'`).join('\n')}
`,
    'sample.yaml',
  );
}

const COMINGS = [
  'attempts',
  'opened',
  'accepted',
  'open',
  'disconnected',
  'closed',
  'rejected',
  'reconnects',
];
const FLAPPING = { cohort: '{ clients: 5, behavior: flapping, dropEvery: 1s }' };
const CHURN = { phase: 'churn: { cohort: other, rate: 5/s, for: 1s }' };
const RESTART = { phase: 'restart-server: { downtime: 1s }' };

test('a scenario in which nobody comes and goes leaves nothing to chance but what time decides', () => {
  for (const [name, { compared }] of Object.entries(METRICS)) {
    if ('unless' in compared && compared.unless.includes('timing')) continue;
    expect(isNondeterministic(scenario(), { name }), name).toBe(false);
    expect(isNondeterministic(scenario(), { name, cohort: 'other' }), name).toBe(false);
  }
});

describe.each([
  ['flap', FLAPPING],
  ['churn', CHURN],
])('where clients %s', (_, parts) => {
  test.each(COMINGS)('%s is left to chance for their cohort, and for no other', (name) => {
    expect(isNondeterministic(scenario(parts), { name, cohort: 'other' })).toBe(true);
    expect(isNondeterministic(scenario(parts), { name, cohort: 'calm' })).toBe(false);
  });

  test.each(['accepted', 'server.accepted', 'server.connections', 'server.closed'])(
    '%s of all of them together is',
    (name) => expect(isNondeterministic(scenario(parts), { name })).toBe(true),
  );

  test.each([
    'cursors.lost',
    'cursors.leaked',
    'heartbeat.falseTimeouts',
    'errors',
    'protocolErrors',
    'emit.failed',
  ])('%s is not', (name) =>
    expect(isNondeterministic(scenario(parts), { name, cohort: 'other' })).toBe(false),
  );
});

test.each(['errors', 'timeouts', 'rejected', 'server.accepted', 'api.failed'])(
  'where the server is away for a while, %s is left to chance',
  (name) => expect(isNondeterministic(scenario(RESTART), { name, cohort: 'calm' })).toBe(true),
);

test('who has had no ping yet is left to chance everywhere, unless a rule pins it', () => {
  const metric = { name: 'heartbeat.neverPinged', cohort: 'calm' };
  expect(isNondeterministic(scenario(), metric)).toBe(true);
  expect(isNondeterministic(scenario({ rules: ['heartbeat.neverPinged == 0'] }), metric)).toBe(false);
});

test('where emits may fail, so are those that do', () => {
  const phase = 'emit: { namespaces: all, rate: 5/s, for: 1s, mayFail: true }';
  expect(isNondeterministic(scenario({ phase }), { name: 'emit.failed' })).toBe(true);
  const strict = 'emit: { namespaces: all, rate: 5/s, for: 1s }';
  expect(isNondeterministic(scenario({ phase: strict }), { name: 'emit.failed' })).toBe(false);
});

test('what happens inside of parallel and repeated phases counts as well', () => {
  const phase =
    'parallel: [hold: 1s, repeat: { times: 2, phases: [churn: { cohort: other, rate: 5/s, for: 1s }] }]';
  expect(isNondeterministic(scenario({ phase }), { name: 'opened', cohort: 'other' })).toBe(true);
});

describe('a rule pins a count, whatever the clients do', () => {
  const isLeft = (rule: string, name: string, key?: string) =>
    isNondeterministic(scenario({ ...FLAPPING, rules: [rule] }), { name, cohort: 'other', key });

  test.each<[string, string, string?]>([
    ['other.open == 5', 'open'],
    ['other.closed[1001] == 5', 'closed', '1001 Going Away'],
    ['other.closed[1001 "Going Away"] == 5', 'closed', '1001 Going Away'],
    ['other.closed == 0', 'closed', '1006'],
    ['closed == 0', 'closed', '1006'],
    ['closed[1006] == 0', 'closed', '1006'],
  ])('%s', (rule, name, key) => expect(isLeft(rule, name, key)).toBe(false));

  test.each<[string, string, string?]>([
    ['other.open >= 5', 'open'],
    ['calm.open == 5', 'open'],
    ['open == 10', 'open'],
    ['other.opened == 5', 'open'],
    ['other.closed == 5', 'closed', '1006'],
    ['other.closed[1006] == 0', 'closed', '1001 Going Away'],
    ['other.closed[1001 "Other"] == 5', 'closed', '1001 Going Away'],
    ['other.closed[1000] == 5', 'closed', '1001'],
  ])('but not: %s for %s[%s]', (rule, name, key) => expect(isLeft(rule, name, key)).toBe(true));
});

test('the scenarios that ship leave to chance what two runs of them differed in, and pin what they promise', async () => {
  const [storm, hostile, churn] = await Promise.all(
    ['reconnect-storm', 'hostile', 'churn'].map(async (name) => loadScenario(await scenarioFile(name))),
  );
  if (storm === undefined || hostile === undefined || churn === undefined) throw new Error('no scenario');
  expect(isNondeterministic(storm, { name: 'attempts', cohort: 'fleet' })).toBe(true);
  expect(isNondeterministic(storm, { name: 'errors', cohort: 'fleet', key: 'ECONNREFUSED' })).toBe(true);
  expect(isNondeterministic(storm, { name: 'open', cohort: 'fleet' })).toBe(false);
  expect(isNondeterministic(storm, { name: 'closed', cohort: 'fleet', key: '1001 Going Away' })).toBe(false);
  expect(isNondeterministic(hostile, { name: 'reconnects', cohort: 'flappers' })).toBe(true);
  expect(isNondeterministic(hostile, { name: 'accepted', cohort: 'crowd' })).toBe(false);
  expect(isNondeterministic(hostile, { name: 'server.closed', key: '1002' })).toBe(false);
  expect(isNondeterministic(churn, { name: 'errors', cohort: 'polite', key: 'ECONNRESET' })).toBe(false);
});
