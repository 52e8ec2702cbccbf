// What the load generator costs while nothing happens: CPU seconds a second of `bench`, its main process and its
// workers together, with 5,000 clients connected that get a ping now and then.
//
//   npm run perf:bench-idle
//
// The server is a process of its own and is not counted. `CLIENTS`, `SECONDS` and `BENCH` (the CLI to measure) change
// what is measured.
import { fork, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { WebSocketServer } from 'ws';

const CLIENTS = Number(process.env.CLIENTS ?? 5000);
const SECONDS = Number(process.env.SECONDS ?? 20);
const BENCH = process.env.BENCH ?? fileURLToPath(new URL('../../bin/datafn-ws.js', import.meta.url));
const TARGET = 0.015;
/** As often as a DataFn server with default settings pings. */
const PING_MS = 30_000;
/** Clock ticks of /proc a second, which Linux has fixed for programs. */
const TICKS = 100;

if (process.argv[2] === 'server') server();
else await main();

/** Accepts everybody, and pings them evenly. */
function server() {
  const http = createServer((_, response) => response.writeHead(404).end());
  const sockets = new WebSocketServer({ server: http, perMessageDeflate: false });
  sockets.on('connection', (socket) => {
    socket.on('error', () => {});
    const first = setTimeout(() => {
      socket.ping();
      timer = setInterval(() => socket.ping(), PING_MS);
    }, Math.random() * PING_MS);
    let timer;
    socket.on('close', () => {
      clearTimeout(first);
      clearInterval(timer);
    });
  });
  process.on('disconnect', () => process.exit());
  http.listen(0, '127.0.0.1', 4096, () => process.send(http.address().port));
}

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

async function main() {
  const source = fork(fileURLToPath(import.meta.url), ['server']);
  const port = await new Promise((resolve) => source.once('message', resolve));
  const folder = mkdtempSync(join(tmpdir(), 'datafn-ws-idle-'));
  const scenario = join(folder, 'idle.yaml');
  writeFileSync(
    scenario,
    `version: 1
name: idle
cohorts:
  idle: { clients: ${CLIENTS}, namespaces: "user:{1..50}" }
phases:
  - connect: { cohort: idle, rate: 1000/s }
  - hold: ${SECONDS + 10}s
expect:
  - idle.open == ${CLIENTS}
`,
  );
  const args = ['bench', scenario, '--url', `ws://127.0.0.1:${port}/`, '--no-progress'];
  const bench = spawn(process.execPath, [BENCH, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [bench.stdout, bench.stderr]) stream.on('data', (chunk) => (output += chunk));
  const ended = new Promise((resolve) => bench.once('exit', resolve));
  const connected = (CLIENTS / 1000) * 1000 + 5000;
  await Promise.race([sleep(connected), ended]);
  const [before, fromMs] = [cpuSeconds(bench.pid), performance.now()];
  await Promise.race([sleep(SECONDS * 1000), ended]);
  const [after, toMs] = [cpuSeconds(bench.pid), performance.now()];
  const code = await ended;
  source.disconnect();
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
