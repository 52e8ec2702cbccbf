import * as http from 'node:http';
import * as https from 'node:https';
import { ApiClient, type Emission, type TlsTrust } from '../../emit/api-client.js';
import { EXCHANGE_TIMEOUT_MS, limitExchange, withoutSecrets } from '../../emit/http-exchange.js';
import { dueAtMs } from '../../emit/run.js';
import { unreachable } from '../../emit/unreachable.js';
import { DatafnWsError } from '../../protocol/errors.js';
import { monotonicMs, waitUntil } from '../measure/clock.js';
import { cursorText, dueMs, type EmissionPlan, namespaceAt, slotAt } from '../measure/emission-plan.js';
import { Histogram } from '../measure/histogram.js';
import type { EmitMeasurement } from '../measure/measurements.js';
import { type Stage, totalEvents } from '../measure/stages.js';
import { sendOnTime } from './send-on-time.js';

/** Where emits go. */
export type EmitTarget =
  /** Servers with our HTTP API. What goes through a lane goes to every one of them. */
  | {
      readonly kind: 'api';
      readonly urls: readonly string[];
      readonly adminToken: string | undefined;
      readonly tls: TlsTrust | undefined;
      /** See {@link EXCHANGE_TIMEOUT_MS}, the default. */
      readonly timeoutMs?: number;
    }
  /** A server that takes emits in a form of its own. */
  | { readonly kind: 'template'; readonly template: EmitTemplate; readonly timeoutMs?: number };

/** One way for emits that keeps their order: a kept-alive connection to each server. */
export interface Lane {
  /** Clients that were handed the cursors, added up; 0 where the server does not say. */
  emit(emissions: readonly Emission[]): Promise<number>;
  close(): void;
}

/** Which of several servers an emit goes to: the first, one that its namespace decides, or each of them. */
export const ENTRIES = ['first', 'spread', 'all'] as const;
export type Entry = (typeof ENTRIES)[number];

/** The part of a target that a lane leads to. `lane` counts the lanes. */
export function partOf(target: EmitTarget, to: Entry, lane: number): EmitTarget {
  if (target.kind === 'template' || to === 'all') return target;
  const index = to === 'first' ? 0 : lane % target.urls.length;
  return { ...target, urls: target.urls.slice(index, index + 1) };
}

export function openLane(target: EmitTarget): Lane {
  if (target.kind === 'template') return new TemplateClient(target.template, target.timeoutMs);
  const { adminToken, tls, timeoutMs } = target;
  const clients = target.urls.map((url) => new ApiClient({ url, adminToken, tls, timeoutMs }));
  return {
    async emit(emissions) {
      const answers = await Promise.all(clients.map((client) => client.emit(emissions)));
      return answers.flat().reduce((total, { delivered }) => total + delivered, 0);
    },
    close() {
      for (const client of clients) client.close();
    },
  };
}

/** An HTTP request that makes a server with its own API broadcast a cursor. `{namespace}` and `{cursor}` are filled in. */
export interface EmitTemplate {
  readonly method: string;
  /** Filled in percent-encoded. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Filled in as JSON texts without their quotes. `undefined` for no body. */
  readonly body: string | undefined;
  readonly tls: TlsTrust | undefined;
}

/** Emits by way of a template, one request a cursor, one after the other on one kept-alive connection. */
export class TemplateClient implements Lane {
  readonly #template: EmitTemplate;
  readonly #transport: typeof http | typeof https;
  readonly #agent: http.Agent;

  /** @param timeoutMs milliseconds from the call after which an emit has failed, whatever the server says meanwhile. */
  constructor(
    template: EmitTemplate,
    private readonly timeoutMs = EXCHANGE_TIMEOUT_MS,
  ) {
    this.#template = template;
    this.#transport = /^https:/i.test(template.url) ? https : http;
    this.#agent = new this.#transport.Agent({ keepAlive: true, maxSockets: 1, ...template.tls });
  }

  async emit(emissions: readonly Emission[]): Promise<number> {
    const deadlineMs = performance.now() + this.timeoutMs;
    for (const emission of emissions) {
      await this.#request(emission, Math.max(1, Math.round(deadlineMs - performance.now())));
    }
    return 0;
  }

  close(): void {
    this.#agent.destroy();
  }

