import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { messageOf } from '../../protocol/errors.js';
import type { KeeperMessage } from './keeper.js';

/** Always the built CLI: a process cannot run the sources. */
const KEEPER = inPackage('dist/bench/target/keeper.js');
/** Lines of its log that are kept for an error message. */
const KEPT_LINES = 20;

export interface ProcessOptions {
  /** A program and its arguments, under a keeper; or, without one, arguments of Node.js. */
  readonly words: readonly string[];
  /** Whether a keeper sees to it that it ends with this process. A server of ours does so by itself, unless it is stopped. */
  readonly isKept: boolean;
  /** Variables of this tool's own are left out, so that a scenario means the same on every machine. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** A child process of bench: a server under test, or its engine. It ends with bench, however that comes about. */
export class StartedProcess {
  readonly #child: ChildProcess;
  readonly #isKept: boolean;
  #keptPid: number | undefined;
  #ended: string | undefined;
  readonly #lastLines: string[] = [];
  /** Resolves when it has ended. */
  readonly exited: Promise<void>;

  constructor({ words, isKept, env }: ProcessOptions) {
    this.#isKept = isKept;
    const child = spawn(process.execPath, isKept ? [KEEPER, ...words] : words, {
      // The channel ties its life to ours: it ends when this process does, however that comes about.
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      // A Ctrl-C is for bench alone: a server that heard it too would be gone before its clients are counted.
      detached: process.platform !== 'win32',
      env: Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('DATAFN_WS_'))),
    });
    this.#child = child;
    createInterface({ input: child.stderr as NodeJS.ReadableStream }).on('line', (line) => {
      this.#lastLines.push(line);
      if (this.#lastLines.length > KEPT_LINES) this.#lastLines.shift();
    });
    this.exited = new Promise((resolve) => {
      child.on('message', (message: KeeperMessage | null) => {
        this.#ended ??= message?.cannotStart;
        this.#keptPid = message?.keeps ?? this.#keptPid;
      });
      child.once('exit', (code, signal) => {
        this.#ended ??= signal === null ? `exit code ${code}` : signal;
        resolve();
      });
      child.once('error', (error) => {
        // It may also be a signal that could not be sent; only one that never ran has no number.
        if (child.pid !== undefined) return;
        this.#ended = messageOf(error);
        resolve();
      });
    });
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  /** How it ended, once it has; asked for or not. */
  get ended(): string | undefined {
    return this.#ended;
  }

  get lastLines(): readonly string[] {
    return this.#lastLines;
  }

  onLine(listener: (line: string) => void): void {
    createInterface({ input: this.#child.stdout as NodeJS.ReadableStream }).on('line', listener);
  }

  /** Sends a signal to the process itself, past its keeper. */
  signal(name: NodeJS.Signals): void {
    if (this.#ended !== undefined) return;
    if (!this.#isKept) this.#child.kill(name);
    else if (this.#keptPid !== undefined) signalProcess(this.#keptPid, name);
  }

  /** Ends it at once. */
  cutOff(): void {
    // A keeper must live to end what it keeps, which it does when it is left alone.
    if (!this.#isKept) this.#child.kill('SIGKILL');
    else if (this.#child.connected) this.#child.disconnect();
  }

  /** Asks it to shut down and waits until it has; cuts it off if it takes longer. Idempotent. */
  async stop(withinMs: number): Promise<void> {
    if (this.#ended !== undefined) return;
    this.#child.kill('SIGTERM');
    const deadline = setTimeout(() => this.cutOff(), withinMs);
    await this.exited;
    clearTimeout(deadline);
  }
}

/** Sends a signal to a process that may be gone. */
export function signalProcess(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** A file of this package. */
export function inPackage(path: string): string {
  return fileURLToPath(new URL(`../../../${path}`, import.meta.url));
}
