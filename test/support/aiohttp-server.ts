import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { AnnouncedProcesses } from './announced-process.js';

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

// They end with their stdin, so also when this process is killed.
const servers = new AnnouncedProcesses(['pipe', 'pipe', 'inherit']);

/** Starts the server with flags of its own, and waits until it listens. */
export async function startAiohttp(...flags: readonly string[]): Promise<AiohttpUrls> {
  if (PYTHON === undefined) throw new Error('There is no Python with aiohttp');
  return servers.start(PYTHON, [SCRIPT, ...flags], 'the Python server', START_MS);
}

/** Ends every server that {@link startAiohttp} has started. */
export const stopAiohttp = () => servers.stop();
