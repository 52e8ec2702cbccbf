import { z } from 'zod';
import type { ServerMeasurement } from '../measure/measurements.js';

// The server under test reports its own statistics, so they are not trusted: a field of the wrong type is ignored.
const count = z.int().nonnegative().optional().catch(undefined);
const amount = z.number().nonnegative().optional().catch(undefined);

const statsAnswer = z.object({
  connections: count,
  accepted: count,
  rejected: count,
  conflated: count,
  closed: z
    .record(z.string().regex(/^\d{4}$/), z.int().nonnegative())
    .optional()
    .catch(undefined),
  /** Only there in a server that tells its highest cursor; `null` before the first. */
  highestCursor: z.string().nullable().optional().catch(undefined),
  uptimeMs: amount,
  timeMs: amount,
  process: z
    .object({
      pid: count,
      rssBytes: amount,
      cpuMs: amount,
      eventLoopDelayP99Ms: amount,
      eventLoopDelayMaxMs: amount,
      eventLoopDelayRecentMaxMs: amount,
    })
    .optional()
    .catch(undefined),
});

/** As much of `GET /v1/stats` as is used here. Counts run from the start of the server. */
export type StatsAnswer = z.infer<typeof statsAnswer>;

/**
 * Reads an answer to `GET /v1/stats`, of any server. What it does not say, or says wrong, is `undefined`; so is the
 * whole of an answer that is not a JSON object.
 */
export function readStats(answer: unknown): StatsAnswer | undefined {
  return statsAnswer.safeParse(answer).data;
}

/** How much a clock of a server may differ from ours over a run. */
const CLOCK_TOLERANCE_MS = 2000;
const COUNTS = ['accepted', 'rejected', 'conflated', 'connections'] as const;

/** Several processes answer at one URL, each with its own counts: what happened in the run is unknown. */
export class MixedServersError extends Error {}

/**
 * What one server did during a run, worked out from what it says of itself again and again. Its counts run from its
 * start, so the first answer is what they are measured from; when it is restarted, its new counts are added. Pure.
 */
