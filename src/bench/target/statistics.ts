import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { ApiClient } from '../../emit/api-client.js';
import { DatafnWsError } from '../../protocol/errors.js';
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
    this.#bytesPerConnection = Math.max(0, rssBytes - (this.#base.process?.rssBytes ?? rssBytes)) / grown;
  }
}

const PATH = '/v1/stats';
/** How long the server may take to notice that the clients of the preflight have left. */
const CALM_MS = 1000;
const LOOK_MS = 50;

/** A client of the API of one server. */
export type StatsClient = Pick<ApiClient, 'get' | 'close'>;

/** The statistics of the servers under test, over a run. Those of several servers are added up. */
export class Statistics {
  #accounts: readonly ServerAccount[] = [];
  /** Why there are none. */
  #missing: string | undefined = 'the run has not started';
  readonly #known = new Set<string>();

  /**
   * @param clients one for the API of each server; none where no server has one.
   * @param now milliseconds on a monotonic clock.
   * @param wereStartedForRun whether bench started the servers.
   */
  constructor(
    private readonly clients: readonly StatsClient[],
    private readonly now: () => number,
    private readonly wereStartedForRun: boolean,
  ) {}

  /** Notes what the servers have counted before the run. */
  async begin(): Promise<void> {
    if (this.clients.length === 0) {
      this.#missing = 'no HTTP API of the server is known';
      return;
    }
    try {
      const answers = await this.#calm();
      const nowMs = this.now();
      this.#accounts = answers.map((answer) => new ServerAccount(answer, nowMs, this.wereStartedForRun));
      this.#missing = undefined;
      this.#noteKnown();
    } catch (error) {
      if (!(error instanceof DatafnWsError)) throw error;
      this.#missing = `the server does not provide statistics (GET ${PATH}): ${error.message}`;
    }
  }

  /**
   * The highest cursor that the servers have broadcast, as far as all of them tell.
   *
   * @returns 0 when there has been none, `undefined` when a server does not tell.
   */
  async highestCursor(): Promise<number | undefined> {
    if (this.clients.length === 0) return undefined;
    try {
      const answers = await this.#ask();
      const highest = answers.map(({ highestCursor }) =>
        highestCursor === null ? 0 : typeof highestCursor === 'string' ? Number(highestCursor) : Number.NaN,
      );
      return highest.every(Number.isSafeInteger) ? Math.max(...highest) : undefined;
    } catch (error) {
      if (error instanceof DatafnWsError) return undefined;
      throw error;
    }
  }

  /** What the servers did since {@link begin}; empty when they do not say, or cannot be reached. */
  async measure(): Promise<ServerMeasurement> {
    if (this.#missing !== undefined) return {};
    const answers = await Promise.allSettled(this.clients.map((client) => this.#get(client)));
    if (answers.every(({ status }) => status === 'rejected')) return {};
    const nowMs = this.now();
    try {
      // Of one that does not answer now, what it said last counts.
      for (const [index, answer] of answers.entries())
        if (answer.status === 'fulfilled') this.#accounts[index]?.note(answer.value, nowMs);
    } catch (error) {
      if (!(error instanceof MixedServersError)) throw error;
      this.#missing = `several processes answer GET ${PATH}: pass the HTTP API of each with --admin-url`;
      return {};
    }
    this.#noteKnown();
    return this.#sum();
  }

  /** Why something is not measured: there are no statistics, or this is not in them. `undefined` for what is. */
  whyNot(what: keyof ServerMeasurement): string | undefined {
    if (this.#missing !== undefined) return this.#missing;
    return this.#known.has(what) ? undefined : `GET ${PATH} of this server does not report it for the run`;
  }

  close(): void {
    for (const client of this.clients) client.close();
  }

  #sum(): ServerMeasurement {
    const [first = {}, ...others] = this.#accounts.map(({ measurement }) => measurement);
    return others.reduce(together, first);
  }

  #noteKnown(): void {
    for (const [name, value] of Object.entries(this.#sum())) if (value !== undefined) this.#known.add(name);
    // No client is connected yet.
    if (this.#known.has('rssBytes')) this.#known.add('bytesPerConnection');
  }

  /** What the servers report once their connections have settled, or after a while. */
  async #calm(): Promise<readonly StatsAnswer[]> {
    const deadlineMs = this.now() + CALM_MS;
    let answers = await this.#ask();
    while (!this.wereStartedForRun && this.now() < deadlineMs) {
      await sleep(LOOK_MS);
      const before = answers;
      answers = await this.#ask();
      if (answers.every(({ connections }, index) => connections === before[index]?.connections)) break;
    }
    return answers;
  }

  #ask(): Promise<readonly StatsAnswer[]> {
    return Promise.all(this.clients.map((client) => this.#get(client)));
  }

  async #get(client: StatsClient): Promise<StatsAnswer> {
    const answer = readStats(await client.get(PATH));
    if (answer !== undefined) return answer;
    throw new DatafnWsError('ERR_REFUSED', 'the answer is not a JSON object');
  }
}

const LARGEST = [
  'rssBytes',
  'bytesPerConnection',
  'delayP99Ms',
  'delayMaxMs',
  'recentDelayMaxMs',
  'rssNowBytes',
] as const;

/** Adds up counts; of sizes and delays, the server counts that has most. */
function together(one: ServerMeasurement, other: ServerMeasurement): ServerMeasurement {
  const sum = (name: 'connections' | 'accepted' | 'rejected' | 'conflated' | 'cpuMs') => {
    const [a, b] = [one[name], other[name]];
    return a === undefined || b === undefined ? undefined : a + b;
  };
  const [closed, otherClosed] = [one.closed, other.closed];
  const codes = Object.keys({ ...closed, ...otherClosed });
  const largest = LARGEST.map((name) => {
    const values = [one[name], other[name]].filter((value) => value !== undefined);
    return [name, values.length === 0 ? undefined : Math.max(...values)];
  });
  return {
    connections: sum('connections'),
    accepted: sum('accepted'),
    rejected: sum('rejected'),
    conflated: sum('conflated'),
    cpuMs: sum('cpuMs'),
    ...(closed === undefined || otherClosed === undefined
      ? {}
      : {
          closed: Object.fromEntries(
            codes.map((code) => [code, (closed[code] ?? 0) + (otherClosed[code] ?? 0)]),
          ),
        }),
    ...Object.fromEntries(largest),
  };
}
