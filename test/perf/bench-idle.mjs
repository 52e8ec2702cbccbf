// What the load generator costs while nothing happens: CPU seconds a second of `bench`, its main process and its
// workers together, with 5,000 clients connected that get a ping every 30 s.
//
//   npm run perf:bench-idle
//
// The server is a `datafn-ws serve` of its own, which is not counted. `CLIENTS`, `SECONDS` and `BENCH` (another build's
// bin/datafn-ws.js) change what is measured.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const CLIENTS = Number(process.env.CLIENTS ?? 5000);
const SECONDS = Number(process.env.SECONDS ?? 20);
const BENCH = process.env.BENCH ?? fileURLToPath(new URL('../../bin/datafn-ws.js', import.meta.url));
const TARGET = 0.015;
/** Clock ticks of /proc a second, which Linux has fixed for programs. */
const TICKS = 100;

/** Seconds of CPU that a process has used, and its children, which are told apart. */
function cpuSeconds(pid) {
  const stat = (one) =>
    readFileSync(`/proc/${one}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
  const children = readdirSync('/proc').filter((one) => {
    try {
      return /^\d+$/.test(one) && stat(one)[1] === String(pid);
    } catch {
      return false;
    }
  });
  return [String(pid), ...children].map((one) => {
    const fields = stat(one);
    return (Number(fields[11]) + Number(fields[12])) / TICKS;
  });
}

const serve = [
  fileURLToPath(new URL('../../bin/datafn-ws.js', import.meta.url)),
  'serve',
  '--port',
  '0',
  '--json',
];
const server = spawn(process.execPath, serve, { stdio: ['ignore', 'pipe', 'ignore'] });
try {
  const [line] = await once(createInterface({ input: server.stdout }), 'line');
  await measure(JSON.parse(line).wsUrl);
} finally {
  server.kill();
}

async function measure(url) {
  const folder = mkdtempSync(join(tmpdir(), 'datafn-ws-idle-'));
  const scenario = join(folder, 'idle.yaml');
  writeFileSync(
    scenario,
    `version: 1
name: idle
cohorts:
  idle: { clients: ${CLIENTS}, namespaces: "user:{1..50}" }
phases:
  - connect: { cohort: idle, rate: 500/s, timeout: 60s }
  - hold: ${SECONDS + 10}s
expect:
  - idle.open == ${CLIENTS}
`,
  );
  const args = ['bench', scenario, '--url', url, '--no-progress'];
  const bench = spawn(process.execPath, [BENCH, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const ended = once(bench, 'exit').then(([code]) => code);
  await new Promise((resolve) => {
    void ended.then(resolve);
    for (const stream of [bench.stdout, bench.stderr]) {
      stream.on('data', (chunk) => {
        output += chunk;
        if (output.includes('1/2')) resolve();
      });
    }
  });
  // To come to rest.
  await sleep(5000);
  const [before, fromMs] = [cpuSeconds(bench.pid), performance.now()];
  await Promise.race([sleep(SECONDS * 1000), ended]);
  const [after, toMs] = [cpuSeconds(bench.pid), performance.now()];
  const code = await ended;
  rmSync(folder, { recursive: true });
  if (code !== 0) throw new Error(`bench ended with ${code}:\n${output}`);
  const shares = after.map((cpu, index) => ((cpu - before[index]) * 1000) / (toMs - fromMs));
  const total = shares.reduce((sum, share) => sum + share, 0);
  console.log(`| CPU seconds a second, ${CLIENTS} idle clients | | target |\n|---|---|---|`);
  for (const [index, share] of shares.entries())
    console.log(`| ${index === 0 ? 'main process' : `worker ${index}`} | ${share.toFixed(4)} | |`);
  console.log(`| together | ${total.toFixed(4)} | ≤ ${TARGET} |`);
  process.exitCode = total > TARGET ? 1 : 0;
}
