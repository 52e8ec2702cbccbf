import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { configJsonSchema, parseConfig } from '../../src/options/config-file.js';
import { serveOptions } from '../../src/options/serve-flags.js';
import { type OptionSpec, resolveOptions } from '../../src/options/spec.js';

const schema = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../schemas/config.schema.json'), 'utf8'),
);
const validate = new Ajv({ allowUnionTypes: true }).compile(schema);

/** Whether `serve` takes a config file. */
function isTaken(yaml: string): boolean {
  try {
    const config = parseConfig(serveOptions, yaml, { source: 'x.yaml', folder: '/' });
    resolveOptions(serveOptions, { flags: {}, env: {}, config });
    return true;
  } catch {
    return false;
  }
}

test('the file that ships is what the sources say; `npm run schema` refreshes it', () => {
  expect(schema, 'schemas/config.schema.json is stale: run `npm run schema`').toEqual(
    JSON.parse(JSON.stringify(configJsonSchema(serveOptions))),
  );
});

describe('the schema and `serve` agree', () => {
  const options = Object.entries<OptionSpec<unknown>>(serveOptions).filter(
    ([, { fromConfig }]) => fromConfig,
  );

  test.each(options.map(([key]) => key))('on the default of %s, and that it is no object', (key) => {
    const { defaultText, default: value } = serveOptions[
      key as keyof typeof serveOptions
    ] as OptionSpec<unknown>;
    const shown = defaultText ?? value;
    if (shown !== undefined && !Array.isArray(shown)) {
      expect(validate({ [key]: shown }), JSON.stringify(validate.errors)).toBe(true);
      expect(isTaken(JSON.stringify({ [key]: shown }))).toBe(true);
    }
    for (const wrong of [{}, null]) {
      expect(validate({ [key]: wrong })).toBe(false);
      expect(isTaken(JSON.stringify({ [key]: wrong }))).toBe(false);
    }
  });

  test.each([
    ['{}', true],
    ['$schema: ./config.schema.json', true],
    ['port: 0', true],
    ['port: 65536', false],
    ['port: -1', false],
    ['port: x', false],
    ['heartbeatInterval: 0', true],
    ['heartbeatInterval: 1.5s', true],
    ['heartbeatInterval: 5', false],
    ['maxMessageRate: 0', true],
    ['maxMessageSize: 1MiB', true],
    ['maxMessageSize: 5', false],
    ['adminToken: 0123', true],
    ['auth: ldap', false],
    ['allowOrigin: https://a.example', true],
    ['allowOrigin: [https://a.example, "null"]', true],
    ['allowOrigin: []', false],
    ['resume: true', true],
    ['host: [a, b]', false],
    ['check: true', false],
    ['prot: 1', false],
  ])('on %s', (yaml, expected) => {
    expect([validate(parse(yaml)), isTaken(yaml)]).toEqual([expected, expected]);
  });
});
