import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { BEHAVIOR_NAMES, MALFORMED_KINDS } from '../../../src/bench/behaviors/behaviors.js';
import { scenarioFile, shippedScenarios } from '../../../src/bench/scenario/load.js';
import { scenarioJsonSchema } from '../../../src/bench/scenario/schema.js';

const FILE = join(import.meta.dirname, '../../../scenarios/scenario.schema.json');

interface Schema {
  readonly $ref?: string;
  readonly description?: string;
  readonly enum?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly definitions?: Readonly<Record<string, Schema>>;
}

const schema: Schema = JSON.parse(readFileSync(FILE, 'utf8'));
const validate = new Ajv({ allErrors: true, allowUnionTypes: true }).compile(schema);

/** What is wrong with a scenario, as `path: keyword`; empty when it is valid. */
function errors(scenario: unknown): string[] {
  validate(scenario);
  return (validate.errors ?? []).map(({ instancePath, keyword }) => `${instancePath}: ${keyword}`);
}

/** A valid scenario with phases within phases; its parts can be replaced. */
function scenario(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    version: 1,
    name: 'little',
    server: { maxConnections: 50, heartbeatInterval: '2s' },
    cohorts: { a: { clients: 2, namespaces: ['x', 'y'], behavior: 'spoofing', hello: { namespace: 'z' } } },
    phases: [
      { connect: { cohort: 'a', atOnce: true } },
      { parallel: [{ hold: '1s' }, { repeat: { times: 2, phases: [{ hold: '1s' }] } }] },
    ],
    expect: ['a.open == 2'],
    ...changes,
  };
}

test('the file that ships is what the sources say; `npm run schema` refreshes it', () => {
  expect(schema, 'scenarios/scenario.schema.json is stale: run `npm run schema`').toEqual(
    JSON.parse(JSON.stringify(scenarioJsonSchema())),
  );
});

describe.each(await shippedScenarios())('%s', (name) => {
  test('is valid by the schema, and tells editors of it in its first line', async () => {
    const text = readFileSync(await scenarioFile(name), 'utf8');
    expect(errors(parse(text))).toEqual([]);
    expect(text.split('\n', 1)[0]).toBe('# yaml-language-server: $schema=./scenario.schema.json');
  });
});

test('phases within phases, each with a schema of its own, are valid', () => {
  expect(errors(scenario())).toEqual([]);
});

describe('what is not valid', () => {
  const phases = (...list: unknown[]) => scenario({ phases: list });
  const cohort = (settings: object) => scenario({ cohorts: { a: { clients: 2, ...settings } } });

  test.each([
    ['a typo in a key of the file', scenario({ sumary: 'x' }), ''],
    ['a typo in a key of the server', scenario({ server: { maxConections: 1 } }), '/server'],
    ['a typo in a key of a cohort', cohort({ behaviour: 'silent' }), '/cohorts/a'],
    ['a typo in a kind of phase', phases({ holt: '1s' }), '/phases/0'],
    ['a typo in a key of a phase', phases({ connect: { cohort: 'a', rat: '1/s' } }), '/phases/0/connect'],
    ['a typo in a parallel phase', phases({ parallel: [{ holt: '1s' }] }), '/phases/0/parallel/0'],
    [
      'a typo in a repeated phase',
      phases({ repeat: { times: 2, phases: [{ holt: '1s' }] } }),
      '/phases/0/repeat/phases/0',
    ],
  ])('%s', (_, wrong, where) => {
    expect(errors(wrong)).toEqual([`${where}: additionalProperties`]);
  });

  test.each([
    ['a text where a number belongs', cohort({ clients: '2' }), '/cohorts/a/clients: type'],
    ['a number where a text with a unit belongs', phases({ hold: 1 }), '/phases/0/hold: type'],
    ['a phase where a list of them belongs', scenario({ phases: { hold: '1s' } }), '/phases: type'],
    ['no clients at all', cohort({ clients: 0 }), '/cohorts/a/clients: minimum'],
    ['another version', scenario({ version: 2 }), '/version: const'],
    ['a behavior that there is not', cohort({ behavior: 'helthy' }), '/cohorts/a/behavior: enum'],
    ['a kind that there is not', cohort({ kinds: ['garbage'] }), '/cohorts/a/kinds/0: enum'],
  ])('%s', (_, wrong, error) => {
    expect(errors(wrong)).toContain(error);
  });

  test.each(['version', 'name', 'cohorts', 'phases', 'expect'])('a file without `%s`', (key) => {
    const { [key]: _, ...rest } = scenario();
    expect(errors(rest)).toEqual([': required']);
  });
});

describe('what editors offer', () => {
  const cohorts = schema.properties?.cohorts?.additionalProperties as Schema;

  test('every behavior, and every kind of malformed message', () => {
    expect(cohorts.properties?.behavior?.enum).toEqual(BEHAVIOR_NAMES);
    expect(cohorts.properties?.kinds?.items?.enum).toEqual(Object.keys(MALFORMED_KINDS));
  });

  test('a description of every key', () => {
    const described: string[] = [];
    const bare: string[] = [];
    walk(schema, '', (path, { description = '' }) =>
      (/^[A-Za-z].*\.$/.test(description) ? described : bare).push(path),
    );
    expect(bare).toEqual([]);
    // So that a walk that goes nowhere does not pass.
    expect(described).toEqual(
      expect.arrayContaining(['/seed', '/server/path', '/cohorts/*/hello/namespace', '/phase/emit/settle']),
    );
  });
});

/** Visits every key of a schema, at whatever depth. */
function walk(from: Schema, path: string, visit: (path: string, schema: Schema) => void): void {
  for (const [key, child] of Object.entries(from.properties ?? {})) {
    visit(`${path}/${key}`, child);
    walk(child, `${path}/${key}`, visit);
  }
  for (const child of from.anyOf ?? []) walk(child, path, visit);
  if (from.items !== undefined) walk(from.items, `${path}[]`, visit);
  if (typeof from.additionalProperties === 'object') walk(from.additionalProperties, `${path}/*`, visit);
  for (const [name, child] of Object.entries(from.definitions ?? {})) walk(child, `/${name}`, visit);
}
