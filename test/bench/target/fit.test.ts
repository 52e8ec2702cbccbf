import { describe, expect, test } from 'vitest';
import { parseScenario } from '../../../src/bench/scenario/load.js';
import { checkTarget, fitToTarget } from '../../../src/bench/target/fit.js';

const scenario = (phases: string, cluster = 'cluster: { workers: 2, nodes: 3 }') =>
  parseScenario(
    `version: 1\nname: x\n${cluster}\ncohorts: { c: { clients: 1 } }\nphases: ${phases}\nexpect: [c.open == 1]\n`,
    'x.yaml',
  );

const env = { PATH: '/usr/bin:/usr/local/bin' };
const WORKERS = { urls: [], redis: false, env };
const NODES = { urls: [], redis: true, env };
const GIVEN = { urls: ['ws://127.0.0.1:1/ws'], redis: false, env };

describe('a phase that is only for one target', () => {
  const all = scenario(
    '[{ hold: 1s }, { only: workers, kill: worker }, { only: nodes, kill: engine }, { only: nodes, hold: 2s }]',
  );

  test.each([
    ['a server with workers', WORKERS, ['hold', 'kill'], ['kill the engine', 'hold for 2 s']],
    ['nodes', NODES, ['hold', 'kill', 'hold'], ['kill the last worker']],
    ['servers by URL', GIVEN, ['hold'], ['kill the last worker', 'kill the engine', 'hold for 2 s']],
  ])('is left out for another: %s', (_, choice, kinds, leftOut) => {
    const fitted = fitToTarget(all, choice);
    expect(fitted.phases.map(({ kind }) => kind)).toEqual(kinds);
    expect(fitted.leftOut).toEqual(leftOut);
  });

  test('and nothing is left out of a scenario without one', () => {
    const plain = scenario('[{ hold: 1s }]');
    expect(fitToTarget(plain, NODES)).toBe(plain);
  });

  test('belongs to the outermost phase', () => {
    expect(() => scenario('[{ parallel: [{ only: nodes, hold: 1s }] }]')).toThrow(
      '`only` belongs to the outer phase',
    );
  });
});

describe('a scenario that cannot be run says why', () => {
  test.each([
    ['a fault for servers by URL', '[{ kill: node }]', undefined, GIVEN, 'drop --url'],
    ['a worker of nodes', '[{ kill: worker }]', undefined, NODES, 'has no workers'],
    ['a worker of a single process', '[{ kill: worker }]', '', WORKERS, 'has no workers'],
    ['an engine of workers', '[{ stop: { what: engine, for: 1s } }]', undefined, WORKERS, 'there is none'],
    ['a node that there is not', '[{ restart: node 4 }]', undefined, NODES, 'there are only 3'],
    ['a worker that there is not', '[{ kill: worker 3 }]', undefined, WORKERS, 'there are only 2'],
    ['a second node of workers', '[{ kill: node 2 }]', undefined, WORKERS, 'there are only 1'],
    ['--redis without a cluster', '[{ hold: 1s }]', '', NODES, 'add `cluster: { nodes: 3 }`'],
    [
      'an engine that is not installed',
      '[{ hold: 1s }]',
      undefined,
      { ...NODES, env: { PATH: '/nowhere' } },
      'redis-server',
    ],
    ['no phase at all', '[{ only: nodes, hold: 1s }]', undefined, WORKERS, 'has no phase for this target'],
  ])('%s', (_, phases, cluster, choice, why) => {
    const fitted = fitToTarget(scenario(phases, cluster), choice);
    expect(() => checkTarget(fitted, choice)).toThrow(why);
  });

  test('and one that can says nothing', () => {
    checkTarget(scenario('[{ kill: worker 2 }, { kill: node }]'), WORKERS);
    checkTarget(scenario('[{ hold: 1s }]', ''), GIVEN);
  });
});
