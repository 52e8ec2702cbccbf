import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Scenario } from '../../../src/bench/model/scenario.js';
import { type LoadOptions, loadScenario, parseScenario } from '../../../src/bench/scenario/load.js';
import { serverOptions } from '../../../src/options/server-options.js';
import { DatafnWsError } from '../../../src/protocol/errors.js';

const GOOD = `version: 1
name: little
summary: A little of everything.
server: { maxConnections: 50, heartbeatInterval: 2s }
cohorts:
  steady: { clients: 20, namespaces: "user:{1..4}" }
  hot: { clients: 10 }
  nobody: { clients: 3, behavior: unauthenticated }
phases:
  - connect: { cohort: steady, rate: 100/s, timeout: 2s }
  - connect: { cohort: hot }
  - emit: { namespaces: all, rate: 20/s, for: 3s }
  - hold: 1500ms
  - disconnect: { cohort: steady }
expect:
  - steady.accepted == 20
  - hot.closed[4503] == 0
  - fanout.p99 < 2s
`;

/** What a scenario is refused with, line by line. */
function problems(text: string, options: LoadOptions = {}): string[] {
  try {
    parseScenario(text, 'my.yaml', options);
  } catch (error) {
    expect(error).toBeInstanceOf(DatafnWsError);
    return (error as Error).message.split('\n');
  }
  throw new Error(`It was not refused:\n${text}`);
}

/** The good scenario with one text in it replaced by another. */
function changed(from: string, to: string): string {
  expect(GOOD).toContain(from);
  return GOOD.replace(from, to);
}

const indexOf = ({ namespaces }: Scenario, name: string) => namespaces.indexOf(name);

