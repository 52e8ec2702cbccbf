import { formatPercent } from '../../text/units.js';

/** How a process of the load generator performed over some time. */
export interface GeneratorSample {
  readonly fromMs: number;
  readonly toMs: number;
  /** CPU time over wall time. */
  readonly cpu: number;
  /**
   * Share of the time in which it was not idle: it ran, waited for a core, or was so late that it cannot have been
   * idle, whatever kept it (a thread of its own that had no core, a signal).
   */
  readonly occupied: number;
  /** Event-loop delay, 99th percentile. */
  readonly delayP99Ms: number;
  readonly delayMaxMs: number;
  /** Since when, to the end of the sample, every tick of its event loop has been late; `undefined` if the last was not. */
  readonly lateSinceMs: number | undefined;
  /** Time spent runnable but not running, over wall time: the machine is busy. `undefined` where unknown. */
  readonly runQueueWait: number | undefined;
  /** Between the two ticks of its event loop that were furthest apart. */
  readonly longest: Standstill;
}

/** A time in which a process got to nothing else, and what it spent it on. */
export interface Standstill {
  readonly fromMs: number;
  readonly toMs: number;
  readonly cpuMs: number;
  /** Runnable but not running; `undefined` where unknown. */
  readonly waitMs: number | undefined;
}

/**
 * What the load generator may not do while something is measured. A process that was never idle and late, or an
 * emitter behind its schedule, for so long on end, has measured itself and not the server. So has one that stood
 * still once for as long as the shortest heartbeat timeouts in use: its clients are killed for it, rightly.
 */
export const SATURATED = { busy: 0.95, delayMs: 250, lagP99Ms: 250, forMs: 3000, stillMs: 1000 } as const;

/** Waiting for a core for more of the time than this is what made a process late. */
const WAITED = 0.2;
/** A process that was never idle, and ran for less of the time than this, was kept from it. */
const KEPT = 0.5;

/** The process that emits. While it cannot run, the emitter falls behind. */
export const EMITTING_PROCESS = 'the main process';

/** What a phase does, as far as it matters here. */
export type WatchedLoad = 'emit' | 'hold' | 'churn' | 'connect' | 'other';

/**
 * `timed`: something is measured that a busy generator would falsify. `untimed`: clients connect or go, which is busy
 * by nature, or one phase has ended and the next has not begun. `none`: before the first.
 */
type Stretch = { readonly fromMs: number; readonly what: 'none' | 'untimed' | 'timed' };

/** Something was saturated, and how much; the worst of a kind is reported. */
interface Finding {
  readonly weight: number;
  readonly text: string;
}

/** For how much of a span of time a process was kept from running. */
interface Loss {
  readonly fromMs: number;
  readonly toMs: number;
  readonly lostMs: number;
}

/**
 * Decides, sample by sample, whether the load generator was itself the bottleneck. Samples say which time they are of,
 * so one that comes late still counts for what went on then. All times are on one clock. Pure.
 */
export class SaturationWatch {
  readonly #underWay: Record<WatchedLoad, number> = { emit: 0, hold: 0, churn: 0, connect: 0, other: 0 };
  readonly #stretches: Stretch[] = [{ fromMs: Number.NEGATIVE_INFINITY, what: 'none' }];
  readonly #busyMs = new Map<string, number>();
  readonly #laggingMs = new Map<number, number>();
  readonly #found = new Map<string, Finding>();
  /** What the machine took from the process that emits. */
  readonly #losses: Loss[] = [];
  /** The worst lag of the emitter, and when it was behind. */
  #lag: { readonly p99Ms: number; readonly fromMs: number; readonly toMs: number } | undefined;

