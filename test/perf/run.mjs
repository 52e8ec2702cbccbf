// npm run perf [-- figure …] [--write]: measures, prints a Markdown table, and with --write puts it into
// docs/performance.md. Exits with 1 when a figure misses its target, unless --report asks for the table alone.
//
// PAIRS=n sets the pairs of an alternating measurement (9), SHORT=1 makes every part short, for a first look.
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import * as figures from './figures.mjs';

const DOCUMENT = new URL('../../docs/performance.md', import.meta.url);
const MARKS = ['<!-- figures -->', '<!-- end of figures -->'];

const names = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const unknown = names.filter((name) => !(name in figures));
if (unknown.length > 0) {
  console.error(`There is no figure ${unknown.join(', ')}; there are ${Object.keys(figures).join(', ')}.`);
  process.exit(2);
}

const rows = [];
for (const name of names.length > 0 ? names : Object.keys(figures)) {
  console.error(`measuring ${name} …`);
  rows.push(...(await figures[name]()));
}
const missed = rows.filter(({ pass, number }) => pass !== undefined && !pass(number));
const table = [
  '| figure | median | spread | target | met |',
  '|---|---|---|---|---|',
  ...rows.map((row) => {
    const met = row.pass === undefined ? '' : missed.includes(row) ? 'no' : 'yes';
    return `| ${row.name} | ${row.value} | ${row.spread} | ${row.target} | ${met} |`;
  }),
].join('\n');
const facts = `Measured on ${new Date().toISOString().slice(0, 10)} with \`npm run perf\`, Node.js ${process.version}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, ${process.platform}.`;
console.log(`${facts}\n\n${table}`);
if (process.argv.includes('--write')) {
  const text = readFileSync(DOCUMENT, 'utf8');
  const [before, after] = [text.split(MARKS[0])[0], text.split(MARKS[1])[1]];
  writeFileSync(DOCUMENT, `${before}${MARKS[0]}\n${facts}\n\n${table}\n${MARKS[1]}${after}`);
}
process.exit(missed.length > 0 && !process.argv.includes('--report') ? 1 : 0);