export class ServerAccount {
  /** What the process that answers now had counted before the run. */
  #base: StatsAnswer;
  #last: StatsAnswer;
  /** What earlier processes counted, up to their last answer. */
  readonly #before: { counts: Record<string, number>; closed: Record<string, number>; cpuMs: number } = {
    counts: {},
    closed: {},
    cpuMs: 0,
  };
  #peakRssBytes = 0;
  #mostConnections = 0;
  #bytesPerConnection: number | undefined;
  #delayMaxMs: number | undefined;
  readonly #startMs: number;
  #wasStartedForRun: boolean;

  /**
   * @param first what it said when the run began.
   * @param nowMs when that was.
   * @param wasStartedForRun whether all that it counts is of this run.
   */
  constructor(first: StatsAnswer, nowMs: number, wasStartedForRun: boolean) {
    this.#base = first;
    this.#last = first;
    this.#startMs = nowMs;
    this.#wasStartedForRun = wasStartedForRun;
    this.#notePeaks(first);
  }

  /**
   * Takes an answer.
   *
   * @throws {MixedServersError} when it is of another process that ran already when the run began.
   */
  note(answer: StatsAnswer, nowMs: number): void {
    if (this.#isAnotherProcess(answer)) {
      const ranMs = nowMs - this.#startMs + CLOCK_TOLERANCE_MS;
      if ((answer.uptimeMs ?? 0) > ranMs) throw new MixedServersError();
      this.#carryOver();
      this.#base = { connections: 0, process: answer.process && { ...answer.process, cpuMs: 0 } };
      this.#wasStartedForRun = true;
    }
    this.#last = answer;
    this.#notePeaks(answer);
  }

  /** What happened since the first answer. */
  get measurement(): ServerMeasurement {
    const { closed, process } = this.#last;
    const counts = Object.fromEntries(
      COUNTS.filter((name) => this.#last[name] !== undefined).map((name) => [name, this.#sinceStart(name)]),
    );
    return {
      ...counts,
      ...(closed === undefined ? {} : { closed: this.#closedSinceStart() }),
      ...(process === undefined
        ? {}
        : {
            cpuMs:
              process.cpuMs === undefined
                ? undefined
                : this.#before.cpuMs + process.cpuMs - (this.#base.process?.cpuMs ?? 0),
            rssBytes: process.rssBytes === undefined ? undefined : this.#peakRssBytes,
            bytesPerConnection: this.#bytesPerConnection,
            // A histogram since its start does not tell which part belongs to the run.
            delayP99Ms: this.#wasStartedForRun ? process.eventLoopDelayP99Ms : undefined,
            delayMaxMs: this.#delayMaxMs,
            recentDelayMaxMs: process.eventLoopDelayRecentMaxMs,
            rssNowBytes: process.rssBytes,
          }),
    };
  }

  #sinceStart(name: (typeof COUNTS)[number]): number {
    return (this.#before.counts[name] ?? 0) + (this.#last[name] ?? 0) - (this.#base[name] ?? 0);
  }

  /** A code that only others were closed with is not a code of this run. */
  #closedSinceStart(): Record<string, number> {
    const { closed } = this.#before;
    const codes = new Set([...Object.keys(closed), ...Object.keys(this.#last.closed ?? {})]);
    const since = (code: string) =>
      (closed[code] ?? 0) + (this.#last.closed?.[code] ?? 0) - (this.#base.closed?.[code] ?? 0);
    return Object.fromEntries(
      [...codes].map((code) => [code, since(code)] as const).filter(([, count]) => count !== 0),
    );
  }

  /** Compares process ids where the server tells them; otherwise, counts that fall mean a restart. */
  #isAnotherProcess(answer: StatsAnswer): boolean {
    const [was, is] = [this.#last.process?.pid, answer.process?.pid];
    if (was !== undefined && is !== undefined && was !== is) return true;
    return (
      (answer.uptimeMs ?? 0) < (this.#last.uptimeMs ?? 0) ||
      (answer.accepted ?? 0) < (this.#last.accepted ?? 0)
    );
  }

  /** What the process that is gone has counted. The clients that it had are gone with it. */
  #carryOver(): void {
    const { counts } = this.#before;
    for (const name of ['accepted', 'rejected', 'conflated'] as const) counts[name] = this.#sinceStart(name);
    this.#before.closed = this.#closedSinceStart();
    this.#before.cpuMs += (this.#last.process?.cpuMs ?? 0) - (this.#base.process?.cpuMs ?? 0);
  }

  #notePeaks({ connections, process }: StatsAnswer): void {
    if (process === undefined) return;
    const { rssBytes, eventLoopDelayMaxMs: max, eventLoopDelayRecentMaxMs: recent = 0 } = process;
    if (rssBytes !== undefined) this.#noteMemory(rssBytes, connections ?? 0);
    if (max === undefined) return;
    // The longest delay since the start is one of the run only if the run has made it longer.
    const isOfRun = this.#wasStartedForRun || max > (this.#base.process?.eventLoopDelayMaxMs ?? 0);
    this.#delayMaxMs = Math.max(this.#delayMaxMs ?? 0, isOfRun ? max : recent);
  }

  #noteMemory(rssBytes: number, connections: number): void {
    this.#peakRssBytes = Math.max(this.#peakRssBytes, rssBytes);
    const grown = connections - (this.#base.connections ?? 0);
    if (grown <= this.#mostConnections) return;
    this.#mostConnections = grown;
    // Memory that shrank meanwhile, as that of a process that has just started may, says nothing of a connection.
    const bytes = rssBytes - (this.#base.process?.rssBytes ?? rssBytes);
    this.#bytesPerConnection = bytes > 0 ? bytes / grown : undefined;
  }
}

/**
 * Which of several answers, given at about the same time, are of different servers: a server with several URLs, or with
 * workers, answers for all of itself each time. Without a process number they count as different.
 *
 * @returns the indexes of the first answer of each server.
 */
export function distinctServers(answers: readonly StatsAnswer[]): number[] {
  const isSame = (one: StatsAnswer, other: StatsAnswer) =>
    one.process?.pid !== undefined &&
    one.process.pid === other.process?.pid &&
    // On two machines, processes may well have the same number.
    Math.abs((one.uptimeMs ?? 0) - (other.uptimeMs ?? 0)) < CLOCK_TOLERANCE_MS;
  return [...answers.keys()].filter(
    (index) => !answers.slice(0, index).some((other) => isSame(answers[index] as StatsAnswer, other)),
  );
}
