import type { Writable } from 'node:stream';
import type { ChalkInstance } from 'chalk';
import type { DatafnLogger } from '../../manager/types.js';
import type { LOG_LEVELS } from '../../options/serve-flags.js';
import { printable, printableJson } from '../../text/printable.js';
import { formatCount } from '../../text/units.js';

type Level = Exclude<(typeof LOG_LEVELS)[number], 'silent'>;

const RANK: Readonly<Record<(typeof LOG_LEVELS)[number], number>> = {
  debug: 0,
  info: 1,
  warn: 2,
  error: 3,
  silent: 4,
};

/** One event: a text for people, fields for programs. */
export interface LogEvent {
  readonly level: Level;
  /** Stable name of the event, such as `client.connected`. */
  readonly event: string;
  /** What a person reads. */
  readonly text: string;
  readonly fields?: Readonly<Record<string, unknown>>;
  /** More lines for a person, such as a stack trace. */
  readonly details?: readonly string[];
  /** A colored sign before the text. */
  readonly sign?: string;
}

export interface LogOptions {
  readonly level: (typeof LOG_LEVELS)[number];
  readonly format: 'pretty' | 'json';
  readonly colors: ChalkInstance;
  readonly write: (line: string) => void;
  readonly now: () => Date;
}

/** A log with one line per event. */
export class Log {
  constructor(private readonly options: LogOptions) {}

  add(event: LogEvent): void {
    const { level, format, write, now } = this.options;
    if (RANK[event.level] < RANK[level]) return;
    write(`${format === 'json' ? this.#json(event, now()) : this.#pretty(event, now())}\n`);
  }

  /** This log as the logger that the library takes. */
  asLogger(): DatafnLogger {
    const log = (level: Level) => (message: string, context?: Record<string, unknown>) =>
      this.add({ level, event: 'manager', text: message, fields: context });
    return { debug: log('debug'), info: log('debug'), warn: log('warn'), error: log('error') };
  }

  #json({ level, event, text, fields }: LogEvent, at: Date): string {
    return printableJson({ time: at.toISOString(), level, event, message: text, ...fields });
  }

  #pretty({ level, event, text, fields, details = [], sign = ' ' }: LogEvent, at: Date): string {
    const { colors } = this.options;
    const time = colors.dim(at.toTimeString().slice(0, 8));
    const mark = level === 'error' ? colors.red('✗') : level === 'warn' ? colors.yellow('!') : sign;
    // The text of a server event is complete; messages of the manager need their fields.
    const more = event === 'manager' && fields !== undefined ? ` ${colors.dim(printableJson(fields))}` : '';
    const lines = details.map((line) => `\n           ${colors.dim(printable(line))}`).join('');
    return `${time} ${mark} ${printable(text)}${more}${lines}`;
  }
}

/** Lines of one kind per second; the rest are counted. */
const PER_SECOND = 10;
const WINDOW_MS = 1000;

/** A kind of event that clients can cause as often as they like. */
export interface LimitedKind {
  readonly event: string;
  readonly level: LogEvent['level'];
  readonly sign: string;
  /** For the count of the rest, such as "client was refused" and "clients were refused". */
  readonly what: readonly [one: string, many: string];
}

/** Logs some events of one kind per second, and how many more there were. */
export class LimitedLog {
  #left = PER_SECOND;
  #more = 0;
  #window: NodeJS.Timeout | undefined;

  constructor(
    private readonly log: Log,
    private readonly kind: LimitedKind,
  ) {}

  /** @param describe makes the line; not called for an event that is only counted. */
  add(describe: () => Pick<LogEvent, 'text' | 'fields'>): void {
    this.#window ??= setTimeout(() => this.#endWindow(), WINDOW_MS).unref();
    if (this.#left === 0) {
      this.#more += 1;
      return;
    }
    this.#left -= 1;
    this.#add(describe());
  }

  /** Logs the last count. */
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

/** A log as the library's logger. Warnings are limited: clients can cause any number of them. */
export function limitedLogger(log: Log): DatafnLogger & { dispose(): void } {
  const what = ['warning', 'warnings'] as const;
  const warnings = new LimitedLog(log, { event: 'manager', level: 'warn', sign: ' ', what });
  return {
    ...log.asLogger(),
    warn: (text, fields) => warnings.add(() => ({ text, fields })),
    dispose: () => warnings.dispose(),
  };
}

/** Bytes of a log that may wait for its reader: a reader that hangs must not fill the memory. */
const MAX_WAITING_BYTES = 1024 * 1024;

/** Writes lines to a stream, and drops lines while its reader is too slow. */
export class BoundedLines {
  #dropped = 0;

  /** @param onDropped called with the number of dropped lines, once the reader has caught up. */
  constructor(
    private readonly stream: Writable,
    private readonly onDropped: (count: number) => void,
  ) {}

  write(line: string): void {
    if (this.#dropped > 0 || this.stream.writableLength > MAX_WAITING_BYTES) this.#drop();
    else this.stream.write(line);
  }

  #drop(): void {
    this.#dropped += 1;
    if (this.#dropped > 1) return;
    this.stream.once('drain', () => {
      const count = this.#dropped;
      this.#dropped = 0;
      this.onDropped(count);
    });
  }
}
