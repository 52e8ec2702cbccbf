import type { DatafnLogger } from '../manager/types.js';
import type { ServerObserver } from '../server/events/events.js';
import type { Batches } from './batches.js';
import type { Reporting, ToPrimary } from './messages.js';

/** Lines that may wait for the primary. More are dropped and counted: a slow log must not fill the memory. */
const MAX_WAITING = 20_000;

const LEVELS = ['debug', 'info', 'warn', 'error'] as const;

/** What a worker tells its primary for the log. */
export class Reports {
  readonly logger: DatafnLogger | undefined;
  /** It leaves out broadcasts: see {@link Reports.broadcast}. */
  readonly observer: ServerObserver | undefined;
  /** Reports a broadcast of the whole server. */
  readonly broadcast: ((namespace: string, cursor: string, delivered: number) => void) | undefined;
  #dropped = 0;

  constructor(
    private readonly batches: Batches<ToPrimary>,
    { events, levels }: Reporting,
  ) {
    this.logger = levels.length === 0 ? undefined : this.#logger(levels);
    this.observer = events ? this.#observer() : undefined;
    this.broadcast = events ? (...args) => this.#send({ type: 'event', name: 'broadcast', args }) : undefined;
  }

  #logger(levels: Reporting['levels']): DatafnLogger {
    const log = (level: keyof DatafnLogger) =>
      levels.includes(level)
        ? (message: string, context?: Record<string, unknown>) =>
            this.#send({ type: 'log', level, message, context })
        : () => {};
    const [debug, info, warn, error] = LEVELS.map(log) as [() => void, () => void, () => void, () => void];
    return { debug, info, warn, error };
  }

  #observer(): ServerObserver {
    const event = (name: keyof ServerObserver, args: readonly unknown[]) =>
      this.#send({ type: 'event', name, args });
    const plain =
      (name: keyof ServerObserver) =>
      (...args: unknown[]) =>
        event(name, args);
    return {
      connected: plain('connected'),
      hello: plain('hello'),
      refused: plain('refused'),
      closed: plain('closed'),
      rejectedUpgrade: plain('rejectedUpgrade'),
      rejectedRequest: plain('rejectedRequest'),
      drainRequested: plain('drainRequested'),
    };
  }

  #send(message: ToPrimary): void {
    if (this.batches.waiting >= MAX_WAITING) {
      this.#dropped += 1;
      return;
    }
    if (this.#dropped > 0) {
      const dropped = this.#dropped;
      this.#dropped = 0;
      this.batches.send({
        type: 'log',
        level: 'error',
        message: 'Events of a worker were dropped: the log was too slow',
        context: { dropped },
      });
    }
    this.batches.send(message);
  }
}
