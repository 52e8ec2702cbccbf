// Writes, from the built sources, the JSON Schemas of the scenario format, of the JSON report and of the config file, and
// the table of server options in the scenario reference.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { reportJsonSchema } from '../dist/bench/report/schema.js';
import { scenarioJsonSchema } from '../dist/bench/scenario/schema.js';
import { configJsonSchema } from '../dist/options/config-file.js';
import { serveOptions } from '../dist/options/serve-flags.js';
import { serverOptions } from '../dist/options/server-options.js';

const SCHEMAS = {
  'scenarios/scenario.schema.json': scenarioJsonSchema(),
  'schemas/report.schema.json': reportJsonSchema(),
  'schemas/config.schema.json': configJsonSchema(serveOptions),
};

mkdirSync(new URL('../schemas', import.meta.url), { recursive: true });
for (const [file, schema] of Object.entries(SCHEMAS)) {
  writeFileSync(new URL(`../${file}`, import.meta.url), `${JSON.stringify(schema, null, 2)}\n`);
}

const REFERENCE = new URL('../scenarios/README.md', import.meta.url);
const rows = Object.entries(serverOptions).map(([key, { defaultText, default: value, help }]) => {
  const shown = defaultText ?? value;
  return `| \`${key}\` | ${shown === undefined ? 'none' : `\`${shown}\``} | ${help} |`;
});
const reference = readFileSync(REFERENCE, 'utf8');
const table = /(?<=\n## The server\n[^#]*?\n\| *-[-| ]*\|\n)(?:\|.*\n)+/;
if (!table.test(reference)) throw new Error('scenarios/README.md has no table under "## The server"');
writeFileSync(
  REFERENCE,
  reference.replace(table, () => `${rows.join('\n')}\n`),
);
