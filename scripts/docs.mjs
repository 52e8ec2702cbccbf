// Writes the parts of the Markdown files that come from the code or from real runs, between markers:
//
//   <!-- docs: options serve -->
//   …
//   <!-- /docs -->
//
//   npm run docs               # all of them; the runs take three minutes
//   npm run docs -- --tables   # only those from tables in the code, which a test keeps up to date
//   npm run docs -- serve emit # the tables, and these runs
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { RUNS } from './docs/runs.mjs';
import { tables } from './docs/tables.mjs';

const ROOT = join(import.meta.dirname, '..');
const FILES = ['README.md', ...readdirSync(join(ROOT, 'docs')).map((name) => `docs/${name}`)];
const MARKED = /(<!-- docs: (.+?) -->\n)[\s\S]*?(<!-- \/docs -->)/g;

const wanted = process.argv.slice(2).filter((word) => !word.startsWith('-'));
const parts = new Map(Object.entries(await tables((path) => import(`../dist/${path}`))));
if (!process.argv.includes('--tables')) {
  for (const [names, run] of RUNS) {
    if (wanted.length > 0 && !names.some((name) => wanted.includes(name))) continue;
    console.error(`running ${names.join(', ')}`);
    const outputs = await run();
    for (const name of names) parts.set(`run ${name}`, outputs[name]);
  }
}
for (const file of FILES) {
  const path = join(ROOT, file);
  const before = readFileSync(path, 'utf8');
  const after = before.replace(MARKED, (whole, start, name, end) => {
    const text = parts.get(name);
    return text === undefined ? whole : `${start}${text}\n${end}`;
  });
  if (after !== before) writeFileSync(path, after);
}
