import parseCommand from 'string-argv';
import { serverOptions } from '../../options/server-options.js';
import { flagOf } from '../../options/spec.js';
import { DatafnWsError } from '../../protocol/errors.js';
import { inPackage, StartedProcess } from './started-process.js';

const START_MS = 15_000;
/** Beyond the server's own shutdown timeout. */
const STOP_GRACE_MS = 3000;
const SHIPPED = [inPackage('bin/datafn-ws.js'), 'serve', '--log-level', 'warn'];

/** A server that bench started itself, as a child process: the one that ships, or one by a command. */
export interface OwnServer {
  readonly wsUrl: string;
  readonly apiUrl: string;
  readonly pid: number;
  /** How it ended, once it has; asked for or not. */
  readonly ended: string | undefined;
  readonly exited: Promise<void>;
  /** Sends it a signal, as a fault. */
  signal(name: NodeJS.Signals): void;
  /** Asks it to shut down and waits until it has; cuts it off if it does not. Idempotent. */
  stop(): Promise<void>;
}

export interface OwnServerOptions {
  /** How it behaves, as flags of `serve`. */
  readonly flags: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Default: a free one. */
  readonly port?: number;
  /** What is started in place of `datafn-ws serve`. */
  readonly command?: string | undefined;
  /** Whether its processes may be stopped: then even a server of ours needs a keeper. */
  readonly mayStop?: boolean;
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
  mayStop = false,
  signal,
}: OwnServerOptions): Promise<OwnServer> {
  const isKept = command !== undefined || mayStop;
  const shipped = mayStop ? [process.execPath, ...SHIPPED] : SHIPPED;
  const program = command === undefined ? shipped : parseCommand(command);
  const child = new StartedProcess({
    words: [...program, '--port', String(port), '--json', ...flags],
    isKept,
    env,
  });
  const { wsUrl, apiUrl } = await listening(child, signal).catch(async (error: unknown) => {
    if (child.ended === undefined) child.cutOff();
    await child.exited;
    throw error;
  });
  return {
    wsUrl,
    apiUrl,
    pid: child.pid,
    get ended() {
      return child.ended;
    },
    exited: child.exited,
    signal: (name) => child.signal(name),
    stop: () => child.stop(shutdownTimeoutOf(flags) + STOP_GRACE_MS),
  };
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
async function listening(child: StartedProcess, signal: AbortSignal | undefined): Promise<Addresses> {
  const failure = (why: string) =>
    new DatafnWsError(
      'ERR_UNREACHABLE',
      [`The server for this run could not be started: ${why}`, ...child.lastLines].join('\n'),
    );
  let deadline: NodeJS.Timeout | undefined;
  let onAbort = () => {};
  const said = new Promise<Addresses>((resolve) => {
    child.onLine((line) => {
      const addresses = readAddresses(line);
      if (addresses !== undefined) resolve(addresses);
    });
  });
  try {
    return await Promise.race([
      said,
      child.exited.then(() => {
        throw failure(`it exited at once (${child.ended})`);
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
