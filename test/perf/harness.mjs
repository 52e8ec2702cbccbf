// Processes of the performance harness: one a server, one a group of clients, driven from here over IPC.
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** A process of the harness. A call goes out with its arguments and comes back with an answer. */
export class Peer {
  #child;
  #pending = new Map();
  #lastId = 0;

  constructor(file, args = []) {
    this.#child = fork(fileURLToPath(new URL(file, import.meta.url)), args, {
      execArgv: ['--expose-gc'],
      serialization: 'advanced',
    });
    this.#child.on('message', ({ id, value, error }) => {
      const { resolve, reject } = this.#pending.get(id);
      this.#pending.delete(id);
      if (error === undefined) resolve(value);
      else reject(new Error(error));
    });
    this.#child.on('exit', (code) => {
      for (const { reject } of this.#pending.values())
        reject(new Error(`${file} ${args} ended with ${code}`));
    });
  }

  call(method, argument) {
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#child.send({ id, method, argument });
    });
  }

  stop() {
    this.#pending.clear();
    this.#child.removeAllListeners('exit');
    this.#child.kill('SIGKILL');
  }
}

/** The other end of a {@link Peer}: answers calls with the methods that are given. Ends with its parent. */
export function serveCalls(methods) {
  process.on('message', async ({ id, method, argument }) => {
    try {
      process.send({ id, value: await methods[method](argument) });
    } catch (error) {
      process.send({ id, error: String(error?.stack ?? error) });
    }
  });
  process.on('disconnect', () => process.exit());
}

/** Live heap and what it holds outside, after the garbage is gone. */
export async function liveBytes() {
  for (let round = 0; round < 4; round++) {
    globalThis.gc();
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Runs each named task once a round, in an order that turns, and returns their results by name. */
export async function alternate(rounds, tasks) {
  const names = Object.keys(tasks);
  const results = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    const order = round % 2 === 0 ? names : names.toReversed();
    for (const name of order) results[name].push(await tasks[name]());
  }
  return results;
}
