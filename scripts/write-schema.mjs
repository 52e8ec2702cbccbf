// Writes the JSON Schemas of the scenario format, of the JSON report and of the config file, from the built sources, to
// the files that editors and readers of reports use.
import { mkdirSync, writeFileSync } from 'node:fs';
import { reportJsonSchema } from '../dist/bench/report/schema.js';
import { scenarioJsonSchema } from '../dist/bench/scenario/schema.js';
import { configJsonSchema } from '../dist/options/config-schema.js';

const SCHEMAS = {
  'scenarios/scenario.schema.json': scenarioJsonSchema(),
  'schemas/report.schema.json': reportJsonSchema(),
  'schemas/config.schema.json': configJsonSchema(),
};

mkdirSync(new URL('../schemas', import.meta.url), { recursive: true });
for (const [file, schema] of Object.entries(SCHEMAS)) {
  writeFileSync(new URL(`../${file}`, import.meta.url), `${JSON.stringify(schema, null, 2)}\n`);
}
