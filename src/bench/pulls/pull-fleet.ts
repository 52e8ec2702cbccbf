import { waitUntil } from '../measure/clock.js';
import type { Tally } from '../measure/tally.js';
import { readPullAnswer } from './answer.js';
import { HttpPost, type PostTls } from './http-post.js';
import { InFlight } from './in-flight.js';
import { Puller, type PullSettings } from './puller.js';

/** A client that is going to pull, as far as pulling goes. */
export interface PullingClient {
  readonly index: number;
  readonly namespace: number;
  readonly isOpen: boolean;
  readonly openedAtMs: number;
  readonly cohort: { readonly tally: Tally };
  puller: Puller | undefined;
  random(): number;
}

export interface PullOrder extends PullSettings {
  /** Index into the cohorts. */
  readonly cohort: number;
  /** The pull route; `undefined` for that beside the WebSocket endpoint. */
  readonly url: string | undefined;
  readonly timeoutMs: number;
}

/** Changes that are pushed, one into each namespace of the cohort at a time. */
export interface PushOrder {
  readonly cohort: number;
  /** Makes ids of records unique. */
  readonly id: string;
  readonly record: Readonly<Record<string, unknown>>;
  readonly startMs: number;
  readonly count: number;
  readonly everyMs: number;
}

/** A change that was pushed, or was to be. */
export interface PushedChange {
  readonly namespace: number;
  readonly id: string;
  /** Just before the push. */
  readonly sentMs: number;
  /** The cursor in its answer; `undefined` if it failed. */
  readonly cursor: number | undefined;
  readonly error?: string;
}

/** What the clients of a cohort that pulls must get. */
export interface PulledChanges {
  readonly cohort: number;
  readonly changes: readonly PushedChange[];
  readonly deadlineMs: number;
}

export interface PullReport {
  readonly inFlight: ReturnType<InFlight['toData']>;
  /** The longest that a client was behind a change, those that still are included. */
  readonly longestBehindMs: number;
}

/** First pulls at a time, per process: what comes before the herd should not be one. */
const FIRST_PULLS = 50;
/** A change that was pushed up to this long after a client opened during the pushes was in flight. */
const OPENING_MS = 250;
const POLL_MS = 20;

interface PullFleetParts {
  readonly clients: readonly PullingClient[];
  readonly order: PullOrder;
  readonly pullUrl: URL;
  readonly tls: PostTls | undefined;
  tokenOf(client: PullingClient): string;
  now(): number;
}

/** The clients of a cohort in one process, pulling. */
export class PullFleet {
  readonly #pulls: HttpPost;
  readonly #pushes: HttpPost;
  readonly #inFlight = new InFlight();
  #isMeasuring = false;

  constructor(private readonly parts: PullFleetParts) {
    const { pullUrl, tls, order } = parts;
    this.#pulls = new HttpPost(pullUrl, tls, order.timeoutMs);
    this.#pushes = new HttpPost(new URL('push', pullUrl), tls, order.timeoutMs);
  }

  /** Gives every client its puller; those that are connected pull once, unmeasured. */
  async start(): Promise<void> {
    const { clients } = this.parts;
    for (const client of clients) client.puller = this.#pullerOf(client);
    const waiting = clients.filter(({ isOpen }) => isOpen);
    const next = async (): Promise<void> => {
      for (let client = waiting.pop(); client !== undefined; client = waiting.pop())
        await client.puller?.onOpen();
    };
    await Promise.all(Array.from({ length: FIRST_PULLS }, next));
    this.#isMeasuring = true;
  }

  #pullerOf(client: PullingClient): Puller {
    const { order, now, tokenOf } = this.parts;
    const token = tokenOf(client);
    const clientId = `bench-pull-${client.index}`;
    return new Puller(order, {
      now,
      random: () => client.random(),
      pause: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
      ask: async (cursors) => {
        const answer = await this.#pulls.post({ clientId, cursors, limit: 200, includeJoins: true }, token);
        if ('error' in answer) return { ok: false, why: answer.error };
        return readPullAnswer(answer.status, answer.text, cursors);
      },
      began: () => {
        const startMs = now();
        if (this.#isMeasuring) this.#inFlight.begin(startMs);
        const isMeasured = this.#isMeasuring;
        return (answer) => {
          if (!isMeasured) return;
          const { tally } = client.cohort;
          this.#inFlight.end(now());
          tally.counters.pulls += 1;
          tally.histograms.pullTime.record(now() - startMs);
          if (!answer.ok) tally.pullFailures.count(answer.why);
        };
      },
      heard: (isDropped) => {
        client.cohort.tally.counters.pullWakeUps += 1;
        if (isDropped) client.cohort.tally.counters.pullWakeUpsDropped += 1;
      },
      stale: () => {
        client.cohort.tally.counters.stalePulls += 1;
      },
    });
  }

