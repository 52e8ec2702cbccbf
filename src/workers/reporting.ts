import type { DatafnLogger } from '../manager/types.js';
import type { ServerObserver } from '../server/events/events.js';
import type { Batches } from './batches.js';
import type { Reporting, ToPrimary } from './messages.js';

/** Lines that may wait for the primary. More are dropped and counted: a slow log must not fill the memory. */
const MAX_WAITING = 20_000;

const LEVELS = ['debug', 'info', 'warn', 'error'] as const;

/** Events of a worker that are events of the server. */
const REPORTED = [
  'connected',
  'hello',
  'refused',
  'closed',
  'rejectedUpgrade',
  'rejectedRequest',
  'drainRequested',
] as const satisfies readonly (keyof ServerObserver)[];

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
    const heard = REPORTED.filter((name) => events.includes(name));
    this.observer =
      heard.length === 0 ? undefined : Object.fromEntries(heard.map((name) => [name, this.#report(name)]));
    this.broadcast = events.includes('broadcast') ? this.#report('broadcast') : undefined;
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

  #report(name: keyof ServerObserver): (...args: unknown[]) => void {
    return (...args) => this.#send({ type: 'event', name, args });
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
