import type { ServerSettings } from '../options/server-options.js';
import type { AttachedManager } from './ws/attach.js';

/** How many connections ended during a shutdown, by themselves or closed with 1001, and how many were terminated. */
export interface ShutdownOutcome {
  readonly left: number;
  readonly cut: number;
}

/** The phases of a server: serving (takes clients and cursors), draining (takes cursors), stopping. */
export class Shutdown {
  /** Resolves when the server has ended. */
  readonly done: Promise<ShutdownOutcome>;
  #phase: 'serving' | 'announced' | 'draining' | 'stopping' = 'serving';
  /** When the current drain is over. */
  #drainEndMs: number | undefined;
  #settle!: (end: Promise<ShutdownOutcome>) => void;

  /**
   * @param release releases what the server holds besides its clients: the port, timers.
   * @param afterDrain waited for between the drain, in which the server takes cursors, and the end; default: not at all.
   */
  constructor(
    private readonly attached: AttachedManager,
    private readonly settings: Pick<ServerSettings, 'drainMs' | 'shutdownTimeoutMs'>,
    private readonly release: () => Promise<void>,
    private readonly afterDrain: () => Promise<void> = async () => {},
  ) {
    this.done = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  /** Whether new clients are admitted. */
  get isReady(): boolean {
    return this.#phase === 'serving';
  }

  /** Whether there may be clients to send a cursor to. */
  get takesCursors(): boolean {
    return this.#phase !== 'stopping';
  }

  /** Milliseconds that are left of the drain: all of them before it has begun. */
  get drainLeftMs(): number {
    if (this.#phase === 'stopping') return 0;
    if (this.#drainEndMs === undefined) return this.settings.drainMs;
    return Math.max(0, Math.round(this.#drainEndMs - performance.now()));
  }

  /** Refuses new clients from here on, before {@link begin}. Returns how many clients are connected. */
  announce(): number {
    if (this.#phase === 'serving') {
      this.#phase = 'announced';
      this.attached.refuseUpgrades();
    }
    return this.attached.manager.connectionCount;
  }

  /** Begins, unless it has. A `drainMs` of 0 ends the current drain early. */
  begin(drainMs: number = this.settings.drainMs): Promise<ShutdownOutcome> {
    if (drainMs === 0) this.#stop();
    else if (this.#phase === 'serving' || this.#phase === 'announced') {
      this.#phase = 'draining';
      this.#drainEndMs = performance.now() + drainMs;
      void this.attached
        .drain(drainMs)
        .then(this.afterDrain)
        .then(() => this.#stop());
    }
    return this.done;
  }

  #stop(): void {
    if (this.#phase === 'stopping') return;
    this.#phase = 'stopping';
    const end = async () => {
      const outcome = await this.attached.close(this.settings.shutdownTimeoutMs);
      await this.release();
      return outcome;
    };
    this.#settle(end());
  }
}
