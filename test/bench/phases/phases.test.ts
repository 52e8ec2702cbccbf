import { describe, expect, test } from 'vitest';
import { kindOf, needsOf, PHASE_KINDS, plannedMs, plannedTotalMs } from '../../../src/bench/phases/index.js';
import { parseScenario } from '../../../src/bench/scenario/load.js';

/** A scenario with such phases, each a line of YAML. */
const scenario = (...phases: string[]) =>
  parseScenario(
    `version: 1
name: x
cohorts:
  users: { clients: 500, namespaces: "u:{1..5}" }
  few: { clients: 10 }
phases:
${phases.map((phase) => `  - ${phase}`).join('\n')}
expect: [users.open == 500]
`,
    'x.yaml',
  );

/** A phase of each kind: as a scenario has it, what it is called, and how long it is meant to take. */
const SAMPLES: Record<string, [yaml: string, label: string, ms: number][]> = {
  connect: [
    ['connect: { cohort: users }', 'connect 500 clients (users) at 1,000/s', 500],
    ['connect: { cohort: users, rate: 50/s }', 'connect 500 clients (users) at 50/s', 10_000],
    [
      'connect: { cohort: users, ramp: { from: 50/s, to: 150/s } }',
      'connect 500 clients (users) at 50 to 150/s',
      5000,
    ],
    ['connect: { cohort: users, rate: 50/s..150/s }', 'connect 500 clients (users) at 50 to 150/s', 5000],
    [
      'connect: { cohort: users, stages: [{ rate: 50/s, for: 2s }, { rate: 200/s, for: 1s }] }',
      'connect 500 clients (users) in 2 stages',
      4000,
    ],
    ['connect: { cohort: few, atOnce: true }', 'connect 10 clients (few) at once', 0],
  ],
  emit: [
    ['emit: { namespaces: all, rate: 20/s, for: 5s }', 'emit to all namespaces at 20/s for 5 s', 5000],
    [
      'emit: { namespaces: all, rate: 20/s..60/s, for: 5s, at: poisson, weights: zipf }',
      'emit to all namespaces at 20 to 60/s for 5 s at random weighted by zipf',
      5000,
    ],
    [
      'emit: { namespaces: few, stages: [{ rate: 10/s, for: 2s }, { rate: 10/s..90/s, for: 3s }], burst: 20 }',
      'emit to 1 namespace in 2 stages over 5 s in bursts of 20',
      5000,
    ],
    ['emit: { namespaces: few, rate: 20/s, count: 60 }', 'emit 60 cursors to 1 namespace at 20/s', 3000],
    [
      'emit: { namespaces: "u:{1..2}", rate: 20/s, for: 1s, batch: 2 }',
      'emit to 2 namespaces at 20/s for 1 s in batches of 2',
      1000,
    ],
    [
      'emit: { namespaces: few, via: autocannon, for: 2s }',
      'emit to 1 namespace as fast as possible for 2 s with autocannon',
      2000,
    ],
    [
      'emit: { namespaces: few, rate: 20/s, for: 1s, to: spread }',
      'emit to 1 namespace at 20/s for 1 s through all servers in rotation',
      1000,
    ],
    [
      'emit: { namespaces: few, rate: 20/s, for: 1s, to: all }',
      'emit to 1 namespace at 20/s for 1 s through every server',
      1000,
    ],
  ],
  hold: [['hold: 1500ms', 'hold for 1.5 s', 1500]],
  disconnect: [
    ['disconnect: { cohort: users }', 'disconnect users', 0],
    ['disconnect: { cohort: users, how: reset, fraction: 0.5 }', 'disconnect 50% of users by reset', 0],
  ],
  churn: [
    [
      'churn: { cohort: users, session: 4s, level: 0.8, for: 3s }',
      'churn users in sessions of 4 s for 3 s',
      3000,
    ],
    ['churn: { cohort: users, rate: 10/s, for: 3s }', 'churn users at 10/s for 3 s', 3000],
    ['churn: { cohort: few, rate: 10/s, for: 1s, how: vanish }', 'churn few at 10/s for 1 s by vanish', 1000],
  ],
  kill: [
    ['kill: worker', 'kill the last worker', 0],
    ['kill: node 2', 'kill node 2', 0],
    ['kill: engine', 'kill the engine', 0],
  ],
  stop: [['stop: { what: worker 1, for: 2s }', 'stop worker 1 for 2 s', 2000]],
  restart: [['restart: node', 'restart the last node', 0]],
  converge: [['converge: { within: 3s }', 'converge within 3 s', 0]],
  pull: [
    ['pull: { cohort: users, changes: 3, every: 2s }', 'pull 3 changes with users, one every 2 s', 4000],
    ['pull: { cohort: few, changes: 1, jitter: 1s }', 'pull 1 change with few, jitter 1 s', 0],
  ],
  'restart-server': [['restart-server: { downtime: 2s }', 'restart the server', 2000]],
  'shutdown-server': [['shutdown-server: {}', 'shut the server down', 0]],
  parallel: [
    ['parallel: [{ hold: 1s }, { hold: 3s }]', 'hold for 1 s | hold for 3 s', 3000],
    [
      `parallel: [${Array.from({ length: 12 }, () => '{ hold: 1s }').join(', ')}, { disconnect: { cohort: few } }]`,
      'at once (12 × hold, disconnect)',
      1000,
    ],
  ],
  repeat: [
    [
      'repeat: { times: 3, phases: [{ hold: 1s }, { disconnect: { cohort: few } }] }',
      'repeat 3 times (hold for 1 s, disconnect few)',
      3000,
    ],
    [
      'repeat: { times: 1, phases: [{ hold: 1s }, { kill: node }] }',
      'hold for 1 s, kill the last node',
      1000,
    ],
  ],
  warmup: [['warmup: [{ hold: 1s }, { hold: 2s }]', 'warm up (hold for 1 s, hold for 2 s)', 3000]],
};

test('every kind of phase is described here', () => {
  expect(Object.keys(SAMPLES)).toEqual(Object.keys(PHASE_KINDS));
});

describe.each(Object.entries(SAMPLES))('%s', (kind, samples) => {
  test.each(samples)('%s', (yaml, label, ms) => {
    const read = scenario(yaml);
    const [phase] = read.phases;
    expect(phase).toMatchObject({ kind, label });
    expect(plannedMs(phase as NonNullable<typeof phase>, read)).toBe(ms);
  });
});

test('phases come one after the other, so a scenario is planned to take the sum of them', () => {
  expect(plannedTotalMs(scenario('hold: 1s', 'repeat: { times: 2, phases: [{ hold: 2s }] }'))).toBe(5000);
});

describe('what phases need', () => {
  const needs = (...phases: string[]) => needsOf(scenario(...phases).phases);

  test('is that of the phases inside of them as well', () => {
    const inside = 'parallel: [{ repeat: { times: 1, phases: [{ restart-server: {} }] } }]';
    expect(needs('hold: 1s', inside).filter(({ ownServer }) => ownServer)).toEqual([
      { kind: 'restart-server', ownServer: true },
    ]);
  });

  test('is connections of autocannon only where it drives the emits', () => {
    const racing = 'emit: { namespaces: few, via: autocannon, connections: 7, for: 2s }';
    const ordered = 'emit: { namespaces: few, rate: 1/s, for: 2s }';
    expect(needs(racing, ordered).map(({ loadConnections }) => loadConnections)).toEqual([7, undefined]);
  });
});

test('a kind that is not known is a bug, and says so', () => {
  expect(() => kindOf({ kind: 'sleep' })).toThrow('there is no phase sleep');
});
