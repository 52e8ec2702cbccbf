import { Histogram, type HistogramData } from './histogram.js';

/** A rate is of at least so much time: what is counted arrives in gulps. */
const RATE_MS = 500;

/** How things stood in one second of a run. A number that nobody could tell is left out. */
export interface TimelinePoint {
  /** End of the second, from the beginning of the run; the last is cut short by the end of the run. */
  readonly atMs: number;
  readonly open: number;
  readonly deliveriesPerSecond: number;
  readonly fanoutP50Ms?: number;
  readonly fanoutP99Ms?: number;
  /** Event-loop delay (p99) of the worker that fared worst. */
  readonly workerDelayP99Ms?: number;
  readonly serverRssBytes?: number;
  /** Longest event-loop delay of the server. */
  readonly serverDelayMaxMs?: number;
}

/** Puts the seconds of a run together from what workers and server say meanwhile. */
export class Timeline {
  readonly #points: TimelinePoint[] = [];
  #fanout = new Histogram();
  #workerDelayP99Ms: number | undefined;
  /** Deliveries until the end of each second. */
  readonly #marks = [{ atMs: 0, received: 0 }];

  get points(): readonly TimelinePoint[] {
    return this.#points;
  }

  addWorker(fanout: HistogramData, delayP99Ms: number): void {
    this.#fanout.add(fanout);
    this.#workerDelayP99Ms = Math.max(this.#workerDelayP99Ms ?? 0, delayP99Ms);
  }

  /** Ends a second. */
  mark(
    atMs: number,
    now: { readonly open: number; readonly received: number },
    server: { readonly rssBytes?: number; readonly delayMaxMs?: number },
  ): void {
    const from = this.#marks.findLast((one) => atMs - one.atMs >= RATE_MS) ?? { atMs: 0, received: 0 };
    const seconds = Math.max(0.001, (atMs - from.atMs) / 1000);
    this.#points.push({
      atMs: Math.round(atMs),
      open: now.open,
      deliveriesPerSecond: Math.round(Math.max(0, now.received - from.received) / seconds),
      ...(this.#fanout.count > 0
        ? { fanoutP50Ms: this.#fanout.percentileMs(50), fanoutP99Ms: this.#fanout.percentileMs(99) }
        : {}),
      ...(this.#workerDelayP99Ms === undefined ? {} : { workerDelayP99Ms: this.#workerDelayP99Ms }),
      ...(server.rssBytes === undefined ? {} : { serverRssBytes: server.rssBytes }),
      ...(server.delayMaxMs === undefined ? {} : { serverDelayMaxMs: server.delayMaxMs }),
    });
    this.#fanout = new Histogram();
    this.#workerDelayP99Ms = undefined;
    this.#marks.push({ atMs, received: now.received });
  }
}
