import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { BEHAVIORS, MALFORMED_KINDS } from '../../src/bench/behaviors/behaviors.js';
import { PHASE_KINDS, plannedTotalMs } from '../../src/bench/phases/index.js';
import {
  loadScenario,
  parseScenario,
  scenarioFile,
  shippedScenarios,
} from '../../src/bench/scenario/load.js';
import { scenarioJsonSchema } from '../../src/bench/scenario/schema.js';
import { METRICS } from '../../src/bench/verdict/metrics.js';
import { findFlags } from '../../src/cli/bench/find-flags.js';
import { benchFlags } from '../../src/cli/bench/options.js';
import { serveOptions } from '../../src/options/serve-flags.js';
import { serverOptions } from '../../src/options/server-options.js';
import { flagOf, type OptionSpec, type OptionTable } from '../../src/options/spec.js';

const ROOT = join(import.meta.dirname, '../..');
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');
const reference = read('scenarios/README.md');

/** Rows of the tables under a heading, as cells; what stands in backticks first is the name of the row. */
function rowsOf(heading: string): Map<string, string[]> {
  const [, section] = reference.split(`\n${heading}\n`);
  if (section === undefined) throw new Error(`scenarios/README.md has no heading "${heading}"`);
  const [own = ''] = section.split(/\n#+ /);
  const rows = own
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .map((line) =>
      line
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim()),
    );
  return new Map(
    rows
      .filter(([name = '']) => /^\[?`/.test(name))
      .map((cells): [string, string[]] => [code(cells[0])[0] as string, cells]),
  );
}

/** Texts in backticks. */
function code(text = ''): string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, inner]) => inner as string);
}

interface Schema {
  readonly description?: string;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly definitions?: Readonly<Record<string, Schema>>;
}

const schema = scenarioJsonSchema() as Schema;
const phase = schema.definitions?.phase?.properties ?? {};

/** Keys of an object, those of objects within it as `ramp.from`. */
function keysOf({ properties = {} }: Schema): [string, Schema][] {
  return Object.entries(properties).flatMap(([key, child]): [string, Schema][] => {
    const inner = [child, ...(child.anyOf ?? [])].flatMap(keysOf);
    return [[key, child], ...inner.map(([name, one]): [string, Schema] => [`${key}.${name}`, one])];
  });
}

/** Defaults of a key, as the schema and its description have them. */
function defaultsOf({ default: given, description = '' }: Schema): string[] {
  const described = /Default (\d[\w/.]*?)[.,]/.exec(description)?.[1];
  const isShown = given !== undefined && given !== '' && typeof given !== 'object';
  return [...(isShown ? [String(given)] : []), ...(described === undefined ? [] : [described])];
}

describe('the tables of keys have every key of the schema with its default, and no others', () => {
  const { server, ...top } = schema.properties ?? {};
  const cohort = schema.properties?.cohorts?.additionalProperties as Schema;
  const { expect: rules, abortOnFail, only, ...kinds } = phase;

  test.each<[string, Schema, (keyof Schema)[]]>([
    ['## Top level', { properties: { ...top, server: { description: server?.description } } }, []],
    ['## The server', server as Schema, []],
    ['## Cohorts', cohort, []],
    ['## Phases', { properties: { expect: rules, abortOnFail, only } as Record<string, Schema> }, []],
    ...Object.entries(kinds).map(([kind, one]): [string, Schema, []] => [`### \`${kind}\``, one, []]),
  ])('%s', (heading, object) => {
    const rows = rowsOf(heading);
    const keys = keysOf(object);
    expect([...rows.keys()].sort()).toEqual(keys.map(([key]) => key).sort());
    for (const [key, one] of keys) {
      const cells = rows.get(key) ?? [];
      for (const value of defaultsOf(one)) expect(code(cells.at(-2)), `default of ${key}`).toContain(value);
    }
  });

  test('and each phase that a scenario may have is described', () => {
    expect(Object.keys(kinds).sort()).toEqual(Object.keys(PHASE_KINDS).sort());
  });

  test.each(Object.entries<OptionTable[string]>(serverOptions))('server: %s', (key, option) => {
    const shown = option.defaultText ?? option.default;
    expect(rowsOf('## The server').get(key)?.[1]).toBe(shown === undefined ? 'none' : `\`${shown}\``);
  });
});

test('the table of behaviors has every one, with the settings that belong to it', () => {
  const rows = [...rowsOf('## Behaviors')].map(([name, cells]) => [name, code(cells[3])]);
  expect(rows).toEqual(Object.entries(BEHAVIORS).map(([name, { settings }]) => [name, [...settings]]));
  for (const [name, { settings }] of Object.entries(BEHAVIORS)) {
    for (const setting of settings) expect(rowsOf('## Cohorts').get(setting)?.[3]).toContain(`\`${name}\`:`);
  }
});

