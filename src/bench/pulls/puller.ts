import type { Cursors, PullAnswer } from './answer.js';

/** Rounds of one pull, as in DataFn's client. */
const MAX_ROUNDS = 50;

/** How a client pulls; each time is in milliseconds. */
export interface PullSettings {
  readonly table: string;
  /** A pull begins within this time of its cursor, at random. */
  readonly jitterMs: number;
  /** How long the client works on an answer before it listens for cursors again. */
  readonly thinkMs: number;
}

/** What a puller needs, and reports. */
export interface PullHost {
  now(): number;
  random(): number;
  /** Waits. */
  pause(ms: number): Promise<void>;
  /** Sends a pull. */
  ask(cursors: Cursors): Promise<PullAnswer>;
  /** A request begins; the function is called when it has its answer. */
  began(): (answer: PullAnswer) => void;
  /** A cursor that the client did not have was heard; `isDropped` while it pulls. */
  heard(isDropped: boolean): void;
  /** An answer ended a pull, and its cursors are below the one that woke the client. */
  stale(): void;
}

/**
 * Pulls as one of DataFn's clients does: on open, and for a cursor that is newer than all it has; one pull at a time. A
 * cursor that comes during a pull is dropped. An answer that a client would not take changes nothing.
 */
export class Puller {
  /** When it first had each record, by id. */
  readonly seen = new Map<string, number>();
  #cursors: Cursors;
  #newest = 0;
  #isBusy = false;
  #isOpenQueued = false;
  #isOver = false;

  constructor(
    private readonly settings: PullSettings,
    private readonly host: PullHost,
  ) {
    this.#cursors = { [settings.table]: '0' };
  }

  /** The newest cursor that it has data for. */
  get newest(): number {
    return this.#newest;
  }

  /** Whether it pulls, or works on an answer. */
  get isBusy(): boolean {
    return this.#isBusy;
  }

  /** Its connection has opened. */
  async onOpen(): Promise<void> {
    if (this.#isOver) return;
    if (this.#isBusy) this.#isOpenQueued = true;
    else await this.#pull(0);
  }

  /** A cursor has come. */
  onCursor(cursor: number): void {
    if (this.#isOver || cursor <= this.#newest) return;
    this.host.heard(this.#isBusy);
    if (!this.#isBusy) void this.#pull(cursor);
  }

  /** Nothing more is pulled. */
  stop(): void {
    this.#isOver = true;
  }

  async #pull(wokenBy: number): Promise<void> {
    const { jitterMs, thinkMs } = this.settings;
    this.#isBusy = true;
    if (jitterMs > 0 && wokenBy > 0) await this.host.pause(this.host.random() * jitterMs);
    const isTaken = await this.#rounds();
    if (isTaken && wokenBy > this.#newest) this.host.stale();
    if (thinkMs > 0) await this.host.pause(thinkMs);
    this.#isBusy = false;
    if (!this.#isOpenQueued || this.#isOver) return;
    this.#isOpenQueued = false;
    await this.#pull(0);
  }

  /** Asks until there is no more; whether the last answer was one to take. */
  async #rounds(): Promise<boolean> {
    for (let round = 0; round < MAX_ROUNDS && !this.#isOver; round++) {
      const done = this.host.began();
      const answer = await this.host.ask(this.#cursors);
      done(answer);
      if (!answer.ok) return false;
      const atMs = this.host.now();
      for (const id of answer.ids) if (!this.seen.has(id)) this.seen.set(id, atMs);
      this.#cursors = { ...this.#cursors, ...answer.cursors };
      this.#newest = Math.max(this.#newest, ...Object.values(answer.cursors).map(Number));
      if (!answer.hasMore) return true;
    }
    return true;
  }
}
