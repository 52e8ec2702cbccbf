import type { DatafnLogger } from '../../manager/types.js';
import { formatCount } from '../../text/units.js';
import type { Log, LogEvent } from './log.js';

/** Lines of one kind in a second; the others are counted. */
const PER_SECOND = 10;
const WINDOW_MS = 1000;

/** One kind of event that anybody can cause as often as they like. */
export interface LimitedKind {
  readonly event: string;
  readonly level: LogEvent['level'];
  readonly sign: string;
  /** For the count of those that are left out, such as "client was refused" and "clients were refused". */
  readonly what: readonly [one: string, many: string];
}

/** Adds events of one kind to a log, some a second, and says how many more there were. */
export class LimitedLog {
  #left = PER_SECOND;
  #more = 0;
  #window: NodeJS.Timeout | undefined;

  constructor(
    private readonly log: Log,
    private readonly kind: LimitedKind,
  ) {}

  /** @param describe makes the line; not called for one that is left out. */
  add(describe: () => Pick<LogEvent, 'text' | 'fields'>): void {
    this.#window ??= setTimeout(() => this.#endWindow(), WINDOW_MS).unref();
    if (this.#left === 0) {
      this.#more += 1;
      return;
    }
    this.#left -= 1;
    this.#add(describe());
  }

  /** Says what is left to say. */
  dispose(): void {
    clearTimeout(this.#window);
    this.#endWindow();
  }

  #endWindow(): void {
    const more = this.#more;
    this.#window = undefined;
    this.#left = PER_SECOND;
    this.#more = 0;
    if (more === 0) return;
    const [one, many] = this.kind.what;
    this.#add({ text: `${formatCount(more)} more ${more === 1 ? one : many}`, fields: { more } });
  }

  #add(line: Pick<LogEvent, 'text' | 'fields'>): void {
    const { event, level, sign } = this.kind;
    this.log.add({ event, level, sign, ...line });
  }
}

/** A log as the logger that the library takes. What clients can cause as often as they like is limited as well. */
export function limitedLogger(log: Log): DatafnLogger & { dispose(): void } {
  const what = ['warning', 'warnings'] as const;
  const warnings = new LimitedLog(log, { event: 'manager', level: 'warn', sign: ' ', what });
  return {
    ...log.asLogger(),
    warn: (text, fields) => warnings.add(() => ({ text, fields })),
    dispose: () => warnings.dispose(),
  };
}
