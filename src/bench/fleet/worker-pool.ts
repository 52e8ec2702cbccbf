import { type ChildProcess, fork } from 'node:child_process';
import { DatafnWsError } from '../../protocol/errors.js';
import type { Shard } from '../model/shard.js';
import type { CallMessage, FleetCalls, WorkerMessage, WorkerSetup, WorkerStatus } from './messages.js';

/** Always the built worker: a child process cannot run the sources. */
const WORKER = new URL('../../../dist/bench/fleet/worker.js', import.meta.url);
/** How long a worker has to exit after it is asked to. */
const STOP_MS = 2000;
/** How often to check that workers still report. They report several times as often. */
const LISTEN_MS = 1000;

type Answer<Method extends keyof FleetCalls> = Awaited<ReturnType<FleetCalls[Method]>>;

interface Worker {
  readonly process: ChildProcess;
  readonly pending: Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>;
  hasExited: boolean;
  /** Checks in a row that found nothing new from it. */
  silentChecks: number;
}

/** The worker processes of a run. A call goes to all of them and comes back with an answer from each. */
export class WorkerPool {
  readonly #workers: Worker[] = [];
  #lastCallId = 0;
  #stopping = false;
  #death: Error | undefined;
  readonly #listening: NodeJS.Timeout;

  /**
   * @param onStatus called whenever a worker reports.
   * @param onDeath called when a worker dies or stops reporting: its clients are gone with it. The
   *   error is an `ERR_WORKER`, or any other after a bug.
   * @param silentMs how long a worker may stay silent.
   */
  constructor(
    size: number,
    private readonly onStatus: (worker: number, status: WorkerStatus) => void,
    private readonly onDeath: (error: Error) => void,
    private readonly silentMs: number,
  ) {
    for (let index = 0; index < size; index++) this.#workers.push(this.#start(index));
    this.#listening = setInterval(() => this.#listen(), LISTEN_MS).unref();
  }

  get pids(): number[] {
    return this.#workers.flatMap(({ process: { pid } }) => (pid === undefined ? [] : [pid]));
  }

  /** @param shard the part of all clients that these workers play together. */
  async setup(
    setup: Omit<WorkerSetup, 'worker' | 'workers' | 'shards'>,
    { index, of }: Shard = { index: 1, of: 1 },
  ): Promise<void> {
    const workers = of * this.#workers.length;
    await Promise.all(
      this.#workers.map((one, place) =>
        this.#send(one, 'setup', { ...setup, worker: index - 1 + of * place, workers, shards: of }),
      ),
    );
  }

  /**
   * Calls every worker.
   *
   * @throws {DatafnWsError} `ERR_WORKER` when one of them has died, or does so meanwhile.
   */
  call<Method extends keyof FleetCalls>(
    method: Method,
    argument?: Parameters<FleetCalls[Method]>[0],
  ): Promise<Answer<Method>[]> {
    return Promise.all(this.#workers.map((worker) => this.#send(worker, method, argument))) as Promise<
      Answer<Method>[]
    >;
  }

  /** Ends every worker; none is left when this resolves. Idempotent. */
  async stop(): Promise<void> {
    this.#stopping = true;
    clearInterval(this.#listening);
    await Promise.all(
      this.#workers.map(
        (worker) =>
          new Promise<void>((resolve) => {
            if (worker.hasExited) return resolve();
            const deadline = setTimeout(() => worker.process.kill('SIGKILL'), STOP_MS);
            worker.process.once('exit', () => {
              clearTimeout(deadline);
              resolve();
            });
            // A worker ends when its channel does.
            if (worker.process.connected) worker.process.disconnect();
          }),
      ),
    );
  }

  #start(index: number): Worker {
    const child = fork(WORKER, [], {
      serialization: 'advanced',
      // Not 'inherit': libuv would make a terminal blocking again, for this process too (`uv__process_child_init`).
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    const worker: Worker = {
      process: child,
      pending: new Map(),
      hasExited: false,
      silentChecks: 0,
    };
    child.on('message', (message: WorkerMessage) => this.#receive(worker, index, message));
    child.on('error', () => {});
    // What Node.js itself says of a worker, such as that it is out of memory.
    child.stderr?.on('data', (text: Buffer) => process.stderr.write(text));
    child.on('exit', (code, signal) => {
      worker.hasExited = true;
      if (this.#stopping) return;
      const how = signal === null ? `exit code ${code}` : signal;
      this.#lose(died(`Worker ${index + 1} (process ${child.pid}) died with ${how}`));
    });
    return worker;
  }

  /** A worker is gone, and with it what it has counted: pending calls are rejected. */
  #lose(death: Error): void {
    if (this.#death !== undefined) return;
    this.#death = death;
    for (const one of this.#workers) {
      for (const { reject } of one.pending.values()) reject(death);
      one.pending.clear();
    }
    this.onDeath(death);
  }

  /** Checks are counted, not milliseconds: if this process stood still, that was one check. */
  #listen(): void {
    for (const [index, worker] of this.#workers.entries()) {
      worker.silentChecks += 1;
      if (worker.silentChecks * LISTEN_MS <= this.silentMs) continue;
      const who = `Worker ${index + 1} (process ${worker.process.pid})`;
      this.#lose(died(`${who} has not reported for ${this.silentMs / 1000} s`));
    }
  }

  #receive(worker: Worker, index: number, message: WorkerMessage): void {
    worker.silentChecks = 0;
    if (message.type === 'status') {
      this.onStatus(index, message.status);
      return;
    }
    if (message.type === 'crashed') {
      this.#lose(new Error(`in worker ${index + 1}: ${message.error}`));
      return;
    }
    const pending = worker.pending.get(message.id);
    worker.pending.delete(message.id);
    if (message.type === 'answer') pending?.resolve(message.value);
    else pending?.reject(new Error(`in a worker: ${message.error}`));
  }

  #send(worker: Worker, method: keyof FleetCalls, argument: unknown): Promise<unknown> {
    if (this.#death !== undefined) return Promise.reject(this.#death);
    this.#lastCallId += 1;
    const id = this.#lastCallId;
    return new Promise((resolve, reject) => {
      worker.pending.set(id, { resolve, reject });
      worker.process.send({ id, method, argument } satisfies CallMessage, (error) => {
        if (error !== null)
          worker.pending.delete(id) &&
            reject(new DatafnWsError('ERR_WORKER', `A worker cannot be reached: ${error.message}`));
      });
    });
  }
}

function died(what: string): DatafnWsError {
  return new DatafnWsError('ERR_WORKER', what);
}