test('the table of malformed kinds has every one, and with which code a right server closes', () => {
  const rows = [...rowsOf('### Malformed kinds')].map(([name, cells]) => [name, cells[2]]);
  expect(rows).toEqual(
    Object.entries(MALFORMED_KINDS).map(([name, { closes }]) => [
      name,
      closes === undefined ? 'ignores it' : `closes with ${closes}`,
    ]),
  );
});

describe('the tables of metrics', () => {
  const rows = new Map(
    ['Connections', 'Cursors', 'Pulls', 'Heartbeat', 'Emits', 'Server'].flatMap((name) => [
      ...rowsOf(`### ${name}`),
    ]),
  );
  /** The statistics that may stand for a star, as the reference lists them. */
  const statistics = code(/put one of([\s\S]*?)in place of the star/.exec(reference)?.[1]);
  const documented = [...rows].flatMap(([name, [, unit, perCohort]]) => {
    const names = name.endsWith('.*')
      ? statistics.map((statistic) => name.replace('*', statistic))
      : [name.replace('[…]', '')];
    return names.map((one) => [one, { unit, perCohort, keys: name.endsWith('[…]') }] as const);
  });

  test('have every metric, its unit, whether it is one of a cohort, whether it takes a key, and no others', () => {
    const actual = Object.entries(METRICS).map(([name, { kind, perCohort, keys }]) => [
      name,
      { unit: kind, perCohort: perCohort ? 'yes' : 'no', keys: keys !== undefined },
    ]);
    expect(Object.fromEntries(documented)).toEqual(Object.fromEntries(actual));
  });

  test('have none twice', () => {
    expect(documented).toHaveLength(Object.keys(METRICS).length);
  });
});

describe('the table of the scenarios that ship', () => {
  const rows = rowsOf('## The scenarios that ship');

  test('has every one of them, and no others', async () => {
    expect([...rows.keys()].sort()).toEqual(await shippedScenarios());
  });

  test.each([...rows])('%s has as many clients and takes as long as its file says', async (name, cells) => {
    const scenario = await loadScenario(await scenarioFile(name));
    const clients = scenario.cohorts.reduce((total, cohort) => total + cohort.clients, 0);
    const ms = plannedTotalMs(scenario);
    expect(cells.slice(0, 3)).toEqual([
      `[\`${name}\`](${name}.yaml)`,
      clients.toLocaleString('en-US'),
      `${Math.round(ms / 1000)} s`,
    ]);
  });
});

test('every flag that it names is one of bench or bench find, or one that bench gives a server', () => {
  const named = new Set([...reference.matchAll(/--([a-z][a-z-]+)/g)].map(([, name]) => name));
  const options: [string, OptionSpec<unknown>][] = Object.entries({
    ...benchFlags,
    ...findFlags,
    ...serveOptions,
  });
  const flags = options.flatMap(([key, { negatedHelp }]) =>
    negatedHelp === undefined ? [flagOf(key)] : [flagOf(key), `no-${flagOf(key)}`],
  );
  expect(named.size).toBeGreaterThan(10);
  expect([...named].filter((name) => !flags.includes(name as string))).toEqual([]);
});

describe.each(['docs/bench.md', 'scenarios/README.md'])('the YAML in %s', (file) => {
  const blocks = [...read(file).matchAll(/^```ya?ml\n([\s\S]*?)^```$/gm)].map(([, block]) => block as string);
  const whole = blocks.filter((block) => /^version:/m.test(block));

  test('has a whole scenario', () => {
    expect(whole.length).toBeGreaterThan(0);
  });

  test.each([...whole.entries()])('is valid: scenario %i', (_, block) => {
    expect(parseScenario(block, file).expectations.length).toBeGreaterThan(0);
  });
});

describe('the parts of scenarios in the reference', () => {
  const AROUND = {
    version: 1,
    name: 'around',
    cohorts: { steady: { clients: 500 }, hot: { clients: 120 } },
    phases: [{ hold: '1s' }],
    expect: ['steady.open == 500'],
  };
  const blocks = [...reference.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(([, block]) => block as string);
  const parts = blocks.filter((block) => !/^version:/m.test(block));

  test('are there', () => {
    expect(parts.length).toBeGreaterThan(0);
  });

  test.each([...parts.entries()])('are valid in a scenario: part %i', (_, part) => {
    const scenario = parseScenario(stringify({ ...AROUND, ...parse(part) }), 'scenarios/README.md');
    expect(scenario.name).toBe('around');
  });
});
