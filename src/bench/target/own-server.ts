import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { commandWords } from '../../options/command-words.js';
import { serverOptions } from '../../options/serve.js';
import { flagOf } from '../../options/spec.js';
import { DatafnWsError, messageOf } from '../../protocol/errors.js';
import { apiUrlOf } from './reach.js';

const START_MS = 15_000;
/** Beyond the server's own shutdown timeout. */
const STOP_GRACE_MS = 3000;
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
}: OwnServerOptions): Promise<OwnServer> {
  const [file = '', ...words] =
    (command === undefined ? undefined : commandWords(command)) ?? shippedServer();
  const child = spawn(file, [...words, '--port', String(port), '--json', ...flags], {
    // The channel ties its life to ours: it ends when this process does, however that comes about. A command that
    // knows nothing of channels does not mind.
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('DATAFN_WS_'))),
  });
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
    child.once('error', (error) => {
      // It may also be a signal that could not be sent; only one that never ran has no number.
      if (child.pid !== undefined) return;
      ended = messageOf(error);
      resolve();
    });
  });
  const { wsUrl, apiUrl } = await listening(child, exited, () => ended, lastLines);
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
      const deadline = setTimeout(() => child.kill('SIGKILL'), shutdownTimeoutOf(flags) + STOP_GRACE_MS);
      await exited;
      clearTimeout(deadline);
    },
  };
}

function shippedServer(): string[] {
  const bin = fileURLToPath(new URL('../../../bin/datafn-ws.js', import.meta.url));
  return [process.execPath, bin, 'serve', '--log-level', 'warn'];
}

/** How long a server with these flags may take to shut down. */
function shutdownTimeoutOf(flags: readonly string[]): number {
  const { shutdownTimeout } = serverOptions;
  const at = flags.indexOf(`--${flagOf('shutdownTimeout')}`);
  const given = at === -1 ? undefined : shutdownTimeout.parse(flags[at + 1] ?? '');
  return given?.ok ? given.value : shutdownTimeout.default;
}

interface Addresses {
  readonly wsUrl: string;
  readonly apiUrl: string;
}

/** Waits for the line that says where it listens. */
async function listening(
  child: ChildProcess,
  exited: Promise<void>,
  ended: () => string | undefined,
  lastLines: readonly string[],
): Promise<Addresses> {
  const failure = (why: string) =>
    new DatafnWsError(
      'ERR_UNREACHABLE',
      [`The server for this run could not be started: ${why}`, ...lastLines].join('\n'),
    );
  let deadline: NodeJS.Timeout | undefined;
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
        throw failure(`it ended at once (${ended()})`);
      }),
      new Promise<never>((_, reject) => {
        deadline = setTimeout(
          () => reject(failure(`it did not say on stdout within ${START_MS / 1000} s where it listens`)),
          START_MS,
        );
      }),
    ]);
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  } finally {
    clearTimeout(deadline);
  }
}

/** The line that `serve --json` prints; `undefined` for any other, such as a greeting of somebody's server. */
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
