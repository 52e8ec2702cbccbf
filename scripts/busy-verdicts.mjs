// Shows that bench accuses nobody on a busy machine: runs scenarios against its own server, one after the other, beside
// processes that do nothing but spin, and prints each exit code. A right server passes (0), or the run is not valid (5).
//
//     node scripts/busy-verdicts.mjs [--runs 20] [--busy 3] [--verbose] [scenario…]
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const CLI = fileURLToPath(new URL('../bin/datafn-ws.js', import.meta.url));
/** Exit codes that say nothing wrong of a server that is right. */
const RIGHT = [0, 5];
// It ends with its parent, whatever ends that: a process that spins hears of nothing.
const SPIN =
  'const parent = process.ppid; for (let n = 1; ; n++) if (n % 1e8 === 0 && process.ppid !== parent) process.exit()';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: 'string', default: '20' },
    busy: { type: 'string', default: '3' },
    /** Prints the report of a run with another exit code than 0. */
    verbose: { type: 'boolean', default: false },
  },
});
const [runs, busy] = [Number(values.runs), Number(values.busy)];
const scenarios = positionals.length > 0 ? positionals : ['smoke', 'limits', 'heartbeat'];

/** @param {string} scenario @returns {Promise<number | null>} */
async function run(scenario) {
  const child = spawn(process.execPath, [CLI, 'bench', scenario], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
  const [code] = await once(child, 'close');
  if (code !== 0 && (values.verbose || !RIGHT.includes(code))) process.stderr.write(output);
  return code;
}

const spinning = Array.from({ length: busy }, () =>
  spawn(process.execPath, ['-e', SPIN], { stdio: 'ignore' }),
);
process.on('exit', () => {
  for (const child of spinning) child.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(130));

let isWrong = false;
for (const scenario of scenarios) {
  const codes = [];
  process.stdout.write(`${scenario}:`);
  for (let count = 0; count < runs; count++) {
    const code = await run(scenario);
    process.stdout.write(` ${code}`);
    codes.push(code);
  }
  const wrong = codes.filter((code) => !RIGHT.includes(code)).length;
  isWrong ||= wrong > 0;
  const of = (wanted) => codes.filter((code) => code === wanted).length;
  process.stdout.write(`  (${of(0)} × 0, ${of(5)} × 5, ${wrong} × other)\n`);
}
process.exit(isWrong ? 1 : 0);
