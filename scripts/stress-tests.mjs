// Runs the test suite under conditions that a shared machine imposes, and lists every test that was ever red.
//
//   node scripts/stress-tests.mjs --runs 10 --busy 2          beside two busy loops
//   node scripts/stress-tests.mjs --runs 3 --stop             while random processes of the suite are stopped
//   node scripts/stress-tests.mjs --cpus 0                    on one core
//   node scripts/stress-tests.mjs -- --project unit           everything after `--` goes to vitest
//
// Exits with 1 if any test was red.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: 'string', default: '1' },
    busy: { type: 'string', default: '0' },
    stop: { type: 'boolean', default: false },
    cpus: { type: 'string' },
    log: { type: 'string' },
  },
});

const folder = mkdtempSync(join(tmpdir(), 'stress-tests-'));
const loops = Array.from({ length: Number(values.busy) }, () =>
  spawn(process.execPath, ['-e', 'for(;;);'], { stdio: 'ignore' }),
);
let suite;
process.on('exit', () => {
  for (const loop of loops) loop.kill('SIGKILL');
  suite?.kill('SIGTERM');
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));

/** Test → in how many runs it was red. */
const red = new Map();
let failedRuns = 0;
for (let run = 1; run <= Number(values.runs); run++) {
  const report = join(folder, `${run}.json`);
  const vitest = [
    'node_modules/vitest/vitest.mjs',
    'run',
    '--reporter=json',
    `--outputFile=${report}`,
    '--reporter=default',
    ...positionals,
  ];
  const command =
    values.cpus === undefined
      ? [process.execPath, ...vitest]
      : ['taskset', '-c', values.cpus, process.execPath, ...vitest];
  const began = performance.now();
  // With stops, runs of bench are invalid by chance, and repeated more often: see test/support/bench-process.ts.
  const env = values.stop ? { ...process.env, STOPPED_AT_RANDOM: '1' } : process.env;
  suite = spawn(command[0], command.slice(1), { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [suite.stdout, suite.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
  }
  const ended = once(suite, 'close');
  const stopping = values.stop ? stopAtRandom(suite.pid, ended) : undefined;
  const [code] = await ended;
  const stops = await stopping;
  if (values.log !== undefined) writeFileSync(`${values.log}.${run}`, output);

  const failed = failedTests(report);
  if (code !== 0) failedRuns++;
  const seconds = ((performance.now() - began) / 1000).toFixed(0);
  console.log(
    `run ${run}: exit ${code}, ${failed.length} red, ${seconds} s${stops === undefined ? '' : `, ${stops} stops`}`,
  );
  for (const { name, message } of failed) {
    red.set(name, (red.get(name) ?? 0) + 1);
    console.log(`  ${name}\n    ${message}`);
  }
}

console.log(`${Number(values.runs) - failedRuns} of ${values.runs} runs green`);
for (const [name, times] of [...red].sort((a, b) => b[1] - a[1])) console.log(`  ${times} × ${name}`);
rmSync(folder, { recursive: true });
process.exit(failedRuns === 0 ? 0 : 1);

function failedTests(report) {
  let results;
  try {
    results = JSON.parse(readFileSync(report, 'utf8')).testResults;
  } catch {
    return [{ name: '(no report)', message: 'vitest ended without one' }];
  }
  return results.flatMap(({ name, assertionResults, status, message }) => {
    const file = name.slice(name.lastIndexOf('/test/') + 1);
    const tests = assertionResults.filter((test) => test.status === 'failed');
    if (tests.length === 0 && status === 'failed')
      return [{ name: file, message: message?.slice(0, 300) ?? '' }];
    return tests.map((test) => ({
      name: `${file} > ${test.fullName}`,
      message: (test.failureMessages[0] ?? '').split('\n').slice(0, 4).join(' | ').slice(0, 400),
    }));
  });
}

/** Stops one process of the suite at a time, for 0.5 to 3 s, until the suite ends. Returns how often it did. */
async function stopAtRandom(root, ended) {
  let running = true;
  ended.then(() => {
    running = false;
  });
  let stops = 0;
  while (running) {
    await sleep(500 + Math.random() * 4500);
    const family = descendants(root);
    const pid = family[Math.floor(Math.random() * family.length)];
    if (pid === undefined) continue;
    const parent = statOf(pid)?.parent;
    const parentRan = isRunning(parent);
    if (!signal(pid, 'SIGSTOP')) continue;
    stops++;
    await sleep(500 + Math.random() * 2500);
    // `script`, which gives tests their terminals, stops itself when its command is stopped, and nobody would continue it.
    if (parentRan && !isRunning(parent)) signal(parent, 'SIGCONT');
    signal(pid, 'SIGCONT');
  }
  return stops;
}

/** Returns false if there is no such process. */
function signal(pid, name) {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}

/** State and parent of a process, or undefined when it has ended. */
function statOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { state, parent: Number(parent) };
  } catch {
    return undefined;
  }
}

function isRunning(pid) {
  const state = statOf(pid)?.state;
  return state !== undefined && state !== 'T';
}

function descendants(root) {
  const children = new Map();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const parent = statOf(name)?.parent;
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  const family = [];
  const waiting = [root];
  while (waiting.length > 0) {
    const pid = waiting.pop();
    family.push(pid);
    waiting.push(...(children.get(pid) ?? []));
  }
  return family;
}
