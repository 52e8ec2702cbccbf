import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { within } from './deadline.js';

/** Servers that say with a line of JSON that they listen. */
export class AnnouncedProcesses {
  readonly #running = new Set<ChildProcess>();

  /** @param stdio of each, with a pipe for stdout. */
  constructor(private readonly stdio: SpawnOptions['stdio']) {}

  /** Starts one, and returns what its first line says. */
  async start<Line>(
    program: string,
    args: readonly string[],
    what: string,
    withinMs?: number,
  ): Promise<Line> {
    const child = spawn(program, args, { stdio: this.stdio });
    this.#running.add(child);
    const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
    const [line] = await within(once(lines, 'line'), `the line of ${what}`, withinMs);
    return JSON.parse(line);
  }

  /** Ends them all. */
  async stop(): Promise<void> {
    const left = [...this.#running].filter(
      ({ exitCode, signalCode }) => exitCode === null && signalCode === null,
    );
    this.#running.clear();
    await Promise.all(
      left.map((child) => {
        const ended = once(child, 'exit');
        child.kill('SIGKILL');
        return ended;
      }),
    );
  }
}
