import { describe, expect, test } from 'vitest';
import {
  type Credentials,
  type NamingOptions,
  nameRun,
  newRunId,
  tokenFor,
} from '../../../src/bench/fleet/credentials.js';
import type { Scenario } from '../../../src/bench/model/scenario.js';
import { parseScenario } from '../../../src/bench/scenario/load.js';

const scenario = (namespaces = '"user:{1..2}"', more = ''): Scenario =>
  parseScenario(
    `version: 1
name: sample
${more}
cohorts:
  users: { clients: 2, namespaces: ${namespaces} }
  spoofers: { clients: 1, namespaces: other, behavior: spoofing, hello: { namespace: "user:1" } }
phases:
  - connect: { cohort: users }
expect:
  - users.accepted == 2
`,
    'sample.yaml',
  );

const BY_URL = ['ws://127.0.0.1:1/'];
const NAMESPACE: Credentials = { kind: 'namespace' };
const options = (changes: Partial<NamingOptions> = {}): NamingOptions => ({
  urls: BY_URL,
  credentials: NAMESPACE,
  namespacePrefix: undefined,
  emitTemplate: undefined,
  ...changes,
});
const namespacesOf = (one: Scenario, changes?: Partial<NamingOptions>) =>
  nameRun(one, options(changes), 'r1').scenario.namespaces;

describe('namespaces of a run', () => {
  test('are its own on a server by URL, claimed ones included', () => {
    const { scenario: named, namespacePrefix } = nameRun(scenario(), options(), 'r1');
    expect(named.namespaces).toEqual(['bench-r1:user:1', 'bench-r1:user:2', 'bench-r1:other']);
    expect(named.cohorts[1]?.hello).toEqual({ namespace: 'bench-r1:user:1' });
    expect(namespacePrefix).toBe('bench-r1:');
  });

  test('are those of no other run', () => {
    expect(new Set(Array.from({ length: 100 }, newRunId)).size).toBe(100);
  });

  test.each<[string, Scenario, Partial<NamingOptions>]>([
    ['on a server that bench starts', scenario(), { urls: [] }],
    [
      'where a file says the namespace of each token',
      scenario(),
      { credentials: { kind: 'listed', tokens: [] } },
    ],
    [
      'where a JWT names them',
      scenario(),
      { credentials: { kind: 'jwt', secret: 's', claims: { sub: '{namespace}' } } },
    ],
    [
      'where a template makes tokens that are more',
      scenario(),
      { credentials: { kind: 'template', template: 'key of {namespace}' } },
    ],
    ['where the scenario says so', scenario(undefined, 'namespacePrefix: none'), {}],
    ['where a flag says so', scenario(undefined, 'namespacePrefix: "x:"'), { namespacePrefix: 'none' }],
  ])("are the scenario's %s", (_, one, changes) => {
    expect(namespacesOf(one, changes)).toEqual(['user:1', 'user:2', 'other']);
  });

  test('have the id of the run where the scenario names it, and then nothing else before them', () => {
    expect(namespacesOf(scenario('"load-{run}:{1..2}"'))).toEqual(['load-r1:1', 'load-r1:2', 'other']);
    // Also on a server of bench's own, where the text would stand as it is.
    expect(namespacesOf(scenario('"load-{run}:{1..2}"'), { urls: [] })[0]).toBe('load-r1:1');
  });

  test('have the prefix of the scenario, or rather that of the flag', () => {
    const one = scenario(undefined, 'namespacePrefix: "load-{run}/"');
    expect(namespacesOf(one)[0]).toBe('load-r1/user:1');
    expect(namespacesOf(one, { urls: [] })[0]).toBe('load-r1/user:1');
    expect(namespacesOf(one, { namespacePrefix: 'b-' })[0]).toBe('b-user:1');
  });

  test('that are as long as can be have no prefix by default, and none that would be too long', () => {
    const long = scenario(`"${'n'.repeat(255)}"`);
    expect(namespacesOf(long)[0]).toHaveLength(255);
    expect(() => namespacesOf(long, { namespacePrefix: 'b' })).toThrow(/at most 255 characters/);
  });

  test('cannot have a prefix where a file says the namespace of each token', () => {
    const listed = { credentials: { kind: 'listed', tokens: [] }, namespacePrefix: 'b-' } as const;
    expect(() => namespacesOf(scenario(), listed)).toThrow(/--tokens-file.*--namespace-prefix none/);
  });
});

test('{run} is filled in in tokens, claims and emits', () => {
  const template = nameRun(
    scenario(),
    options({ credentials: { kind: 'template', template: '{run}/{namespace}/{i}' } }),
    'r1',
  );
  const holder = { namespace: 'a', namespaceIndex: 0, cohort: 'users', index: 3 };
  expect(tokenFor(template.credentials, holder)).toBe('r1/a/3');
  const jwt = nameRun(
    scenario(),
    options({ credentials: { kind: 'jwt', secret: 's', claims: { tid: 't-{run}', n: 1 } } }),
    'r1',
  );
  expect(jwt.credentials).toMatchObject({ claims: { tid: 't-r1', n: 1 } });
  const emitTemplate = {
    method: 'POST',
    url: 'http://h/{run}',
    headers: {},
    body: '{"r":"{run}"}',
    tls: undefined,
  };
  expect(nameRun(scenario(), options({ emitTemplate }), 'r1').emitTemplate).toMatchObject({
    url: 'http://h/r1',
    body: '{"r":"r1"}',
  });
});
