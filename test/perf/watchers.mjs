// What it costs bench to be watched: CPU time of its process, which emits, while it emits, in runs without `--live` and
// `--metrics-listen`, with both and nobody there, and with readers of the page and a scrape each second.
//
//   npm run perf:watchers
//
// `PAIRS` is how many rounds of the three (default 9), `READERS` how many read the page (default 3).
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { median, spread } from './statistics.mjs';

const BIN = join(import.meta.dirname, '../../bin/datafn-ws.js');
const PAIRS = Number(process.env.PAIRS ?? 9);
const READERS = Number(process.env.READERS ?? 3);
const TICKS_PER_SECOND = 100;

const scenario = join(tmpdir(), `datafn-ws-watchers-${process.pid}.yaml`);
writeFileSync(
  scenario,
  `version: 1
name: watchers
cohorts:
  steady: { clients: 1000, namespaces: "user:{1..20}" }
phases:
  - connect: { cohort: steady, rate: 1000/s }
  - emit: { namespaces: all, rate: 100/s, for: 10s }
expect: [cursors.lost == 0]
`,
);

/** CPU time of a process so far, in milliseconds, without that of its children. */
function cpuMs(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS_PER_SECOND;
}

/** One run: CPU time of the process of bench in its last phase. */
async function run(flags, readers) {
  const child = spawn(
    process.execPath,
    [BIN, 'bench', scenario, '--no-progress', '--workers', '1', ...flags],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let stderr = '';
  let stdout = '';
  let atStart;
  let atEnd;
  let scraping;
  const gone = new AbortController();
  child.stdout.on('data', (text) => {
    stdout += text;
  });
  child.stderr.on('data', (text) => {
    stderr += text;
    if (atStart === undefined && /^1\/2 connect/m.test(stderr)) atStart = cpuMs(child.pid);
    if (atEnd === undefined && /^2\/2 emit/m.test(stderr)) {
      atEnd = cpuMs(child.pid);
      clearInterval(scraping);
    }
    const [, page] = /live report: (\S+)\n/.exec(stderr) ?? [];
    const [, metrics] = /metrics: (\S+)\n/.exec(stderr) ?? [];
    if (readers > 0 && metrics !== undefined && scraping === undefined) {
      for (let reader = 0; reader < readers; reader++)
        fetch(`${page}events`, { signal: gone.signal })
          .then((answer) => answer.text())
          .catch(() => {});
      scraping = setInterval(() => fetch(metrics).catch(() => {}), 1000);
    }
  });
  await new Promise((resolve) => child.on('close', resolve));
  gone.abort();
  const [, fanout] = /fan-out latency +[\d,]+ +\S+ \S+ +\S+ \S+ +(\S+ \S+)/.exec(stdout) ?? [];
  return { cpu: atEnd - atStart, fanout };
}

const WATCHED = ['--live', '--metrics-listen', '127.0.0.1:0'];
const kinds = { without: [[], 0], 'nobody watching': [WATCHED, 0], watched: [WATCHED, READERS] };
const times = { without: [], 'nobody watching': [], watched: [] };
for (let pair = 0; pair < PAIRS; pair++) {
  const names = Object.keys(kinds);
  for (const name of pair % 2 === 0 ? names : names.reverse()) {
    const { cpu, fanout } = await run(...kinds[name]);
    times[name].push(cpu);
    console.log(`${pair + 1} ${name}: ${cpu} ms, fan-out p99 ${fanout}`);
  }
}
for (const [name, values] of Object.entries(times)) {
  const ratios = values.map((value, index) => value / times.without[index]);
  const more = values.map((value, index) => value - times.without[index]);
  console.log(
    `${name}: ${median(values)} ms of CPU while emitting for 10 s; ratio ${median(ratios).toFixed(3)} (${spread(ratios, 3)}), ${median(more)} ms more`,
  );
}
