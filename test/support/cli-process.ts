import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Waiters } from './deadline.js';

export const BIN = fileURLToPath(new URL('../../bin/datafn-ws.js', import.meta.url));

export interface CliOptions {
  /** Variables on top of an environment that has none of the tool's own, of colours, or of GitHub. */
  readonly env?: Readonly<Record<string, string>>;
  /** How many files it may open. */
  readonly descriptors?: number;
}

/** How long a process has to end when it is asked to, before it is killed. */
const STOP_MS = 5000;

/** How a process ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/**
 * `datafn-ws` as a process of its own, built and run as it ships. It is tied to this process by a channel, so that
 * it ends when the tests do, however they do.
 */
export class CliProcess {
  stdout = '';
  stderr = '';
  /** Set when it has ended and all of its output has been read. */
  exit: Exit | undefined;
  readonly child: ChildProcess;
  readonly #waiters = new Waiters();

  constructor(args: readonly string[], { env = {}, descriptors }: CliOptions = {}) {
    const inherited = Object.entries(process.env).filter(
      ([name]) => !/^(DATAFN_WS_.*|GITHUB_.*|NO_COLOR|FORCE_COLOR|NODE_OPTIONS)$/.test(name),
    );
    const command = [process.execPath, BIN, ...args];
    // Node raises the soft limit to the hard one when it starts: this sets both.
    const limited = ['sh', '-c', `ulimit -n ${descriptors} && exec "$@"`, 'sh', ...command];
    const [file = '', ...words] = descriptors === undefined ? command : limited;
    this.child = spawn(file, words, {
      stdio: ['pipe', 'pipe', 'pipe', 'ipc'],
      env: { ...Object.fromEntries(inherited), ...env },
    });
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
      this.#waiters.changed();
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
      this.#waiters.changed();
    });
    // One that has ended does not read its input any more.
    this.child.stdin?.on('error', () => {});
    // Not the event `close` of the child: it does not come when the channel was disconnected from this end.
    const { stdout, stderr } = this.child;
    const closed = [stdout, stderr].map((stream) => new Promise((resolve) => stream?.once('close', resolve)));
    this.child.once('exit', async (code, signal) => {
      await Promise.all(closed);
      this.exit = { code, signal };
      this.#waiters.changed();
    });
  }

  get pid(): number {
    return this.child.pid as number;
  }

  /** Resolves when `isMet` is true; looked at after each piece of output and at the end. */
  until(isMet: () => boolean, what: string, ms?: number): Promise<void> {
    return this.#waiters.until(isMet, () => `${what}\nstdout: ${this.stdout}\nstderr: ${this.stderr}`, ms);
  }

  /** Resolves with the first line of stderr that matches. */
  async logged(pattern: RegExp): Promise<string> {
    const find = () => this.stderr.split('\n').find((line) => pattern.test(line));
    await this.until(() => find() !== undefined, `a line of the log that matches ${pattern}`);
    return find() as string;
  }

  /** Gives it something on stdin, and leaves that open. */
  write(text: string): void {
    this.child.stdin?.write(text);
  }

  /** Gives it the last of its stdin. */
  end(text = ''): void {
    this.child.stdin?.end(text);
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Resolves when it has ended and its output has been read to the end. */
  async ended(ms?: number): Promise<Exit> {
    await this.until(() => this.exit !== undefined, 'the end of the process', ms);
    return this.exit as Exit;
  }

  /** Ends it by force, if it still runs. For cleaning up. */
  async dispose(): Promise<void> {
    if (this.exit !== undefined) return;
    // SIGKILL would lose its coverage.
    if (process.env.NODE_V8_COVERAGE !== undefined) await this.#stop();
    this.child.kill('SIGKILL');
    await this.ended();
  }

  /** Asks it to end, and waits for that for a while. */
  async #stop(): Promise<void> {
    this.child.kill('SIGTERM');
    await this.ended(STOP_MS).catch(() => {});
  }
}

/** What `serve --json` says when it is ready. */
export interface ListeningLine {
  readonly event: 'listening';
  readonly wsUrl: string;
  readonly apiUrl: string;
  readonly metricsUrl?: string;
  readonly pid: number;
}

/** A `datafn-ws serve` that is ready. */
export class ServeProcess extends CliProcess {
  /** Its one line of JSON. */
  listening!: ListeningLine;

  get wsUrl(): string {
    return this.listening.wsUrl;
  }

  get apiUrl(): string {
    return this.listening.apiUrl;
  }
}

/** Everything that {@link startServe}, {@link startCli} and {@link runCli} started and nobody disposed of yet. */
const running = new Set<CliProcess>();

/** Starts `datafn-ws serve --json --port 0` with more flags, and waits until it listens. */
export async function startServe(
  flags: readonly string[] = [],
  options: CliOptions = {},
): Promise<ServeProcess> {
  const serve = new ServeProcess(['serve', '--json', '--port', '0', ...flags], options);
  running.add(serve);
  await serve.until(
    () => serve.stdout.includes('\n') || serve.exit !== undefined,
    'the line of `serve --json`',
  );
  if (serve.exit !== undefined) throw new Error(`serve ended at once: ${serve.stderr}`);
  serve.listening = JSON.parse(serve.stdout);
  return serve;
}

/** Starts `datafn-ws` with these arguments and leaves it running. */
export function startCli(args: readonly string[], options: CliOptions = {}): CliProcess {
  const started = new CliProcess(args, options);
  running.add(started);
  return started;
}

/** Runs `datafn-ws` with these arguments, and `stdin` as its input, to its end. */
export async function runCli(
  args: readonly string[],
  { stdin = '', withinMs, ...options }: CliOptions & { stdin?: string; withinMs?: number } = {},
): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }> {
  const started = startCli(args, options);
  started.end(stdin);
  const { code } = await started.ended(withinMs);
  return { code, stdout: started.stdout, stderr: started.stderr };
}

/** Ends what still runs of what these helpers started. For `afterEach`. */
export async function disposeProcesses(): Promise<void> {
  const left = [...running];
  running.clear();
  await Promise.all(left.map((started) => started.dispose()));
}
