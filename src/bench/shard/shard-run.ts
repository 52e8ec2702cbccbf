import { invalidOption } from '../../protocol/errors.js';
import { formatDuration } from '../../text/units.js';
import { monotonicMs, waitUntil } from '../measure/clock.js';
import type { Scenario } from '../model/scenario.js';
import { type ClockSample, middleOf, type OffsetRange, offsetOf, uncertaintyOf } from './clock-offset.js';
import { isEmitter, type ShardOptions } from './shard.js';
import { type Slot, timetableOf } from './timetable.js';

/** Requests that find out how the clocks differ. */
const CLOCK_REQUESTS = 20;
/** Workers are started, and the target is left alone, for this long before the first phase. */
const READY_MS = 2000;
/** When the target is asked for its counts, before the first phase and before the end of each: no phase is running then. */
const QUIET_MS = 500;
/** How much later than planned a phase may begin. */
const LATE_MS = 500;

/** What a shard asks of its target. */
export interface TimedTarget {
  readClock(times: number): Promise<readonly ClockSample[]>;
  beginStatistics(): Promise<void>;
}

/** What is known of the clock by which a shard has run. */
export interface ShardClock {
  /** How far its times may be from those of the target's clock; `undefined` where that is not known. */
  readonly uncertaintyMs: number | undefined;
  /** The target's clock minus that of this machine, when the run ended; `undefined` where the former is not known. */
  readonly clockOffsetMs: number | undefined;
}

const UNKNOWN: ShardClock = { uncertaintyMs: undefined, clockOffsetMs: undefined };

/** The times of a shard: when it begins, and when each phase does, by the clock of the target. */
export class ShardRun {
  readonly isEmitter: boolean;
  readonly #slots: readonly Slot[];
  readonly #ranges: OffsetRange[] = [];
  /** The clock of the target minus the monotonic one of this machine. */
  #offsetMs = Date.now() - monotonicMs();

  constructor(
    readonly options: ShardOptions,
    scenario: Scenario,
    private readonly target: TimedTarget,
    private readonly signal: AbortSignal,
  ) {
    this.isEmitter = isEmitter(options);
    this.#slots = timetableOf(scenario, options.slackMs);
  }

  /**
   * Finds out how far the clock of the target is from that of this machine.
   *
   * @throws {DatafnWsError} `ERR_INVALID_OPTION` when it is too late to begin.
   */
  async synchronize(): Promise<void> {
    const range = offsetOf(await this.target.readClock(CLOCK_REQUESTS));
    if (range !== undefined) {
      this.#ranges.push(range);
      this.#offsetMs = middleOf(range);
    }
    const leftMs = this.startMs - monotonicMs();
    if (leftMs >= READY_MS) return;
    const timeText = (ms: number) => new Date(ms).toISOString();
    const { startAtMs } = this.options;
    const whose = range === undefined ? '' : " by the target's clock";
    throw invalidOption(
      `Expected --start-at to leave at least ${formatDuration(READY_MS)} when a shard is ready, got ${timeText(startAtMs)}, and it was ${timeText(startAtMs - leftMs)}${whose}: start every shard again with a later one.`,
    );
  }

  /** When the run begins, on the monotonic clock of this machine. */
  get startMs(): number {
    return this.options.startAtMs - this.#offsetMs;
  }

  /** Begins to count what the target does, when no shard is trying clients any more, and waits for the first phase. */
  async ready(): Promise<string | undefined> {
    const quietMs = this.startMs - QUIET_MS;
    const lateMs = monotonicMs() - quietMs;
    await waitUntil(quietMs, this.signal);
    await this.target.beginStatistics();
    return lateMs > 0 ? `its workers were ready ${formatDuration(lateMs)} too late` : undefined;
  }

  /**
   * Waits for the beginning of a phase.
   *
   * @returns how it is late, if it is.
   */
  async begin(phase: number): Promise<string | undefined> {
    const { fromMs } = this.#slotOf(phase);
    const atMs = this.startMs + fromMs;
    await waitUntil(atMs, this.signal);
    const lateMs = monotonicMs() - atMs;
    return lateMs > LATE_MS ? `it began ${formatDuration(lateMs)} late` : undefined;
  }

  /** When a phase begins, on the monotonic clock of this machine. */
  startOf(phase: number): number {
    return this.startMs + this.#slotOf(phase).fromMs;
  }

  /**
   * Waits until a phase is over in every shard.
   *
   * @returns how this one was late, if it was.
   */
  async end(phase: number): Promise<string | undefined> {
    const atMs = this.startMs + this.#slotOf(phase).toMs - QUIET_MS;
    const lateMs = monotonicMs() - atMs;
    await waitUntil(atMs, this.signal);
    return lateMs > 0 ? `it took ${formatDuration(lateMs)} longer than all shards give it` : undefined;
  }

  /** Reads the target's clock once more: how far it has drifted meanwhile counts as well. */
  async clock(): Promise<ShardClock> {
    if (this.#ranges.length === 0) return UNKNOWN;
    const range = offsetOf(await this.target.readClock(CLOCK_REQUESTS));
    if (range === undefined) return UNKNOWN;
    return {
      uncertaintyMs: uncertaintyOf(this.#offsetMs, [...this.#ranges, range]),
      clockOffsetMs: this.#offsetMs + monotonicMs() - Date.now(),
    };
  }

  #slotOf(phase: number): Slot {
    const slot = this.#slots[phase];
    if (slot === undefined) throw new Error(`there is no phase ${phase}`);
    return slot;
  }
}