  /** What was saturated, in words; empty for a generator that kept up. */
  get found(): readonly string[] {
    const texts = [...this.#found.values()].map(({ text }) => text);
    return this.#lag === undefined ? texts : [...texts, this.#lagText(this.#lag)];
  }

  /** Something begins; several may be under way at a time. */
  begin(kind: WatchedLoad, atMs: number): void {
    this.#underWay[kind] += 1;
    this.#update(atMs);
  }

  end(kind: WatchedLoad, atMs: number): void {
    this.#underWay[kind] -= 1;
    this.#update(atMs);
  }

  /** Takes the samples of a process, in the order of time. */
  process(name: string, sample: GeneratorSample): void {
    if (name === EMITTING_PROCESS) this.#losses.push(lossOf(sample));
    // One that stood still says so, and need not be reported as busy as well.
    if (this.#hasStoodStill(name, sample)) return;
    const { fromMs, toMs, cpu, occupied, delayMaxMs, runQueueWait = 0 } = sample;
    // Time spent waiting for a core is not idle time: where there is more to do than cores, a process that spins gets
    // less than a whole one, and one that is starved gets next to nothing.
    const isBusy = occupied >= SATURATED.busy && delayMaxMs > SATURATED.delayMs;
    // It may have become so in the middle of the sample.
    const sinceMs = isBusy ? fromMs : (sample.lateSinceMs ?? toMs);
    // The next phase goes on where this one ends. What is busy while it may be counts neither for nor against.
    const busyMs = (isBusy ? (this.#busyMs.get(name) ?? 0) : 0) + this.#overlapMs('timed', sinceMs, toMs);
    this.#busyMs.set(name, busyMs);
    if (busyMs < SATURATED.forMs) return;
    const cause =
      runQueueWait > WAITED
        ? `the machine is busy: it waited for a core ${formatPercent(runQueueWait)} of the time`
        : cpu < KEPT
          ? 'something kept it from running: the machine is busy, or it was stopped repeatedly'
          : 'it needs more CPU than one core has: spread the clients with --workers, or use fewer';
    this.#find(`${name}, busy`, {
      weight: delayMaxMs,
      text: `${name} ran at ${formatPercent(cpu)} CPU with an event-loop delay of up to ${Math.round(delayMaxMs)} ms (${cause})`,
    });
  }

  /** Takes how far the emitter was behind the schedule of a plan in the stretch of time that ends at `toMs`. */
  emitter(plan: number, durationMs: number, lagP99Ms: number | undefined, toMs: number): void {
    const isLagging = lagP99Ms !== undefined && lagP99Ms > SATURATED.lagP99Ms;
    const laggingMs = isLagging ? (this.#laggingMs.get(plan) ?? 0) + durationMs : 0;
    this.#laggingMs.set(plan, laggingMs);
    if (!isLagging || laggingMs < SATURATED.forMs) return;
    if (lagP99Ms > (this.#lag?.p99Ms ?? 0)) this.#lag = { p99Ms: lagP99Ms, fromMs: toMs - laggingMs, toMs };
  }

  /** The sample that shows why may come after the lag. */
  #lagText({ p99Ms, fromMs, toMs }: { p99Ms: number; fromMs: number; toMs: number }): string {
    let lostMs = 0;
    for (const loss of this.#losses) {
      const sharedMs = Math.min(loss.toMs, toMs) - Math.max(loss.fromMs, fromMs);
      if (sharedMs > 0) lostMs += loss.lostMs * (sharedMs / (loss.toMs - loss.fromMs));
    }
    const lost = lostMs / (toMs - fromMs);
    const cause =
      lost > WAITED
        ? ` (the machine is busy: ${EMITTING_PROCESS} could not run ${formatPercent(lost)} of that time)`
        : '';
    return `the emitter was ${Math.round(p99Ms)} ms behind its schedule (p99)${cause}`;
  }

  #hasStoodStill(name: string, { longest }: GeneratorSample): boolean {
    const { fromMs, toMs, waitMs = 0 } = longest;
    const durationMs = toMs - fromMs;
    // A storm of connections may take a worker that long. One that did nothing meanwhile was not at it.
    const isFrozen = wasNotRun(longest);
    const judgedMs =
      this.#overlapMs('timed', fromMs, toMs) + (isFrozen ? this.#overlapMs('untimed', fromMs, toMs) : 0);
    if (judgedMs < SATURATED.stillMs) return false;
    const cause = isFrozen
      ? 'it did not run at all: stopped by a signal, or the whole machine was suspended'
      : waitMs > durationMs * WAITED
        ? `the machine is busy: it waited for a core ${formatPercent(waitMs / durationMs)} of that time`
        : 'it had too much to do at once: spread the clients with --workers, or use fewer';
    this.#find(`${name}, still`, {
      weight: durationMs,
      text: `${name} stalled for ${(durationMs / 1000).toFixed(2)} s (${cause})`,
    });
    return true;
  }

  #find(key: string, finding: Finding): void {
    if (finding.weight > (this.#found.get(key)?.weight ?? 0)) this.#found.set(key, finding);
  }

  #update(atMs: number): void {
    const { emit, hold, churn, connect } = this.#underWay;
    const isTimed = emit > 0 || (connect === 0 && hold + churn > 0);
    const what = isTimed ? 'timed' : 'untimed';
    if (what !== this.#stretches.at(-1)?.what) this.#stretches.push({ fromMs: atMs, what });
  }

  /** How much of a span of time was of a kind. */
  #overlapMs(what: Stretch['what'], fromMs: number, toMs: number): number {
    let overlapMs = 0;
    let endMs = Number.POSITIVE_INFINITY;
    // Samples are of the recent past: backwards, only the last stretches matter.
    for (let index = this.#stretches.length - 1; index >= 0 && endMs > fromMs; index--) {
      const stretch = this.#stretches[index] as Stretch;
      if (stretch.what === what)
        overlapMs += Math.max(0, Math.min(toMs, endMs) - Math.max(fromMs, stretch.fromMs));
      endMs = stretch.fromMs;
    }
    return overlapMs;
  }
}

/** Whether a process neither ran nor waited for a core for most of a standstill. */
function wasNotRun({ fromMs, toMs, cpuMs, waitMs = 0 }: Standstill): boolean {
  return cpuMs + waitMs < (toMs - fromMs) / 2;
}

function lossOf({ fromMs, toMs, runQueueWait = 0, longest }: GeneratorSample): Loss {
  const { cpuMs, waitMs = 0 } = longest;
  const stoppedMs = wasNotRun(longest) ? longest.toMs - longest.fromMs - cpuMs - waitMs : 0;
  return { fromMs, toMs, lostMs: runQueueWait * (toMs - fromMs) + stoppedMs };
}
