import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { DatafnWsError } from '../../protocol/errors.js';

const START_MS = 15_000;
/** Beyond the server's own shutdown timeout. */
const STOP_GRACE_MS = 3000;
/** Lines of the server's log that are kept for an error message. */
const KEPT_LINES = 20;

/** A server that bench started itself: the one that ships, as a child process. */
export interface OwnServer {
  readonly wsUrl: string;
  readonly apiUrl: string;
  readonly pid: number;
  /** How it ended, once it has; asked for or not. */
  readonly ended: string | undefined;
  /** Asks it to shut down and waits until it has; cuts it off if it does not. Idempotent. */
  stop(): Promise<void>;
}

/**
 * Starts `datafn-ws serve`, by default on a free port.
 *
 * @param env the environment for it; variables of this tool's own are left out, so that a scenario means the same
 *   on every machine.
 * @throws {DatafnWsError} `ERR_UNREACHABLE` when it does not come up.
 */
export async function startOwnServer(
  flags: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  port = 0,
): Promise<OwnServer> {
  const bin = fileURLToPath(new URL('../../../bin/datafn-ws.js', import.meta.url));
  const child = spawn(
    process.execPath,
    [bin, 'serve', '--port', String(port), '--json', '--log-level', 'warn', ...flags],
    {
      // The channel ties its life to ours: it ends when this process does, however that comes about.
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('DATAFN_WS_'))),
    },
  );
  const lastLines: string[] = [];
  createInterface({ input: child.stderr as NodeJS.ReadableStream }).on('line', (line) => {
    lastLines.push(line);
    if (lastLines.length > KEPT_LINES) lastLines.shift();
  });
  let ended: string | undefined;
  const exited = new Promise<void>((resolve) => {
    child.once('exit', (code, signal) => {
      ended = signal === null ? `exit code ${code}` : signal;
      resolve();
    });
  });
  const { wsUrl, apiUrl } = await listening(child, exited, lastLines);
  return {
    wsUrl,
    apiUrl,
    pid: child.pid as number,
    get ended() {
      return ended;
    },
    async stop() {
      if (ended !== undefined) return;
      child.kill('SIGTERM');
      const deadline = setTimeout(() => child.kill('SIGKILL'), STOP_GRACE_MS);
      await exited;
      clearTimeout(deadline);
    },
  };
}

/** Waits for the line that says where it listens. */
async function listening(
  child: ChildProcess,
  exited: Promise<void>,
  lastLines: readonly string[],
): Promise<{ wsUrl: string; apiUrl: string }> {
  const failure = (why: string) =>
    new DatafnWsError(
      'ERR_UNREACHABLE',
      [`The server for this run could not be started: ${why}`, ...lastLines].join('\n'),
    );
  let deadline: NodeJS.Timeout | undefined;
  const line = new Promise<string>((resolve) => {
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).once('line', resolve);
  });
  try {
    const first = await Promise.race([
      line,
      exited.then(() => {
        throw failure('it exited at once');
      }),
      new Promise<never>((_, reject) => {
        deadline = setTimeout(
          () => reject(failure(`it was not ready within ${START_MS / 1000} s`)),
          START_MS,
        );
      }),
    ]);
    return JSON.parse(first);
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  } finally {
    clearTimeout(deadline);
  }
}
