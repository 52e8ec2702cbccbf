// Writes the JSON Schema of the scenario format, from the built sources, to the file that editors read.
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { scenarioJsonSchema } from '../dist/bench/scenario/schema.js';

const file = fileURLToPath(new URL('../scenarios/scenario.schema.json', import.meta.url));
writeFileSync(file, `${JSON.stringify(scenarioJsonSchema(), null, 2)}\n`);