  /** A header may hold a secret, as a whole or behind a scheme. */
  #refused(url: string, words: string): DatafnWsError {
    const secrets = Object.values(this.#template.headers).flatMap((value) => [
      value,
      value.slice(value.indexOf(' ') + 1),
    ]);
    return new DatafnWsError(
      'ERR_REFUSED',
      `${new URL(url).origin} refused: ${withoutSecrets(words, secrets)}`,
    );
  }

  #request(emission: Emission, timeoutMs: number): Promise<void> {
    const { method, headers } = this.#template;
    const url = fillIn(this.#template.url, emission, encodeURIComponent);
    const body =
      this.#template.body &&
      fillIn(this.#template.body, emission, (text) => JSON.stringify(text).slice(1, -1));
    return new Promise((resolve, reject) => {
      const request = this.#transport.request(url, {
        method,
        agent: this.#agent,
        headers: { ...headers, ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }) },
      });
      const fail = (error: Error) => reject(unreachable(new URL(url).origin, error));
      limitExchange(request, timeoutMs, fail);
      request.on('error', fail);
      request.on('response', (response) => {
        response.resume();
        const { statusCode = 0, statusMessage = '' } = response;
        response.on('end', () => {
          if (statusCode >= 200 && statusCode < 300) resolve();
          else reject(this.#refused(url, `${statusCode} ${statusMessage}`));
        });
        response.on('error', fail);
      });
      request.end(body);
    });
  }
}

function fillIn(template: string, { namespace, cursor }: Emission, encode: (text: string) => string): string {
  return template.replace(/\{(namespace|cursor)\}/g, (_, name: string) =>
    encode(name === 'cursor' ? cursor : namespace),
  );
}

/** Most connections that emits are spread over. A namespace is always on the same one. */
const MAX_LANES = 256;

export const EMIT_TIMINGS = ['jitter', 'even', 'poisson'] as const;
export type EmitTiming = (typeof EMIT_TIMINGS)[number];

/** What is to be emitted. */
export interface EmitOrder {
  readonly namespaces: readonly number[];
  /** `undefined` for autocannon without a rate: as fast as the server answers. */
  readonly ratePerSecond: number | undefined;
  readonly durationMs: number;
  /** Cursors of a namespace in one request. */
  readonly batch: number;
  /** Characters of a cursor; it is filled up with zeros in front. 0 leaves it as it is. */
  readonly cursorLength: number;
  /** Connections of autocannon. */
  readonly connections: number;
  readonly to: Entry;
  /** Rates of cursors over time; left out for a constant rate. */
  readonly stages?: readonly Stage[];
  /** When requests are due: at random within their slots, at their beginnings, or as a Poisson process. */
  readonly at?: EmitTiming;
  /** Cursors that are due together. */
  readonly burst?: number;
  /** How often each namespace gets one: in rotation, or as Zipf's law has it. */
  readonly weights?: 'equal' | 'zipf';
  /** What clients must get; see {@link EmissionPlan}. */
  readonly owes: NonNullable<EmissionPlan['owes']>;
}

/** The plan of a phase that emits in order, at known times that `seed` decides within their slots. */
export function orderedPlan(
  order: EmitOrder,
  id: number,
  firstCursor: number,
  startMs: number,
  seed: number,
): EmissionPlan {
  const { batch, stages, at = 'jitter', burst, weights } = order;
  const rate = order.ratePerSecond ?? 1;
  const cursors = stages === undefined ? (order.durationMs * rate) / 1000 : totalEvents(stages);
  const requests = Math.max(1, Math.round(cursors / batch));
  return {
    id,
    firstCursor,
    count: requests * batch,
    namespaces: order.namespaces,
    batch,
    startMs,
    intervalMs: dueAtMs(1, rate / batch),
    ...(at === 'jitter' ? { jitterSeed: seed } : {}),
    ...(at === 'poisson' ? { poissonSeed: seed } : {}),
    ...(stages === undefined ? {} : { stages: stages.map((stage) => perRequest(stage, batch)) }),
    ...(burst === undefined ? {} : { burst: Math.max(1, Math.round(burst / batch)) }),
    ...(weights === 'zipf' ? { zipfSeed: seed } : {}),
    isOrdered: true,
    cursorLength: order.cursorLength,
    owes: order.owes,
  };
}

function perRequest({ fromPerSecond, toPerSecond, durationMs }: Stage, batch: number): Stage {
  return { fromPerSecond: fromPerSecond / batch, toPerSecond: toPerSecond / batch, durationMs };
}

/**
 * Carries out a plan through the HTTP API, each request at its time whether or not the ones before it have been
 * answered, except that those of one namespace go out one after the other.
 */