describe('a good scenario', () => {
  const scenario = parseScenario(GOOD, 'my.yaml');

  test('is read whole, with every unit in its base and every default filled in', () => {
    expect(scenario).toMatchObject({
      name: 'little',
      summary: 'A little of everything.',
      seed: 1,
      source: 'my.yaml',
      serverFlags: ['--max-connections', '50', '--heartbeat-interval', '2s'],
    });
    expect(scenario.phases.map(({ kind }) => kind)).toEqual([
      'connect',
      'connect',
      'emit',
      'hold',
      'disconnect',
    ]);
    expect(scenario.phases[0]).toMatchObject({ cohort: 0, timeoutMs: 2000 });
    expect(scenario.phases[1]).toMatchObject({ cohort: 1, timeoutMs: 10_000 });
    expect(scenario.phases[2]).toMatchObject({
      via: 'api',
      ratePerSecond: 20,
      durationMs: 3000,
      batch: 1,
      settleMs: 5000,
    });
    expect(scenario.phases[3]).toMatchObject({ durationMs: 1500 });
    expect(scenario.phases[4]).toMatchObject({ cohort: 0 });
  });

  test('has its namespaces expanded, and a cohort without any gets its own name', () => {
    expect(scenario.cohorts.map(({ name, clients, behavior }) => ({ name, clients, behavior }))).toEqual([
      { name: 'steady', clients: 20, behavior: 'healthy' },
      { name: 'hot', clients: 10, behavior: 'healthy' },
      { name: 'nobody', clients: 3, behavior: 'unauthenticated' },
    ]);
    const namesOf = (cohort: number) =>
      scenario.cohorts[cohort]?.namespaces.map((index) => scenario.namespaces[index]);
    expect(namesOf(0)).toEqual(['user:1', 'user:2', 'user:3', 'user:4']);
    expect(namesOf(1)).toEqual(['hot']);
  });

  test('emits to `all`, which is every namespace that somebody can be in, once', () => {
    const expected = ['user:1', 'user:2', 'user:3', 'user:4', 'hot'].map((name) => indexOf(scenario, name));
    expect(scenario.phases[2]).toMatchObject({ namespaces: expected });
  });

  test('knows the line of each rule', () => {
    const lines = GOOD.split('\n');
    expect(scenario.expectations.map(({ line, text }) => (lines[line - 1] as string).includes(text))).toEqual(
      [true, true, true],
    );
    expect(scenario.expectations.map(({ rule }) => rule.metric)).toEqual([
      'accepted',
      'closed',
      'fanout.p99',
    ]);
  });

  test('may be JSON, which is YAML too', () => {
    const json = JSON.stringify({
      version: 1,
      name: 'x',
      cohorts: { a: { clients: 1 } },
      phases: [{ connect: { cohort: 'a' } }],
      expect: ['a.open == 1'],
    });
    expect(parseScenario(json, 'x.json').cohorts).toHaveLength(1);
  });

  test('takes 0 for a duration without a unit, as flags do, and a summary over several lines as one', () => {
    expect(parseScenario(changed('hold: 1500ms', 'hold: 0'), 'my.yaml').phases[3]).toMatchObject({
      durationMs: 0,
    });
    const { summary } = parseScenario(
      changed('A little of everything.', '|\n  One line,\n  and another.'),
      'my.yaml',
    );
    expect(summary).toBe('One line, and another.');
  });

  test('may have cohorts called like parts of every object', () => {
    const { cohorts } = parseScenario(
      changed('hot: {', 'constructor: {')
        .replaceAll('cohort: hot', 'cohort: constructor')
        .replace('hot.', 'constructor.'),
      'my.yaml',
    );
    expect(cohorts.map(({ name }) => name)).toEqual(['steady', 'constructor', 'nobody']);
  });

  test('takes another seed from outside', () => {
    expect(parseScenario(GOOD, 'my.yaml', { seed: 99 }).seed).toBe(99);
    expect(parseScenario(`${GOOD}seed: 7\n`, 'my.yaml').seed).toBe(7);
    expect(parseScenario(`${GOOD}seed: 7\n`, 'my.yaml', { seed: 0 }).seed).toBe(0);
  });

  test('with `count` instead of `for` emits for as long as that takes', () => {
    const { phases } = parseScenario(changed('for: 3s', 'count: 50'), 'my.yaml');
    expect(phases[2]).toMatchObject({ ratePerSecond: 20, durationMs: 2500 });
  });

  test('that names a namespace twice in an emit gives it one turn, or its cursors would seem to repeat', () => {
    const text = changed('namespaces: all', 'namespaces: ["user:{1..4}", "user:2", "user:2"]');
    const { phases } = parseScenario(text, 'my.yaml');
    const [, , emit] = phases as unknown as { namespaces: number[] }[];
    expect(emit?.namespaces).toHaveLength(4);
    expect(new Set(emit?.namespaces).size).toBe(4);
  });
});

