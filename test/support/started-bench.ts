import { join } from 'node:path';
import { type CliOptions, type CliProcess, startCli } from './cli-process.js';
import { childrenOf, type ProcessEntry } from './process-tree.js';

const SPINNING = join(import.meta.dirname, 'spinning-worker.cjs');

export const isServer = ({ command }: ProcessEntry) => / serve /.test(command);
export const isWorker = ({ command }: ProcessEntry) => /worker\.js/.test(command);

/** A run of bench whose first phase is over, and every process that it has started. */
export async function startConnected(
  args: readonly string[],
  options: CliOptions = {},
): Promise<{ run: CliProcess; children: ProcessEntry[] }> {
  const run = startCli(['bench', ...args], options);
  await run.until(() => /^1\/\d connect .*: \d+ opened/m.test(run.stderr), 'the end of the first phase');
  return { run, children: childrenOf(run.pid) };
}

/** Makes the workers of a run spin, and only them, from a call of theirs on, for so long at a time and in all. */
export function spinning(method: string, ms: number, forMs: number): CliOptions {
  const env = { SPIN_AT: method, SPIN_MS: String(ms), SPIN_FOR_MS: String(forMs) };
  return { env: { NODE_OPTIONS: `--require "${SPINNING}"`, ...env } };
}