export async function emitPlan(
  plan: EmissionPlan,
  namespaces: readonly string[],
  target: EmitTarget,
  to: Entry,
  measurement: EmitMeasurement,
  signal: AbortSignal,
  onLag: (durationMs: number, lagP99Ms: number | undefined) => void,
  onSent: (cursors: number) => void = () => {},
): Promise<Emitted> {
  const lag = new LagMeter(measurement.lag, onLag);
  const lanes = Array.from({ length: Math.min(MAX_LANES, plan.namespaces.length) }, (_, lane) =>
    openLane(partOf(target, to, lane)),
  );
  const batches = new Batches(plan, namespaces, measurement, signal);
  const send = (request: number) => {
    lag.record(monotonicMs() - dueMs(plan, request * plan.batch));
    onSent(plan.batch);
    return batches.emit(request, lanes[slotAt(plan, request) % lanes.length] as Lane);
  };
  const underWay: Promise<unknown>[] = [];
  let request = 0;
  try {
    request = await sendOnTime(plan, waitUntil, signal, (next) => underWay.push(send(next)));
    await Promise.all(underWay);
  } finally {
    for (const lane of lanes) lane.close();
  }
  return { emitted: request * plan.batch, failed: batches.failed, error: batches.error };
}

/** Reports once a second how far behind the schedule it was. */
class LagMeter {
  #second = new Histogram();
  #sinceMs = monotonicMs();

  constructor(
    private readonly total: Histogram,
    private readonly onLag: (durationMs: number, lagP99Ms: number | undefined) => void,
  ) {}

  record(lagMs: number): void {
    this.total.record(lagMs);
    this.#second.record(lagMs);
    const durationMs = monotonicMs() - this.#sinceMs;
    if (durationMs < 1000) return;
    this.onLag(durationMs, this.#second.percentileMs(99));
    this.#second = new Histogram();
    this.#sinceMs = monotonicMs();
  }
}

/** What came of carrying out a plan. */
export interface Emitted {
  /** Cursors that were meant to go out before it ended. */
  readonly emitted: number;
  /** Indexes in the plan of those that the server did not take. */
  readonly failed: number[];
  /** The first reason for a failure. */
  readonly error: DatafnWsError | undefined;
}

/** Emits the batches of a plan, whatever decides when, and keeps account of what came of them. */
export class Batches {
  readonly failed: number[] = [];
  /** The first reason for a failure. */
  error: DatafnWsError | undefined;
  readonly #freeSinceMs = new WeakMap<Lane, number>();

  constructor(
    private readonly plan: EmissionPlan,
    private readonly namespaces: readonly string[],
    private readonly measurement: EmitMeasurement,
    private readonly signal: AbortSignal,
  ) {}

  /**
   * Emits one batch, all of it or nothing.
   *
   * @param index counts batches from 0.
   * @returns why the server did not take it; `undefined` when it did, or when the run was stopped.
   */
  async emit(index: number, lane: Lane): Promise<DatafnWsError | undefined> {
    const { plan, measurement } = this;
    const first = index * plan.batch;
    const namespace = this.namespaces[namespaceAt(plan, first)] as string;
    const emissions = Array.from({ length: plan.batch }, (_, offset) => ({
      namespace,
      cursor: cursorText(plan, first + offset),
    }));
    try {
      // Not `+= await`: that would read the sum before the wait, and lose what others add meanwhile.
      const delivered = await this.#timed(lane, lane.emit(emissions));
      measurement.delivered += delivered;
      measurement.broadcasts += plan.batch;
      return undefined;
    } catch (reason) {
      if (!(reason instanceof DatafnWsError)) throw reason;
      if (this.signal.aborted) return undefined;
      this.error ??= reason;
      measurement.failed += plan.batch;
      for (let offset = 0; offset < plan.batch; offset++) this.failed.push(first + offset);
      return reason;
    }
  }

  /** A lane sends one request at a time, so one that had to wait was sent when the one before it was answered. */
  async #timed<Value>(lane: Lane, answer: Promise<Value>): Promise<Value> {
    const calledMs = monotonicMs();
    try {
      return await answer;
    } finally {
      const answeredMs = monotonicMs();
      this.measurement.time.record(answeredMs - Math.max(calledMs, this.#freeSinceMs.get(lane) ?? 0));
      this.#freeSinceMs.set(lane, answeredMs);
    }
  }
}
