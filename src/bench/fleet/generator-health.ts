import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { monotonicMs } from '../measure/clock.js';
import { Histogram } from '../measure/histogram.js';
import type { GeneratorSample, Standstill } from '../measure/saturation.js';

/** From one sample to the next. */
const SAMPLE_MS = 1000;
/** Less than this tells too little to be a sample. */
const LEAST_MS = 250;
/** From one look at the event loop to the next, while the process has something to do. */
const BUSY_TICK_MS = 20;
/** The same while it has not: each look wakes it, and that is then most of what it does. */
const IDLE_TICK_MS = 100;
/** A process that uses less of a core than this has nothing to do. */
const IDLE_SHARE = 0.1;
/** Checks closer together than this are not by the timer: the last one was made for a sample. */
const SAME_TICK_MS = BUSY_TICK_MS / 2;
/** While a tick was overdue for so long there was no idle time to speak of. */
const LATE_MS = 230;

/** What a process has used so far. */
export interface Usage {
  readonly atMs: number;
  readonly cpuMs: number;
  /** Ready to run, with no core to run on; `undefined` where the system does not tell. */
  readonly waitMs: number | undefined;
}

/** Watches this process: CPU, event-loop delay, and time spent waiting for a core. */
export class GeneratorHealth {
  readonly #usage: () => Usage;
  #delay = new Histogram();
  #since: Usage;
  #last: Usage;
  /** Everything that had come by then has been read. */
  #readUpToMs: number;
  #longest: Standstill;
  #occupiedMs = 0;
  #lateSinceMs: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  #tickMs = BUSY_TICK_MS;
  /** When the next tick of the timer is due. */
  #dueMs = 0;

  /** @param usage reads what this process has used so far; tests bring their own. */
  constructor(usage: () => Usage = usageOfProcess) {
    this.#usage = usage;
    this.#since = usage();
    this.#last = this.#since;
    this.#readUpToMs = this.#since.atMs;
    this.#longest = standstill(this.#last, this.#last);
  }

  /** @param onTick called from time to time, at least every 100 ms. A timer of its own would wake the process again. */
  start(onTick: () => void = () => {}): void {
    const next = () => {
      this.#timer = setTimeout(() => {
        this.#tick(true);
        onTick();
        next();
      }, this.#tickMs).unref();
    };
    this.#dueMs = this.#last.atMs + this.#tickMs;
    this.#restart();
    next();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  /** The sample since the last one, once a second; `undefined` in between. With `atOnce`, a shorter one will do. */
  sample(atOnce = false): GeneratorSample | undefined {
    const fromMs = this.#since.atMs;
    if (!atOnce && this.#last.atMs - fromMs < SAMPLE_MS) return undefined;
    if (atOnce) this.#tick(false);
    const { atMs: toMs, cpuMs, waitMs } = this.#last;
    const durationMs = toMs - fromMs;
    if (durationMs < LEAST_MS) return undefined;
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

  /** A tick of the event loop: how late is it? */
  #tick(isTimers: boolean): void {
    const now = this.#usage();
    const gapMs = now.atMs - this.#last.atMs;
    const delayMs = Math.max(0, now.atMs - this.#dueMs);
    this.#delay.record(delayMs);
    if (gapMs > this.#longest.toMs - this.#longest.fromMs) this.#longest = standstill(this.#last, now);
    const cpuMs = now.cpuMs - this.#last.cpuMs;
    const usedMs = cpuMs + (now.waitMs ?? 0) - (this.#last.waitMs ?? 0);
    // From the tick before the one that was due, had the process been looked at as often as when it is busy.
    const lateMs = Math.min(gapMs, delayMs + BUSY_TICK_MS);
    const isLate = delayMs > LATE_MS;
    this.#occupiedMs += isLate ? Math.max(usedMs, lateMs) : usedMs;
    if (isLate) this.#lateSinceMs ??= now.atMs - lateMs;
    else if (gapMs > SAME_TICK_MS) this.#lateSinceMs = undefined;
    // One that is asked for in between says little of how busy the process is.
    if (isTimers || delayMs > 0) {
      const isIdle = delayMs <= BUSY_TICK_MS && cpuMs < gapMs * IDLE_SHARE;
      this.#tickMs = isIdle ? IDLE_TICK_MS : BUSY_TICK_MS;
      this.#dueMs = now.atMs + this.#tickMs;
    }
    // Sockets are read between timers and immediates: then, what had come until now has been read.
    if (isTimers)
      setImmediate(() => {
        this.#readUpToMs = now.atMs;
      });
    this.#last = now;
  }

  /** For how long, at most, what this process reads at a time has been there to be read. */
  readLateMs(atMs: number): number {
    return Math.max(0, atMs - this.#readUpToMs);
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

/** CPU time of the whole machine, all cores added up, since it started. */
export interface MachineCpu {
  readonly busyMs: number;
  readonly totalMs: number;
}

export function machineCpu(): MachineCpu {
  let [busyMs, totalMs] = [0, 0];
  for (const { times } of cpus()) {
    const { idle, ...busy } = times;
    const coreMs = Object.values(busy).reduce((sum, ms) => sum + ms, 0);
    busyMs += coreMs;
    totalMs += coreMs + idle;
  }
  return { busyMs, totalMs };
}

/** The share of the machine that others took: what was used between two times, less what bench and its server used. */
export function shareOfOthers(from: MachineCpu, to: MachineCpu, ownMs: number): number {
  const totalMs = to.totalMs - from.totalMs;
  if (totalMs <= 0) return 0;
  return Math.min(1, Math.max(0, to.busyMs - from.busyMs - ownMs) / totalMs);
}
