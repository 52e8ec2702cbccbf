import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Waiters, within } from '../support/deadline.js';

const BIN = fileURLToPath(new URL('../../bin/datafn-ws.js', import.meta.url));
const PROBE = new URL('memory-probe.mjs', import.meta.url).href;

/** What a process holds after a collection of garbage. */
export interface Memory {
  readonly rss: number;
  /** Heap and external together: what is in use. */
  readonly live: number;
}

/** `datafn-ws serve` as it ships, in a process of its own, with a window to its memory. */
export class AttackedServer {
  stdout = '';
  /** The end of what it has logged. */
  stderr = '';
  /** How it ended, if it has. */
  ended: string | undefined;
  readonly #waiters = new Waiters();

  private constructor(readonly child: ChildProcess) {
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
      this.#waiters.changed();
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr = (this.stderr + text).slice(-10_000_000);
    });
    child.once('exit', (code, signal) => {
      this.ended = `exit code ${code}, signal ${signal}`;
      this.#waiters.changed();
    });
  }

  /** Starts one on a free port of all loopback addresses, and waits until it listens. */
  static async start(flags: readonly string[]): Promise<AttackedServer> {
    const node = ['--expose-gc', '--import', PROBE, BIN, 'serve', '--json', '--port', '0'];
    const child = spawn(process.execPath, [...node, ...flags], { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
    const server = new AttackedServer(child);
    await server.#waiters.until(
      () => server.stdout.includes('\n') || server.ended !== undefined,
      () => `the line of serve --json: ${server.stderr}`,
    );
    if (server.ended !== undefined) throw new Error(`The server ended at once: ${server.stderr}`);
    return server;
  }

  get wsUrl(): string {
    return JSON.parse(this.stdout).wsUrl;
  }

  get apiUrl(): string {
    return JSON.parse(this.stdout).apiUrl;
  }

  get port(): number {
    return Number(new URL(this.apiUrl).port);
  }

  /** Descriptors that it has open. */
  get descriptors(): number {
    return readdirSync(`/proc/${this.child.pid}/fd`).length;
  }

  async memory(): Promise<Memory> {
    const answer = once(this.child, 'message');
    this.child.send('memory');
    const [{ rss, heapUsed, external }] = await within(answer, 'the memory of the server', 30_000);
    return { rss, live: heapUsed + external };
  }

  /** Asks it to shut down; how it ended. */
  async stop(): Promise<string | undefined> {
    this.child.kill('SIGTERM');
    await this.#waiters.until(() => this.ended !== undefined, 'the end of the server', 20_000);
    return this.ended;
  }

  /** Ends it by force, if it still runs. */
  dispose(): void {
    if (this.ended === undefined) this.child.kill('SIGKILL');
  }
}
