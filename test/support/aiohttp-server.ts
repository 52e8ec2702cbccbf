import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { within } from './deadline.js';

const SCRIPT = fileURLToPath(new URL('./aiohttp-server.py', import.meta.url));

/** Python reads a few hundred files to start with aiohttp. */
const START_MS = 30_000;

/** A Python that has aiohttp (`python3-aiohttp` in Debian); `undefined` where there is none. */
export const PYTHON = ['python3', '/usr/bin/python3'].find(
  (python) => spawnSync(python, ['-c', 'import aiohttp'], { stdio: 'ignore' }).status === 0,
);

export interface AiohttpUrls {
  readonly wsUrl: string;
  readonly pushUrl: string;
}

const servers = new Set<ChildProcess>();

/** Starts the server with flags of its own, and waits until it listens. */
export async function startAiohttp(...flags: readonly string[]): Promise<AiohttpUrls> {
  if (PYTHON === undefined) throw new Error('There is no Python with aiohttp');
  // It ends with its stdin, so also when this process is killed.
  const child = spawn(PYTHON, [SCRIPT, ...flags], { stdio: ['pipe', 'pipe', 'inherit'] });
  servers.add(child);
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  const [line] = await within(once(lines, 'line'), 'the line of the Python server', START_MS);
  return JSON.parse(line);
}

/** Ends every server that {@link startAiohttp} has started. */
export async function stopAiohttp(): Promise<void> {
  const left = [...servers].filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null);
  servers.clear();
  await Promise.all(
    left.map((child) => {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      return ended;
    }),
  );
}
