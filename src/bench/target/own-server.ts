import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import parseCommand from 'string-argv';
import { serverOptions } from '../../options/server-table.js';
import { flagOf } from '../../options/spec.js';
import { DatafnWsError, messageOf } from '../../protocol/errors.js';
import type { CannotStart } from './keeper.js';

const START_MS = 15_000;
/** Beyond the server's own shutdown timeout. */
const STOP_GRACE_MS = 3000;
const SHIPPED = [inPackage('bin/datafn-ws.js'), 'serve', '--log-level', 'warn'];
/** Always the built CLI: a process cannot run the sources. */
const KEEPER = inPackage('dist/bench/target/keeper.js');
/** Lines of the server's log that are kept for an error message. */
const KEPT_LINES = 20;

/** A server that bench started itself, as a child process: the one that ships, or one by a command. */
export interface OwnServer {
  readonly wsUrl: string;
  readonly apiUrl: string;
  readonly pid: number;
  /** How it ended, once it has; asked for or not. */
  readonly ended: string | undefined;
  /** Asks it to shut down and waits until it has; cuts it off if it does not. Idempotent. */
  stop(): Promise<void>;
}

export interface OwnServerOptions {
  /** How it behaves, as flags of `serve`. */
  readonly flags: readonly string[];
  /** Its environment; variables of this tool's own are left out, so that a scenario means the same on every machine. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Default: a free one. */
  readonly port?: number;
  /** What is started in place of `datafn-ws serve`. */
  readonly command?: string | undefined;
  /** Ends the wait for a server that does not come up. */
  readonly signal?: AbortSignal;
}

/**
 * Starts a server, and waits until it listens.
 *
 * @throws {DatafnWsError} `ERR_UNREACHABLE` when it does not come up.
 */
export async function startOwnServer({
  flags,
  env,
  port = 0,
  command,
  signal,
}: OwnServerOptions): Promise<OwnServer> {
  const words = command === undefined ? SHIPPED : [KEEPER, ...parseCommand(command)];
  const child = spawn(process.execPath, [...words, '--port', String(port), '--json', ...flags], {
    // The channel ties its life to ours: it ends when this process does, however that comes about.
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    // A Ctrl-C is for bench alone: a server that heard it too would be gone before its clients are counted.
    detached: process.platform !== 'win32',
    env: Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('DATAFN_WS_'))),
  });
  const lastLines: string[] = [];
  createInterface({ input: child.stderr as NodeJS.ReadableStream }).on('line', (line) => {
    lastLines.push(line);
    if (lastLines.length > KEPT_LINES) lastLines.shift();
  });
  let ended: string | undefined;
  const exited = new Promise<void>((resolve) => {
    child.on('message', (message: Partial<CannotStart> | null) => {
      ended ??= message?.cannotStart;
    });
    child.once('exit', (code, signal) => {
      ended ??= signal === null ? `exit code ${code}` : signal;
      resolve();
    });
    child.once('error', (error) => {
      // It may also be a signal that could not be sent; only one that never ran has no number.
      if (child.pid !== undefined) return;
      ended = messageOf(error);
      resolve();
    });
  });
  // A keeper must live to end what it keeps, which it does when it is left alone.
  const cutOff = () => {
    if (command === undefined) child.kill('SIGKILL');
    else if (child.connected) child.disconnect();
  };
  const { wsUrl, apiUrl } = await listening(child, exited, () => ended, lastLines, signal).catch(
    async (error: unknown) => {
      if (ended === undefined) cutOff();
      await exited;
      throw error;
    },
  );
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
      const deadline = setTimeout(cutOff, shutdownTimeoutOf(flags) + STOP_GRACE_MS);
      await exited;
      clearTimeout(deadline);
    },
  };
}

function inPackage(path: string): string {
  return fileURLToPath(new URL(`../../../${path}`, import.meta.url));
}

/** How long a server with these flags may take to shut down. */
function shutdownTimeoutOf(flags: readonly string[]): number {
  return flagValue(flags, 'drain') + flagValue(flags, 'shutdownTimeout');
}

function flagValue(flags: readonly string[], key: 'drain' | 'shutdownTimeout'): number {
  const option = serverOptions[key];
  const at = flags.indexOf(`--${flagOf(key)}`);
  const given = at === -1 ? undefined : option.parse(flags[at + 1] ?? '');
  return given?.ok ? given.value : option.default;
}

interface Addresses {
  readonly wsUrl: string;
  readonly apiUrl: string;
}

/** `ws://host:port/any/path` to `http://host:port`: where the HTTP API of our own server is. */
export function apiUrlOf(wsUrl: string): string {
  const { protocol, host } = new URL(wsUrl);
  return `${protocol === 'wss:' ? 'https' : 'http'}://${host}`;
}

/** Waits for the line that says where it listens. */
async function listening(
  child: ChildProcess,
  exited: Promise<void>,
  ended: () => string | undefined,
  lastLines: readonly string[],
  signal: AbortSignal | undefined,
): Promise<Addresses> {
  const failure = (why: string) =>
    new DatafnWsError(
      'ERR_UNREACHABLE',
      [`The server for this run could not be started: ${why}`, ...lastLines].join('\n'),
    );
  let deadline: NodeJS.Timeout | undefined;
  let onAbort = () => {};
  const said = new Promise<Addresses>((resolve) => {
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      const addresses = readAddresses(line);
      if (addresses !== undefined) resolve(addresses);
    });
  });
  try {
    return await Promise.race([
      said,
      exited.then(() => {
        throw failure(`it exited at once (${ended()})`);
      }),
      new Promise<never>((_, reject) => {
        deadline = setTimeout(
          () => reject(failure(`it did not print its address to stdout within ${START_MS / 1000} s`)),
          START_MS,
        );
        onAbort = () => reject(failure('the run was stopped'));
        if (signal?.aborted) onAbort();
        signal?.addEventListener('abort', onAbort);
      }),
    ]);
  } finally {
    signal?.removeEventListener('abort', onAbort);
    clearTimeout(deadline);
  }
}

/** The line that `serve --json` prints; `undefined` for any other, such as a greeting. */
function readAddresses(line: string): Addresses | undefined {
  let said: unknown;
  try {
    said = JSON.parse(line);
  } catch {
    return undefined;
  }
  const { wsUrl, apiUrl } = (said ?? {}) as Partial<Record<keyof Addresses, unknown>>;
  if (typeof wsUrl !== 'string' || !URL.canParse(wsUrl)) return undefined;
  return { wsUrl, apiUrl: typeof apiUrl === 'string' && URL.canParse(apiUrl) ? apiUrl : apiUrlOf(wsUrl) };
}