describe('what is wrong is told with its line, its column and the nearest right name', () => {
  test.each([
    ['a key of the file', 'summary:', 'sumary:', '3:1', 'Did you mean `summary`?'],
    ['a key of the server', 'maxConnections:', 'maxConections:', '4:11', 'Did you mean `maxConnections`?'],
    ['a key of a cohort', 'clients: 20', 'clinets: 20', '6:13', 'Did you mean `clients`?'],
    ['a behavior', 'unauthenticated', 'unauthentikated', '8:25', 'Did you mean `unauthenticated`?'],
    ['a kind of phase', '- hold:', '- holt:', '13:5', 'Did you mean `hold`?'],
    ['a key of a phase', 'timeout: 2s', 'timeot: 2s', '10:45', 'Did you mean `timeout`?'],
    ['a cohort that connects', 'cohort: hot }', 'cohort: hott }', '11:16', 'Did you mean `hot`?'],
    [
      'a cohort that leaves',
      'disconnect: { cohort: steady',
      'disconnect: { cohort: stedy',
      '14:19',
      'Did you mean `steady`?',
    ],
    ['a metric', 'fanout.p99', 'fanuot.p99', '18:5', 'Did you mean `fanout.p99`?'],
    ['a metric of a cohort', 'steady.accepted', 'steady.acepted', '16:5', 'Did you mean `steady.accepted`?'],
    ['a cohort in a rule', 'steady.accepted', 'stedy.accepted', '16:5', 'Did you mean `steady.accepted`?'],
  ])('%s', (_what, from, to, at, hint) => {
    const found = problems(changed(from, to));
    const here = found.filter((line) => line.startsWith(`my.yaml:${at}: `));
    expect(here.join('\n'), found.join('\n')).toContain(hint);
    // What follows from it is not told as well.
    expect(found).toEqual(here.slice(0, 1));
  });

  test.each([
    ['a version there is none of', 'version: 1', 'version: 2', '1:1'],
    ['a name with blanks', 'name: little', 'name: a little', '2:1'],
    ['a count that is none', 'clients: 20', 'clients: many', '6:13'],
    ['no clients', 'clients: 20', 'clients: 0', '6:13'],
    ['a fraction of a client', 'clients: 20', 'clients: 1.5', '6:13'],
    ['a duration without a unit', 'hold: 1500ms', 'hold: 1500', '13:5'],
    ['a rate where a duration belongs', 'hold: 1500ms', 'hold: 10/s', '13:5'],
    ['a duration where a rate belongs', 'rate: 100/s', 'rate: 100ms', '10:32'],
    ['a rate without a time', 'rate: 100/s', 'rate: 100', '10:32'],
    ['a rate of nothing', 'rate: 100/s', 'rate: 0/s', '10:32'],
    ['a limit with a unit', 'maxConnections: 50', 'maxConnections: 50s', '4:11'],
    ['a heartbeat without one', 'heartbeatInterval: 2s', 'heartbeatInterval: 2', '4:31'],
    ['a cohort of a name with a blank', 'hot: {', 'very hot: {', '7:3'],
    ['a cohort called like a metric', 'hot: {', 'fanout: {', '7:3'],
    ['a summary with an escape', 'A little of everything.', '"a \\e[31m b"', '3:1'],
    ['a cohort called like the root of all objects', 'hot: {', '__proto__: {', '7:3'],
    ['a rule with an escape', 'closed[4503]', 'closed[4503 "\u001b[31m"]', '17:5'],
    ['a batch of more than anybody takes', 'rate: 20/s,', 'rate: 20/s, batch: 9007199254740991,', '12:42'],
    ['more cursors than a day has time for', 'rate: 20/s', 'rate: 99999999999999/s', '12:30'],
    ['a range that falls', 'user:{1..4}', 'user:{4..1}', '6:26'],
    ['a range without end', 'user:{1..4}', 'user:{1..99999999}', '6:26'],
    ['an empty namespace', '"user:{1..4}"', '""', '6:26'],
    ['a rule without a comparison', 'steady.accepted == 20', 'steady.accepted', '16:5'],
    ['a rule with a duration for a count', 'accepted == 20', 'accepted == 20s', '16:5'],
    ['a rule with a count for a duration', 'fanout.p99 < 2s', 'fanout.p99 < 2', '18:5'],
    ['a rule with brackets where none belong', 'steady.accepted ==', 'steady.accepted[1] ==', '16:5'],
    ['a phase of two kinds', '- hold: 1500ms', '- { hold: 1s, connect: { cohort: hot } }', '13:5'],
    ['neither `for` nor `count`', 'for: 3s', 'batch: 1', '12:5'],
    ['both `for` and `count`', 'for: 3s', 'for: 3s, count: 2', '12:5'],
    ['an emit without a rate', 'rate: 20/s, for', 'for', '12:5'],
    ['an emit for no time', 'for: 3s', 'for: 0s', '12:42'],
    ['a handshake that may take no time', 'timeout: 2s', 'timeout: 0s', '10:45'],
    ['`all` and another namespace', 'namespaces: all', 'namespaces: [all, hot]', '12:13'],
    ['a count that is no multiple of the batch', 'for: 3s', 'count: 7, batch: 3', '12:42'],
    [
      'an end of the run by rules there are none of',
      '- hold: 1500ms',
      '- { hold: 1s, abortOnFail: true }',
      '13:17',
    ],
  ])('%s', (_what, from, to, at) => {
    const found = problems(changed(from, to));
    const positions = found.map((line) => /^my\.yaml:(\d+:\d+): /.exec(line)?.[1]);
    expect(positions, found.join('\n')).toContain(at);
    // Whatever was given is quoted or named: a message that only says "invalid" helps nobody.
    for (const line of found) expect(line).not.toMatch(/invalid input|undefined|NaN|\[object/i);
  });

  test.each<[string, string, string, RegExp]>([
    [
      'a process that no server has',
      '- hold: 1500ms',
      '- kill: leader',
      /^my\.yaml:13:5: .*expected worker, node or engine.*, got "leader"/,
    ],
    [
      'more events than a run can have',
      '- connect: { cohort: hot }',
      '- churn: { cohort: hot, rate: 1000000/s, for: 1m }',
      /^my\.yaml:11:\d+: .*expected at most 10,000,000 in a phase, got 60,000,000$/,
    ],
    [
      'ranges that multiply to too many names',
      'user:{1..4}',
      'user:{1..1000}:{1..201}',
      /^my\.yaml:6:\d+: .*expected at most 200,000 namespaces, got more/,
    ],
    [
      'two ways to read slowly',
      'clients: 10 }',
      'clients: 10, behavior: slow-reader, pause: 1s, readRate: 1KiB/s }',
      /^my\.yaml:7:\d+: .*expected either `pause` or `readRate`, got both$/,
    ],
    [
      'a client that claims no namespace',
      'clients: 10 }',
      'clients: 10, behavior: spoofing }',
      /^my\.yaml:7:\d+: .*the namespace that it claims/,
    ],
  ])('%s is refused, with what is expected', (_, from, to, problem) => {
    expect(problems(changed(from, to))).toContainEqual(expect.stringMatching(problem));
  });

  test.each([
    ['two documents', `${GOOD}---\n${GOOD}`, /^my\.yaml:19:1: expected one document/],
    ['a key that is there twice', `${GOOD}name: again\n`, /^my\.yaml:19:1: duplicate key$/],
    [
      'an unknown tag',
      changed('hold: 1500ms', 'hold: !later 1s'),
      /^my\.yaml:13:11: Unresolved tag: !later$/,
    ],
    ['brackets without end', `${'['.repeat(20_000)}`, /^my\.yaml:1:\d+: it is nested too deeply$/],
    [
      'phases within themselves',
      changed('hold: 1500ms', '&p { parallel: [*p] }'),
      /^my\.yaml: it is nested too/,
    ],
    [
      'aliases that expand without end',
      `a: &a [x, x, x, x, x, x, x, x, x]\n${[...'bcdefg'].map((name, index) => `${name}: &${name} [${`*${'abcdef'[index]}, `.repeat(9)}x]\n`).join('')}`,
      /^my\.yaml: its aliases expand to too much data$/,
    ],
    ['nothing', '', /^my\.yaml:1:1: missing; expected an object with version, .*$/],
  ])('%s: told in plain words', (_what, text, said) => {
    const [first = ''] = problems(text);
    expect(first).toMatch(said);
  });

  test('of several unknown keys, each line names its own', () => {
    const found = problems(`${GOOD}groups: 1\nsteps: 2\n`);
    expect(found).toEqual([
      expect.stringMatching(/^my\.yaml:19:1: groups: unknown key `groups`\./),
      expect.stringMatching(/^my\.yaml:20:1: steps: unknown key `steps`\./),
    ]);
  });

  test('one brace that is not closed is one problem', () => {
    expect(problems('version: 1\nname: x\ncohorts: { a: { clients: 1 }\nphases: [hold: 1s]\n')).toHaveLength(
      1,
    );
  });

  test.each([100, 300, 500, 5000])('%i phases within phases are too many, or not, and no bug', (depth) => {
    const text = changed('hold: 1500ms', `${'parallel: [{ '.repeat(depth)}hold: 1s${' }]'.repeat(depth)}`);
    let said = '';
    try {
      parseScenario(text, 'my.yaml');
    } catch (error) {
      expect(error).toBeInstanceOf(DatafnWsError);
      said = (error as Error).message;
    }
    expect(said).toMatch(depth === 5000 ? /it is nested too deeply$/ : /^$|it is nested too deeply$/);
  });

  test('repeats within repeats that would take for ever are refused at once', () => {
    const repeated = `${'repeat: { times: 1000, phases: [{ '.repeat(6)}hold: 1s${' }] }'.repeat(6)}`;
    expect(problems(changed('hold: 1500ms', repeated))).toEqual([
      'my.yaml:9:1: phases: expected at most 100,000 with their repeats, got 1,000,000,000,000,000,000',
    ]);
    expect(
      problems(changed('hold: 1500ms', 'repeat: { times: 9007199254740991, phases: [hold: 1s] }')),
    ).toHaveLength(2);
  });

  test('missing parts are told where they should be', () => {
    const found = problems('version: 1\n').join('\n');
    for (const part of ['name', 'cohorts', 'phases', 'expect'])
      expect(found).toMatch(new RegExp(`^my.yaml:1:1: ${part}`, 'm'));
  });

  test('a scenario that does nothing, or expects nothing, is refused', () => {
    const empty = 'version: 1\nname: x\ncohorts: { a: { clients: 1 } }\nphases: []\nexpect: []\n';
    const found = problems(empty);
    expect(found).toEqual([
      expect.stringMatching(/^my\.yaml:4:1: /),
      expect.stringMatching(/^my\.yaml:5:1: .*cannot fail/),
    ]);
  });

  test('an emit to all, where nobody has a token, is refused', () => {
    const found = problems(`version: 1
name: x
cohorts:
  a: { clients: 1, behavior: unauthenticated }
phases:
  - emit: { namespaces: all, rate: 1/s, count: 1 }
expect:
  - emit.broadcasts == 1
`);
    expect(found).toEqual([expect.stringMatching(/^my\.yaml:6:13: /)]);
  });

  test('everything that is wrong is told at once, in the order of the file, each once', () => {
    const text = GOOD.replace('summary:', 'sumary:')
      .replace('clients: 20', 'clients: -1')
      .replace('cohort: hot }', 'cohort: hut }')
      .replace('hold: 1500ms', 'hold: soon')
      .replace('fanout.p99', 'fanout.p98');
    const found = problems(text);
    expect(found.map((line) => line.split(':').slice(0, 2).join(':'))).toEqual([
      'my.yaml:3',
      'my.yaml:6',
      'my.yaml:11',
      'my.yaml:13',
      'my.yaml:18',
    ]);
  });
});

describe('a file that is no scenario', () => {
  test.each([
    ['empty', '', '1:1'],
    ['a list', '- 1\n', '1:1'],
    ['a text', 'hello\n', '1:1'],
    ['a number', '42\n', '1:1'],
  ])('%s, is refused', (_what, text, at) => {
    expect(problems(text)[0]).toMatch(new RegExp(`^my\\.yaml:${at}: `));
  });

  test.each([
    ['a bracket that is not closed', 'version: 1\nname: [x\n', 3],
    ['a tab for an indent', 'version: 1\ncohorts:\n\ta: 1\n', 3],
    ['a key given twice', 'version: 1\nname: a\nname: b\n', 3],
    ['two documents', 'version: 1\n---\nversion: 1\n', 2],
  ])('broken YAML, %s, is told with its line', (_what, text, line) => {
    const found = problems(text);
    expect(
      found.some((one) => one.startsWith(`my.yaml:${line}:`)),
      found.join('\n'),
    ).toBe(true);
  });

  test('an alias of nothing is refused like any other mistake', () => {
    expect(problems(changed('clients: 20', 'clients: *many'))[0]).toContain('many');
  });

  test('no text whatever makes it do anything but read or refuse', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          // The good one, damaged.
          fc
            .record({
              at: fc.nat({ max: GOOD.length }),
              length: fc.nat({ max: 40 }),
              text: fc.string({ maxLength: 6 }),
            })
            .map(({ at, length, text }) => GOOD.slice(0, at) + text + GOOD.slice(at + length)),
        ),
        (text) => {
          try {
            parseScenario(text, 'my.yaml');
          } catch (error) {
            expect(error).toBeInstanceOf(DatafnWsError);
          }
        },
      ),
    );
  });

  test('a file that is not there is refused with its name', async () => {
    await expect(loadScenario('/nowhere/at-all.yaml')).rejects.toMatchObject({
      code: 'ERR_INVALID_SCENARIO',
      message: expect.stringContaining('/nowhere/at-all.yaml'),
    });
  });

  test('a file that is no UTF-8 is refused, and one with a byte order mark is read', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'datafn-ws-'));
    try {
      const file = join(folder, 'little.yaml');
      await writeFile(file, Buffer.from(GOOD.replace('A little', 'Un été'), 'latin1'));
      await expect(loadScenario(file)).rejects.toMatchObject({
        code: 'ERR_INVALID_SCENARIO',
        message: expect.stringMatching(/little\.yaml: expected UTF-8/),
      });
      await writeFile(file, `\ufeff${GOOD}`);
      expect((await loadScenario(file)).name).toBe('little');
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test('a file is read as its text is', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'datafn-ws-'));
    try {
      const file = join(folder, 'little.yaml');
      await writeFile(file, GOOD);
      expect(await loadScenario(file)).toEqual(parseScenario(GOOD, file));
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('--set', () => {
  const load = (...set: string[]) => parseScenario(GOOD, 'my.yaml', { set });
  const refused = (...set: string[]) => problems(GOOD, { set }).join('\n');

  test('changes a value, before it is checked, wherever it stands', () => {
    const scenario = load(
      'cohorts.steady.clients=7',
      'phases[3].hold=250ms',
      'expect[0]=steady.accepted == 7',
      'server.maxConnections=9',
      'cohorts.steady.namespaces=team:{1..2}',
    );
    expect(scenario.cohorts[0]?.clients).toBe(7);
    expect(scenario.phases[3]).toMatchObject({ durationMs: 250 });
    expect(scenario.expectations[0]).toMatchObject({ text: 'steady.accepted == 7', rule: { value: 7 } });
    expect(scenario.serverFlags.slice(0, 2)).toEqual(['--max-connections', '9']);
    expect(scenario.namespaces.slice(0, 2)).toEqual(['team:1', 'team:2']);
  });

  test('adds a value that the file leaves at its default, and takes a value with `=` in it', () => {
    expect(load('server.heartbeatTimeout=700ms').serverFlags).toContain('700ms');
    expect(load('summary=1 + 1 = 2').summary).toBe('1 + 1 = 2');
  });

  test('makes the part for a setting of the server where the file has none, and appends to a list', () => {
    const without = GOOD.replace(/^server: .*\n/m, '');
    const set = ['server.maxConnections=9', 'server.path=/x', 'expect[3]=hot.accepted == 10'];
    const scenario = parseScenario(without, 'my.yaml', { set });
    expect(scenario.serverFlags).toEqual(['--max-connections', '9', '--path', '/x']);
    expect(scenario.expectations).toHaveLength(4);
  });

  test('is told as what it changed, beside what the file has', () => {
    const { changes } = load(
      'cohorts.steady.clients=7',
      'phases[3].hold = 250ms',
      'server.heartbeatTimeout=700ms',
      'cohorts.hot={ clients: 4 }',
    );
    expect(changes).toEqual([
      { path: 'cohorts.steady.clients', value: '7', before: '20' },
      { path: 'phases[3].hold', value: '250ms', before: '1500ms' },
      { path: 'server.heartbeatTimeout', value: '700ms', before: undefined },
      { path: 'cohorts.hot', value: '{ clients: 4 }', before: '{ clients: 10 }' },
    ]);
    expect(load().changes).toEqual([]);
  });

  test('changes nothing when it is what the file has, and is told once, whatever it was meanwhile', () => {
    expect(load('cohorts.steady.clients=20', 'phases[3].hold=1500ms').changes).toEqual([]);
    expect(load('cohorts.steady.clients=7', 'cohorts.steady.clients=20').changes).toEqual([]);
    const change = { path: 'phases[3].hold', before: '1500ms' };
    expect(load('phases[3].hold=2s', 'phases[3].hold=2s').changes).toEqual([{ ...change, value: '2s' }]);
    expect(load('phases[3].hold=2s', 'phases[3].hold=3s').changes).toEqual([{ ...change, value: '3s' }]);
  });

  test('has no place for a secret, which reports would show', () => {
    expect(Object.values(serverOptions).filter(({ isSecret }) => isSecret)).toEqual([]);
  });

  test('the last of several for one path counts', () => {
    expect(load('cohorts.hot.clients=5', 'cohorts.hot.clients=6').cohorts[1]?.clients).toBe(6);
  });

  test.each([
    ['without a value', 'cohorts.steady.clients', 'PATH=VALUE'],
    ['without a path', '=5', 'PATH=VALUE'],
    ['of blanks', ' =5', 'PATH=VALUE'],
    ['of dots', '.=5', 'PATH=VALUE'],
    ['with a hole', 'cohorts..clients=5', 'PATH=VALUE'],
    ['of a bracket', '[0]=5', 'PATH=VALUE'],
    ['to the root of all objects', '__proto__.x=5', 'there is no `__proto__`'],
    ['to the maker of all objects', 'constructor.prototype.x=5', 'there is no `constructor`'],
    ['far behind the end of a list', 'phases[99999999]={ hold: 1s }', 'there is no `phases[99999999]`'],
    ['before the beginning of a list', 'phases[-1].hold=1s', 'there is no `phases.-1`'],
    ['into the middle of a text', 'expect[0].x=1', 'there is nothing in `expect[0]`'],
    ['to two documents', 'summary=--- a\n--- b', 'expected one document'],
    ['to a cohort there is not', 'cohorts.stedy.clients=5', 'Did you mean `cohorts.steady.clients`?'],
    ['into a value', 'name.x=5', 'there is nothing in `name`'],
    ['to a key there is not', 'cohorts.steady.clinets=5', 'Did you mean `clients`?'],
    ['to a part of the file there is not', 'sever.maxConnections=5', 'Did you mean `server.maxConnections`?'],
    ['to a wrong value', 'cohorts.steady.clients=many', 'cohorts.steady.clients'],
    ['to a value with the wrong unit', 'phases[3].hold=10/s', 'phases[3].hold'],
    ['to a wrong rule', 'expect[0]=steady.acepted == 1', 'Did you mean `steady.accepted`?'],
    ['to broken YAML', 'summary=[1, 2', 'summary'],
    ['to an alias of nothing', 'summary=*x', 'summary'],
  ])('%s is refused, and named as such', (_what, assignment, hint) => {
    const message = refused(assignment);
    expect(message).toContain('--set');
    expect(message).toContain(hint);
    expect(message.split('\n')).toHaveLength(1);
  });

  test('a mistake of the file stays one of the file', () => {
    const message = problems(changed('hold: 1500ms', 'hold: soon'), {
      set: ['cohorts.steady.clients=-1'],
    }).join('\n');
    expect(message).toMatch(/^my\.yaml:13:5: /m);
    expect(message).toMatch(/^--set cohorts\.steady\.clients: /m);
  });
});
