import type { Clock, TimerHandle } from './clock.js';

/**
 * Clients pinged in one go. A ping is a system call of some 15 µs, so a slice holds the event loop for a few
 * milliseconds; between slices, waiting input is read.
 */
const SLICE_SIZE = 200;

/**
 * A deadline is waited for in steps, each of which begins when the last has come: however long the process is stopped
 * (a machine that sleeps, a debugger), it loses one step of what a client has, and the rest is still there to answer in.
 */
const STEPS_AT_MOST = 4;
/** Less than this is not worth a timer. */
const STEP_AT_LEAST_MS = 500;

/** The clients that got their ping at the same moment, and so share a deadline. */
export interface PingBatch {
  readonly entries: HeartbeatEntry[];
}

/** What the heartbeat keeps of a client: the batch of its earliest ping that has no answer yet. */
export interface HeartbeatEntry {
  unanswered: PingBatch | undefined;
}

/** What the heartbeat needs of its owner. */
export interface HeartbeatOwner<Entry extends HeartbeatEntry> {
  /** All clients; safe to iterate while clients come and go. */
  all(): Iterator<Entry>;
  /** Pings one client; false when it cannot be pinged, or is gone now. */
  ping(entry: Entry): boolean;
  /** A client did not answer in time. */
  expire(entry: Entry): void;
}

/**
 * Pings every client once an interval and reports those that do not answer in time.
 *
 * Each ping has a deadline of its own, `timeoutMs` after it was sent. A pong answers all earlier pings
 * (RFC 6455 section 5.5.3), and a later ping never moves the deadline of one that has no answer: so a client's
 * deadline is that of its earliest unanswered ping. Clients pinged together share one timer.
 *
 * When a deadline passes, the input that waits in the sockets is read before any client is expired: a server that
 * was too busy to read a pong does not blame the client for it. Nor does time count in which the server did not run.
 */
export class Heartbeat<Entry extends HeartbeatEntry> {
  readonly #clock: Clock;
  readonly #owner: HeartbeatOwner<Entry>;
  readonly #intervalMs: number;
  readonly #timeoutMs: number;
  #nextBeat: TimerHandle | undefined;
  readonly #deadlines = new Set<TimerHandle>();
  #running = false;
  /** Counts up at each stop, so that work deferred before the stop is dropped. */
  #epoch = 0;
  #sliceIsPending = false;

  constructor(clock: Clock, intervalMs: number, timeoutMs: number, owner: HeartbeatOwner<Entry>) {
    this.#clock = clock;
    this.#intervalMs = intervalMs;
    this.#timeoutMs = timeoutMs;
    this.#owner = owner;
  }

  /** Starts, unless it runs or is switched off. The first ping comes one interval later. */
  start(): void {
    if (this.#running || this.#intervalMs === 0) return;
    this.#running = true;
    this.#armBeat();
  }

  /** Stops and forgets every deadline. Can be started again. */
  stop(): void {
    this.#running = false;
    this.#epoch += 1;
    this.#sliceIsPending = false;
    if (this.#nextBeat !== undefined) this.#clock.clearTimeout(this.#nextBeat);
    this.#nextBeat = undefined;
    for (const handle of this.#deadlines) this.#clock.clearTimeout(handle);
    this.#deadlines.clear();
  }

  #armBeat(): void {
    this.#nextBeat = this.#clock.setTimeout(() => {
      this.#armBeat();
      // A beat that outlasts the interval is finished, not started over: that would leave its tail unpinged.
      if (!this.#sliceIsPending) this.#pingSlice(this.#owner.all());
    }, this.#intervalMs);
  }

  #pingSlice(rest: Iterator<Entry>): void {
    const epoch = this.#epoch;
    this.#sliceIsPending = false;
    const batch: PingBatch = { entries: [] };
    for (let pinged = 0; pinged < SLICE_SIZE; pinged++) {
      const next = rest.next();
      if (next.done) {
        this.#armDeadline(batch);
        return;
      }
      const entry = next.value;
      const first = entry.unanswered === undefined;
      // Before the ping, so that an answer that comes while it is being sent counts.
      if (first) entry.unanswered = batch;
      if (this.#owner.ping(entry)) {
        if (first) batch.entries.push(entry);
      } else if (first) {
        entry.unanswered = undefined;
      }
      if (epoch !== this.#epoch) return;
    }
    this.#armDeadline(batch);
    this.#sliceIsPending = true;
    this.#clock.setImmediate(() => {
      if (epoch === this.#epoch) this.#pingSlice(rest);
    });
  }

  #armDeadline(batch: PingBatch): void {
    if (batch.entries.length === 0 || this.#timeoutMs === 0) return;
    const steps = Math.min(STEPS_AT_MOST, Math.max(1, Math.floor(this.#timeoutMs / STEP_AT_LEAST_MS)));
    this.#armStep(batch, this.#timeoutMs, steps);
  }

  #armStep(batch: PingBatch, leftMs: number, steps: number): void {
    const epoch = this.#epoch;
    const stepMs = steps === 1 ? leftMs : Math.floor(leftMs / steps);
    const handle = this.#clock.setTimeout(() => {
      this.#deadlines.delete(handle);
      if (steps > 1) {
        this.#armStep(batch, leftMs - stepMs, steps - 1);
        return;
      }
      this.#clock.setImmediate(() => {
        for (const entry of batch.entries) {
          if (epoch !== this.#epoch) return;
          if (entry.unanswered === batch) this.#owner.expire(entry as Entry);
        }
      });
    }, stepMs);
    this.#deadlines.add(handle);
  }
}
