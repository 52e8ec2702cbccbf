import { type ChildProcess, fork, type SendHandle } from 'node:child_process';
import type { HubWorker } from '../backplane/ipc-hub.js';
import type { MessageToWorker } from '../backplane/ipc-messages.js';
import { DatafnWsError } from '../protocol/errors.js';
import type { ServerStats } from '../server/health/statistics.js';
import type { MetricsSnapshot } from '../server/metrics/snapshot.js';
import type { ShutdownStage } from '../server/server-types.js';
import { Answers } from './answers.js';
import { Batches } from './batches.js';
import type { Questions, ToPrimary, ToWorker, WorkerSetup } from './messages.js';
import type { SharedSocket } from './shared-sockets.js';

/** Always the built worker: a child process cannot run the sources. */
const WORKER = new URL('../../dist/workers/worker.js', import.meta.url);

export interface WorkerProcessParts {
  readonly version: string;
  /** It is set up, and takes messages about cursors from here on. */
  joined(worker: WorkerProcess): void;
  /** Messages of the worker, except those that only its {@link WorkerProcess} is concerned with. */
  take(worker: WorkerProcess, message: ToPrimary): void;
  /** What the process itself printed, such as the output of an auth module. */
  onOutput(stream: 'stdout' | 'stderr', bytes: Buffer): void;
  /** The process has ended. */
  exited(worker: WorkerProcess): void;
}

/** One worker process, as the primary sees it. */
export class WorkerProcess implements HubWorker {
  readonly id: string;
  readonly version: string;
  readonly startedAtMs = performance.now();
  /** Clients that its events have counted. */
  openClients = 0;
  /** The id of its first connection. */
  firstConnectionId = 0;
  /** The highest id of a connection that it has named. */
  lastConnectionId = 0;
  /** Its counts, as far as they are known. */
  stats: ServerStats | undefined;
  /** What it last said for `GET /metrics`. */
  snapshot: MetricsSnapshot | undefined;
  isListening = false;
  /** Whether it has file descriptors for more connections. */
  hasRoom = true;
  /** Whether it accepts connections. It stops when it has no room. */
  isAccepting = true;
  /** The stages of its shutdown that it has reached. */
  readonly reached = new Set<ShutdownStage>();
  /** Whether it has shut down, as it was asked to. */
  hasClosed = false;
  /** How it ended, once it has. */
  ended: string | undefined;
  readonly #child: ChildProcess;
  readonly #batches: Batches<ToWorker>;
  readonly #answers: Answers;
  readonly #listening: Promise<void>;
  #settle!: { listening: () => void; failed: (error: Error) => void };

  /**
   * @param index counts the workers from 0.
   * @param setup made when the process is ready for it, so that it is the newest.
   */
  constructor(
    readonly index: number,
    private readonly setup: (worker: WorkerProcess) => WorkerSetup,
    private readonly sockets: readonly SharedSocket[],
    private readonly parts: WorkerProcessParts,
  ) {
    this.version = parts.version;
    this.#listening = new Promise((listening, failed) => {
      this.#settle = { listening, failed };
    });
    // A failure is for the caller that awaits it; without one, it must not count as unhandled.
    this.#listening.catch(() => {});
    this.#child = fork(WORKER, [], {
      // Not 'inherit': libuv would make a terminal blocking again, for this process too (`uv__process_child_init`).
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.id = `worker-${index + 1}-${this.#child.pid}`;
    this.#batches = new Batches((batch, done) => {
      if (this.#child.connected) this.#child.send(batch as object, undefined, {}, () => done());
    });
    this.#answers = new Answers((question) => this.#batches.send(question));
    this.#child.on('message', (batch: readonly ToPrimary[]) => {
      for (const message of batch) this.#take(message);
    });
    for (const stream of ['stdout', 'stderr'] as const)
      this.#child[stream]?.on('data', (bytes: Buffer) => parts.onOutput(stream, bytes));
    this.#child.on('error', (error) => this.#end(error.message));
    this.#child.on('exit', (code, signal) => this.#end(signal ?? `exit code ${code}`));
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Resolves when it serves; rejects with `ERR_LISTEN` or the like when it cannot. */
  get listening(): Promise<void> {
    return this.#listening;
  }

  send(message: MessageToWorker): void {
    this.#batches.send({ type: 'backplane', message });
  }

  /** Resolves with `undefined` when it has ended, or does not answer in time. */
  ask<Name extends keyof Questions>(
    name: Name,
    argument?: Questions[Name]['argument'],
  ): Promise<Questions[Name]['answer'] | undefined> {
    return this.ended === undefined ? this.#answers.ask(name, argument) : Promise.resolve(undefined);
  }

  /** Messages that wait to be sent to it. */
  get waiting(): number {
    return this.#batches.waiting;
  }

  tell(message: ToWorker): void {
    this.#batches.send(message);
  }

  /** Answers a question of the worker. */
  answer(id: number, value: unknown): void {
    this.#batches.send({ type: 'answer', id, value });
  }

  stopAccepting(): void {
    this.isAccepting = false;
    this.#batches.send({ type: 'stopAccepting' });
  }

  acceptAgain(): void {
    this.isAccepting = true;
    this.#sendSockets();
  }

  #sendSockets(): void {
    this.#batches.flush();
    if (!this.#child.connected) return;
    for (const socket of this.sockets)
      this.#child.send([{ type: 'socket' }] satisfies ToWorker[], socket as unknown as SendHandle);
  }

  /** Asks it to shut down. */
  close(drainMs?: number): void {
    this.#batches.send({ type: 'close', drainMs });
  }

  /** Lets it go on with its shutdown. */
  pass(stage: ShutdownStage): void {
    this.#batches.send({ type: 'pass', stage });
  }

  /** Lets go of it: it ends without its channel. */
  disconnect(): void {
    this.#batches.flush();
    if (this.#child.connected) this.#child.disconnect();
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  #take(message: ToPrimary): void {
    switch (message.type) {
      case 'started':
        this.#batches.send({ type: 'setup', setup: this.setup(this) });
        this.#sendSockets();
        this.parts.joined(this);
        break;
      case 'listening':
        this.isListening = true;
        this.#settle.listening();
        break;
      case 'failed':
        this.#settle.failed(
          message.code === undefined
            ? new Error(`in a worker: ${message.message}`)
            : new DatafnWsError(message.code, message.message),
        );
        break;
      case 'answer':
        this.#answers.heard(message);
        break;
      default:
        this.parts.take(this, message);
    }
  }

  #end(how: string): void {
    if (this.ended !== undefined) return;
    this.ended = how;
    this.#answers.giveUp();
    this.#settle.failed(
      new DatafnWsError('ERR_LISTEN', `A worker could not be started: process ${this.pid} ended with ${how}`),
    );
    this.parts.exited(this);
  }
}
