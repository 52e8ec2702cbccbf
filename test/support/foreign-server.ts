import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { within } from './deadline.js';

const here = (name: string) => fileURLToPath(new URL(`./${name}`, import.meta.url));

/** A runtime reads a few hundred files to start. */
const START_MS = 30_000;

/** A Python that has `websockets` (`python3-websockets` in Debian); `undefined` where there is none. */
export const PYTHON_WITH_WEBSOCKETS = ['python3', '/usr/bin/python3'].find(
  (python) => spawnSync(python, ['-c', 'import websockets'], { stdio: 'ignore' }).status === 0,
);

/** What a foreign server says when it listens. */
export interface ForeignServer {
  readonly wsUrl: string;
  readonly emitUrl?: string;
  readonly pid: number;
}

const servers = new Set<ChildProcess>();

/** Starts a server in another language, and waits until it listens. It ends with this process. */
export async function startForeign(
  program: string,
  script: 'websockets-server.py' | 'bun-server.mjs',
  ...flags: readonly string[]
): Promise<ForeignServer> {
  const child = spawn(program, [here(script), ...flags], { stdio: ['pipe', 'pipe', 'inherit'] });
  servers.add(child);
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  const [line] = await within(once(lines, 'line'), `the line of ${script}`, START_MS);
  return JSON.parse(line);
}

/** Ends every server that {@link startForeign} has started. */
export async function stopForeign(): Promise<void> {
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
