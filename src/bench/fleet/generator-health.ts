import { readFileSync } from 'node:fs';
import { monotonicMs } from '../measure/clock.js';
import { Histogram } from '../measure/histogram.js';
import type { GeneratorSample, Standstill } from './messages.js';

/** From one sample to the next. */
const SAMPLE_MS = 1000;
/** Less than this tells too little to be a sample. */
const LEAST_MS = 250;
/** From one look at the event loop to the next. */
const TURN_MS = 20;
/** Turns closer together than this are none of the timer's: who asked for a sample had the last one made. */
const SAME_TURN_MS = TURN_MS / 2;
/** Between turns so far apart there was no idle time to speak of: a turn was due all the while. */
const LATE_MS = 250;

/** What a process has used so far. */
export interface Usage {
  readonly atMs: number;
  readonly cpuMs: number;
  /** Ready to run, with no core to run on; `undefined` where the system does not tell. */
  readonly waitMs: number | undefined;
}

/** Watches how this process fares: CPU, event-loop delay, and time spent waiting for a core. */
export class GeneratorHealth {
  readonly #usage: () => Usage;
  #delay = new Histogram();
  #since: Usage;
  #last: Usage;
  /** The turn before the last one. */
  #beforeMs: number;
  #longest: Standstill;
  #occupiedMs = 0;
  #lateSinceMs: number | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** @param usage reads what this process has used so far; tests bring their own. */
  constructor(usage: () => Usage = usageOfProcess) {
    this.#usage = usage;
    this.#since = usage();
    this.#last = this.#since;
    this.#beforeMs = this.#since.atMs;
    this.#longest = standstill(this.#last, this.#last);
  }

  start(): void {
    this.#restart();
    this.#timer = setInterval(() => this.#turn(), TURN_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** The sample since the last one, once a second; `undefined` in between. With `atOnce`, a shorter one will do. */
  sample(atOnce = false): GeneratorSample | undefined {
    this.#turn();
    const fromMs = this.#since.atMs;
    const { atMs: toMs, cpuMs, waitMs } = this.#last;
    const durationMs = toMs - fromMs;
    if (durationMs < (atOnce ? LEAST_MS : SAMPLE_MS)) return undefined;
    const sample = {
      fromMs,
      toMs,
      cpu: (cpuMs - this.#since.cpuMs) / durationMs,
      occupied: Math.min(1, this.#occupiedMs / durationMs),
      delayP99Ms: this.#delay.percentileMs(99) ?? 0,
      delayMaxMs: this.#delay.maxMs ?? 0,
      lateSinceMs: this.#lateSinceMs === undefined ? undefined : Math.max(fromMs, this.#lateSinceMs),
      runQueueWait:
        waitMs === undefined || this.#since.waitMs === undefined
          ? undefined
          : (waitMs - this.#since.waitMs) / durationMs,
      longest: this.#longest,
    };
    this.#restart();
    return sample;
  }

  /** A turn of the event loop: how late is it? */
  #turn(): void {
    const now = this.#usage();
    const gapMs = now.atMs - this.#last.atMs;
    this.#delay.record(gapMs - TURN_MS);
    if (gapMs > this.#longest.toMs - this.#longest.fromMs) this.#longest = standstill(this.#last, now);
    const usedMs = now.cpuMs - this.#last.cpuMs + (now.waitMs ?? 0) - (this.#last.waitMs ?? 0);
    const isLate = gapMs > LATE_MS;
    this.#occupiedMs += isLate ? gapMs : usedMs;
    if (isLate) this.#lateSinceMs ??= this.#last.atMs;
    else if (gapMs > SAME_TURN_MS) this.#lateSinceMs = undefined;
    this.#beforeMs = this.#last.atMs;
    this.#last = now;
  }

  /**
   * For how long, at most, what this process reads at a time has been there to be read. Everything that had come by
   * a turn of the event loop has been read by the next one, but for what is being read now.
   */
  readLateMs(atMs: number): number {
    return Math.max(0, atMs - this.#beforeMs);
  }

  #restart(): void {
    this.#delay = new Histogram();
    this.#since = this.#last;
    this.#longest = standstill(this.#last, this.#last);
    this.#occupiedMs = 0;
  }
}

function standstill(from: Usage, to: Usage): Standstill {
  return {
    fromMs: from.atMs,
    toMs: to.atMs,
    cpuMs: to.cpuMs - from.cpuMs,
    waitMs: from.waitMs === undefined || to.waitMs === undefined ? undefined : to.waitMs - from.waitMs,
  };
}

function usageOfProcess(): Usage {
  const { user, system } = process.cpuUsage();
  return { atMs: monotonicMs(), cpuMs: (user + system) / 1000, waitMs: runQueueWaitMs() };
}

/** Time this process has spent ready to run with no core to run on (Linux, `/proc/self/schedstat`). */
function runQueueWaitMs(): number | undefined {
  try {
    return Number(readFileSync('/proc/self/schedstat', 'utf8').split(' ')[1]) / 1e6;
  } catch {
    return undefined;
  }
}
