import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiClient } from '../../emit/api-client.js';
import { DatafnWsError } from '../../protocol/errors.js';
import type { ServerMeasurement } from '../measure/measurements.js';
import type { ClockSample } from '../shard/clock-offset.js';
import {
  distinctServers,
  MixedServersError,
  readStats,
  ServerAccount,
  type StatsAnswer,
} from './server-account.js';

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
    private clients: readonly StatsClient[],
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
      const all = await this.#calm();
      const distinct = distinctServers(all);
      this.#keepClients(distinct);
      const answers = distinct.map((index) => all[index] as StatsAnswer);
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

  /**
   * Reads the clock of the first server, again and again: what comes of it is as exact as the shortest round trip.
   *
   * @returns nothing where the server does not tell its time.
   */
  async readClock(times: number): Promise<readonly ClockSample[]> {
    const [client] = this.clients;
    const samples: ClockSample[] = [];
    try {
      while (client !== undefined && samples.length < times) {
        const sentMs = this.now();
        const { timeMs } = await this.#get(client);
        if (timeMs === undefined) return [];
        samples.push({ sentMs, theirMs: timeMs, receivedMs: this.now() });
      }
    } catch (error) {
      if (!(error instanceof DatafnWsError)) throw error;
    }
    return samples;
  }

  /** Why something is not measured: there are no statistics, or this is not in them. `undefined` for what is. */
  whyNot(what: keyof ServerMeasurement): string | undefined {
    if (this.#missing !== undefined) return this.#missing;
    return this.#known.has(what) ? undefined : `GET ${PATH} of this server does not report it for the run`;
  }

  close(): void {
    for (const client of this.clients) client.close();
  }

  #keepClients(indexes: readonly number[]): void {
    for (const [index, client] of this.clients.entries()) if (!indexes.includes(index)) client.close();
    this.clients = indexes.map((index) => this.clients[index] as StatsClient);
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
