import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { AnnouncedProcesses } from './announced-process.js';

const here = (name: string) => fileURLToPath(new URL(`./${name}`, import.meta.url));

/** A runtime reads a few hundred files to start. */
const START_MS = 30_000;

/** A Python that has `websockets` (`python3-websockets` in Debian); `undefined` where there is none. */
export const PYTHON_WITH_WEBSOCKETS = ['python3', '/usr/bin/python3'].find(
  (python) => spawnSync(python, ['-c', 'import websockets'], { stdio: 'ignore' }).status === 0,
);

/** Whether there is an nginx with nchan (`libnginx-mod-nchan` in Debian). */
export const hasNchan =
  spawnSync('nginx', ['-v'], { stdio: 'ignore' }).status === 0 &&
  existsSync('/usr/lib/nginx/modules/ngx_nchan_module.so');

/** What a foreign server says when it listens. */
export interface ForeignServer {
  readonly wsUrl: string;
  readonly emitUrl?: string;
  readonly pid: number;
}

// They end with their stdin, so also when this process is killed.
const servers = new AnnouncedProcesses(['pipe', 'pipe', 'inherit']);

/** Starts a server in another language, and waits until it listens. */
export function startForeign(
  program: string,
  script: 'websockets-server.py' | 'bun-server.mjs' | 'nchan-server.mjs',
  ...flags: readonly string[]
): Promise<ForeignServer> {
  return servers.start(program, [here(script), ...flags], script, START_MS);
}

/** Ends every server that {@link startForeign} has started. */
export const stopForeign = () => servers.stop();
