// Measures how much of src the tests run, in Vitest's processes and in those that tests start.
//
//   npm run coverage                       the projects of `npm test`
//   npm run coverage -- --all              the projects of `npm run test:all`
//   npm run coverage -- --project unit     everything else goes to vitest
//
// Vitest counts what runs in its own processes. The others (serve, its workers, bench, verify) run dist; Node.js writes
// what they ran when they exit (NODE_V8_COVERAGE), and source maps lead from there to src. A statement is covered if either
// ran it.
//
// A process that is killed with SIGKILL, or by a signal it does not handle, writes nothing: what only such a process runs
// counts as uncovered. So does what only an installed copy of the package runs.
//
// Writes the uncovered lines of each file to coverage/uncovered.txt. Exits with the exit code of vitest.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { generatedPositionFor, TraceMap } from '@jridgewell/trace-mapping';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const DIST = join(ROOT, 'dist');
const OUTPUT = join(ROOT, 'coverage');
const VITEST = join(OUTPUT, 'vitest');
const PROCESSES = join(OUTPUT, 'processes');
/** The JavaScript of dist again, with source maps. dist itself ships without them. */
const MAPS = join(OUTPUT, 'maps');
const FLAGS = [
  '--coverage.enabled',
  '--coverage.provider=v8',
  '--coverage.include=src/**/*.ts',
  '--coverage.reporter=json',
  '--coverage.reportOnFailure',
  `--coverage.reportsDirectory=${VITEST}`,
];
const PROJECTS = ['unit', 'e2e', 'realtime'];
const ALL_PROJECTS = [...PROJECTS, 'full', 'full-realtime'];
const LISTED_FILES = 20;

const passed = process.argv.slice(2).filter((arg) => arg !== '--all');
const projects = process.argv.includes('--all') ? ALL_PROJECTS : PROJECTS;
const chosen = passed.includes('--project') ? [] : projects.map((name) => `--project=${name}`);

rmSync(OUTPUT, { recursive: true, force: true });
for (const config of ['tsconfig.build.json', 'tsconfig.manager.json'])
  run('typescript/bin/tsc', ['-p', config, '--outDir', MAPS, '--sourceMap', 'true']);
process.exitCode = run('vitest/vitest.mjs', ['run', ...FLAGS, ...chosen, ...passed]);

const ranByProcesses = readProcesses();
const ranByVitest = JSON.parse(readFileSync(join(VITEST, 'coverage-final.json'), 'utf8'));
const files = Object.values(ranByVitest).map(countFile);
const listed = files.map(({ name, uncovered }) => `${name}: ${uncovered.join(' ')}\n`);
writeFileSync(join(OUTPUT, 'uncovered.txt'), listed.join(''));
report();

function run(script, args) {
  const env = { ...process.env, DATAFN_TEST_COVERAGE: PROCESSES };
  const command = [join('node_modules', script), ...args];
  return spawnSync(process.execPath, command, { cwd: ROOT, stdio: 'inherit', env }).status ?? 1;
}

/** File of dist → for each of its characters, 1 if a process ran it. */
function readProcesses() {
  const ran = new Map();
  const folder = pathToFileURL(`${DIST}/`).href;
  for (const name of existsSync(PROCESSES) ? readdirSync(PROCESSES) : []) {
    for (const { url, functions } of scriptsOf(join(PROCESSES, name))) {
      if (!url.startsWith(folder)) continue;
      const file = url.slice(folder.length);
      if (!ran.has(file)) ran.set(file, new Uint8Array(readFileSync(join(DIST, file), 'utf8').length));
      const total = ran.get(file);
      const own = new Uint8Array(total.length);
      // An inner range comes after the one around it.
      for (const { startOffset, endOffset, count } of functions.flatMap(({ ranges }) => ranges))
        own.fill(count > 0 ? 1 : 0, startOffset, endOffset);
      for (let at = 0; at < own.length; at++) total[at] |= own[at];
    }
  }
  return ran;
}

function scriptsOf(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).result;
  } catch {
    // It was killed while it wrote.
    return [];
  }
}

/** Counts the statements and lines of a file. A line is covered if a statement that starts on it is. */
function countFile({ path, statementMap, s: timesRun }) {
  const didProcessRun = processLookup(relative(join(ROOT, 'src'), path).replace(/\.ts$/, '.js'));
  const count = { name: relative(ROOT, path), statements: 0, byVitest: 0, covered: 0 };
  const lines = new Map();
  for (const [id, { start }] of Object.entries(statementMap)) {
    const isByVitest = timesRun[id] > 0;
    const isCovered = isByVitest || didProcessRun(start);
    count.statements++;
    count.byVitest += isByVitest;
    count.covered += isCovered;
    lines.set(start.line, isCovered || lines.get(start.line) === true);
  }
  const uncovered = [...lines].flatMap(([line, isCovered]) => (isCovered ? [] : line)).sort((a, b) => a - b);
  return { ...count, uncovered, lines: lines.size, coveredLines: lines.size - uncovered.length };
}

/** Returns a function that says whether a process ran the code at a position of the source of `file`, a file of dist. */
function processLookup(file) {
  const ran = ranByProcesses.get(file);
  if (ran === undefined) return () => false;
  const map = new TraceMap(readFileSync(join(MAPS, `${file}.map`), 'utf8'));
  const lineStarts = [0];
  for (const line of readFileSync(join(DIST, file), 'utf8').split('\n'))
    lineStarts.push(lineStarts.at(-1) + line.length + 1);
  return ({ line, column }) => {
    const at = generatedPositionFor(map, { source: map.sources[0], line, column });
    return at.line !== null && ran[lineStarts[at.line - 1] + at.column] === 1;
  };
}

function report() {
  const folders = new Map();
  for (const file of files) {
    const folder = file.name.split('/').slice(0, 2).join('/');
    folders.set(folder, [...(folders.get(folder) ?? []), file]);
  }
  console.log('\n                  statements       with    lines with');
  console.log('                   by Vitest  processes     processes');
  for (const [folder, inside] of [...folders].sort()) printRow(folder, inside);
  printRow('total', files);
  console.log('\nMost uncovered lines:');
  const worst = files.toSorted((a, b) => b.uncovered.length - a.uncovered.length).slice(0, LISTED_FILES);
  for (const { name, uncovered, lines } of worst)
    console.log(`  ${String(uncovered.length).padStart(4)} of ${String(lines).padEnd(5)} ${name}`);
}

function printRow(name, inside) {
  const sum = (key) => inside.reduce((total, file) => total + file[key], 0);
  const columns = [
    percent(sum('byVitest'), sum('statements')).padStart(12),
    percent(sum('covered'), sum('statements')).padStart(10),
    percent(sum('coveredLines'), sum('lines')).padStart(13),
  ];
  console.log(`${name.padEnd(16)}${columns.join(' ')}`);
}

function percent(part, whole) {
  return whole === 0 ? '-' : `${((100 * part) / whole).toFixed(1)} %`;
}