  /** Pushes changes into namespaces, each at its time. */
  async push(
    order: PushOrder,
    namespaces: readonly { readonly namespace: number; readonly client: PullingClient }[],
  ): Promise<PushedChange[]> {
    const changes: Promise<PushedChange>[] = [];
    for (let number = 0; number < order.count; number++) {
      await waitUntil(order.startMs + number * order.everyMs);
      for (const { namespace, client } of namespaces)
        changes.push(this.#pushOne(order, `${order.id}-${namespace}-${number}`, namespace, client));
    }
    return Promise.all(changes);
  }

  async #pushOne(
    { record }: PushOrder,
    name: string,
    namespace: number,
    client: PullingClient,
  ): Promise<PushedChange> {
    const { table } = this.parts.order;
    const id = `${table}:${name}`;
    const clientId = 'bench-push';
    const mutation = {
      clientId,
      mutationId: name,
      resource: table,
      version: 1,
      operation: 'insert',
      id,
      record,
    };
    const sentMs = this.parts.now();
    const answer = await this.#pushes.post({ clientId, mutations: [mutation] }, this.parts.tokenOf(client));
    const change = { namespace, id, sentMs, cursor: undefined };
    if ('error' in answer) return { ...change, error: answer.error };
    try {
      const { ok, result, error } = JSON.parse(answer.text);
      if (answer.status === 200 && ok === true && result?.applied?.includes(name) === true)
        return { ...change, cursor: Number(result.cursor) };
      const why = result?.errors?.[0] ?? error;
      return { ...change, error: `HTTP ${answer.status} ${why?.code ?? ''} ${why?.message ?? ''}`.trim() };
    } catch {
      return { ...change, error: `HTTP ${answer.status}, not JSON` };
    }
  }

  /** Waits until every client has every change, or the deadline; counts, and ends. */
  async settle(changes: readonly PushedChange[], deadlineMs: number): Promise<PullReport> {
    const { now } = this.parts;
    const owed = this.#owed(changes);
    const isMissing = ({ client, change }: (typeof owed)[number]) => !client.puller?.seen.has(change.id);
    let missing = owed;
    for (;;) {
      missing = missing.filter((one) => one.client.isOpen && isMissing(one));
      if (missing.length === 0 || now() >= deadlineMs) break;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    const longestBehindMs = this.#count(owed);
    // They stay where they are: a backend may repeat its last cursors, which are not news.
    for (const client of this.parts.clients) client.puller?.stop();
    this.#pulls.close();
    this.#pushes.close();
    return { inFlight: this.#inFlight.toData(), longestBehindMs };
  }

  /** Each client with each change that it must get: all of them, if it was open before the first. */
  #owed(changes: readonly PushedChange[]) {
    const startMs = Math.min(...changes.map(({ sentMs }) => sentMs));
    const byNamespace = new Map<number, PushedChange[]>();
    for (const change of changes) {
      if (change.cursor === undefined) continue;
      const list = byNamespace.get(change.namespace) ?? [];
      list.push(change);
      byNamespace.set(change.namespace, list);
    }
    return this.parts.clients
      .filter(({ isOpen }) => isOpen)
      .flatMap((client) =>
        (byNamespace.get(client.namespace) ?? [])
          .filter(({ sentMs }) => client.openedAtMs < startMs || client.openedAtMs + OPENING_MS < sentMs)
          .map((change) => ({ client, change })),
      );
  }

  #count(owed: readonly { readonly client: PullingClient; readonly change: PushedChange }[]): number {
    const behind = new Set<PullingClient>();
    let longestMs = 0;
    for (const { client, change } of owed) {
      const { tally } = client.cohort;
      tally.counters.changesOwed += 1;
      const atMs = client.puller?.seen.get(change.id);
      longestMs = Math.max(longestMs, (atMs ?? this.parts.now()) - change.sentMs);
      if (atMs !== undefined) {
        tally.histograms.pullData.record(atMs - change.sentMs);
        continue;
      }
      // Its cursors say that it has the change: it will never ask for it again.
      if ((client.puller?.newest ?? 0) >= (change.cursor as number)) tally.counters.changesMissing += 1;
      if (client.isOpen && !behind.has(client)) {
        behind.add(client);
        tally.counters.pullersLeftBehind += 1;
      }
    }
    return longestMs;
  }
}
