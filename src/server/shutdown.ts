import type { AttachedManager } from './ws/attach.js';

/** How many connections left by themselves during a shutdown, or because they were told to, and how many were cut. */
export interface ShutdownOutcome {
  readonly left: number;
  readonly cut: number;
}

export interface ShutdownOptions {
  /** Milliseconds over which the closes are spread; 0 closes everybody at once. */
  readonly drainMs: number;
  /** Milliseconds that clients have to leave, once all have been told to, before they are cut. */
  readonly shutdownTimeoutMs: number;
  /** Gives back what the server holds besides its clients: the port, timers. */
  readonly release: () => Promise<void>;
}

/** The way of a server from serving (ready, takes clients and cursors) over draining (takes cursors) to its end. */
export class Shutdown {
  /** Resolves when the server has ended. */
  readonly done: Promise<ShutdownOutcome>;
  #phase: 'serving' | 'announced' | 'draining' | 'stopping' = 'serving';
  /** When a drain that is under way is over. */
  #drainEndMs: number | undefined;
  #settle!: (end: Promise<ShutdownOutcome>) => void;

  constructor(
    private readonly attached: AttachedManager,
    private readonly options: ShutdownOptions,
  ) {
    this.done = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  /** Whether new clients are welcome. */
  get isReady(): boolean {
    return this.#phase === 'serving';
  }

  /** Whether there may be clients to hear of a cursor. */
  get takesCursors(): boolean {
    return this.#phase !== 'stopping';
  }

  /** What is left of the window over which closes are spread, in milliseconds: all of it before it has begun. */
  get drainLeftMs(): number {
    if (this.#phase === 'stopping') return 0;
    if (this.#drainEndMs === undefined) return this.options.drainMs;
    return Math.max(0, Math.round(this.#drainEndMs - performance.now()));
  }

  /** From here on nobody new is let in; the rest is up to {@link begin}. */
  announce(): void {
    if (this.#phase !== 'serving') return;
    this.#phase = 'announced';
    this.attached.refuseUpgrades();
  }

  /** Begins, unless it has. A drain that is under way is ended early by `drainMs` of 0. */
  begin(drainMs: number = this.options.drainMs): Promise<ShutdownOutcome> {
    if (drainMs === 0) this.#stop();
    else if (this.#phase === 'serving' || this.#phase === 'announced') {
      this.#phase = 'draining';
      this.#drainEndMs = performance.now() + drainMs;
      void this.attached.drain(drainMs).then(() => this.#stop());
    }
    return this.done;
  }

  #stop(): void {
    if (this.#phase === 'stopping') return;
    this.#phase = 'stopping';
    const end = async () => {
      const outcome = await this.attached.close(this.options.shutdownTimeoutMs);
      await this.options.release();
      return outcome;
    };
    this.#settle(end());
  }
}
