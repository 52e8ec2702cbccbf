import type { ServerSettings } from '../options/server-options.js';
import type { ShutdownStage } from '../server/server-types.js';
import type { ShutdownOutcome } from '../server/shutdown.js';
import type { WorkerProcess } from './worker-process.js';

/** How the workers shut down together, and the clients that left with 1001 before. */
export interface WorkersOutcome extends ShutdownOutcome {
  readonly goneAway: number;
}

export interface JointShutdownParts {
  readonly settings: Pick<ServerSettings, 'drainMs' | 'shutdownTimeoutMs'>;
  /** Those that have not ended. */
  readonly workers: ReadonlySet<WorkerProcess>;
  /** Stops accepting connections. */
  stopListening(): void;
  /** Called when all workers have ended. Resolves with the clients that left with 1001 before the shutdown. */
  release(): Promise<number>;
}

/** Beyond the times that clients have to leave, what a worker may take to shut down. */
const CLOSE_GRACE_MS = 3000;

/** The shutdown of all workers as that of one server: none goes ahead of the others. */
export class JointShutdown {
  /** Resolves when all workers have shut down. */
  readonly closed: Promise<WorkersOutcome>;
  #hasBegun = false;
  #hasEnded = false;
  #outcome = { left: 0, cut: 0 };
  #settle!: (outcome: WorkersOutcome) => void;

  constructor(private readonly parts: JointShutdownParts) {
    this.closed = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /** Asks all workers to shut down. Idempotent; a `drainMs` of 0 also ends the current drain. */
  begin(drainMs: number | undefined): void {
    const { workers, settings } = this.parts;
    const isFirst = !this.#hasBegun;
    this.#hasBegun = true;
    for (const worker of workers) {
      // One that does not serve yet has no clients.
      if (worker.isListening) worker.close(drainMs);
      else worker.kill();
    }
    if (isFirst) {
      const timeMs = (drainMs ?? settings.drainMs) + settings.shutdownTimeoutMs + CLOSE_GRACE_MS;
      setTimeout(() => this.#killAll(), timeMs).unref();
    }
    this.#endWhenEmpty();
  }

  /** Ends all workers without a close frame. */
  stopAtOnce(): void {
    this.#hasBegun = true;
    this.#killAll();
  }

  /** A worker waits for the others at a stage of its shutdown. */
  reached(worker: WorkerProcess, stage: ShutdownStage): void {
    worker.reached.add(stage);
    if (this.#hasBegun) this.#passTogether();
    else worker.pass(stage);
  }

  /** A worker has shut down. One that does so by itself has crashed, and is replaced. */
  add({ left, cut }: ShutdownOutcome): void {
    if (!this.#hasBegun) return;
    this.#outcome.left += left;
    this.#outcome.cut += cut;
  }

  /** A worker has ended that had so many clients. */
  exited({ hasClosed }: WorkerProcess, clients: number): void {
    if (!hasClosed) this.#outcome.cut += clients;
    this.#passTogether();
    this.#endWhenEmpty();
  }

  #killAll(): void {
    for (const worker of this.parts.workers) worker.kill();
  }

  /** The last clients may be at one worker, but cursors and requests come to all: no worker goes ahead of the others. */
  #passTogether(): void {
    const workers = [...this.parts.workers];
    const isAt = (stage: ShutdownStage) => workers.every(({ reached }) => reached.has(stage));
    if (isAt('emptied')) {
      this.parts.stopListening();
      for (const worker of workers) worker.pass('emptied');
    } else if (workers.every(({ reached }) => reached.has('drained') || reached.has('emptied'))) {
      for (const worker of workers) worker.pass('drained');
    }
  }

  #endWhenEmpty(): void {
    if (this.parts.workers.size > 0 || this.#hasEnded) return;
    this.#hasEnded = true;
    void this.parts.release().then((goneAway) => this.#settle({ ...this.#outcome, goneAway }));
  }
}
