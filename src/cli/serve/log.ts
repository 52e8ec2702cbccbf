import type { ChalkInstance } from 'chalk';
import type { DatafnLogger } from '../../manager/types.js';
import type { LOG_LEVELS } from '../../options/serve.js';
import { printable, printableJson } from '../../text/printable.js';

type Level = Exclude<(typeof LOG_LEVELS)[number], 'silent'>;

const RANK: Readonly<Record<(typeof LOG_LEVELS)[number], number>> = {
  debug: 0,
  info: 1,
  warn: 2,
  error: 3,
  silent: 4,
};

/** One thing that happened: words for a person, fields for a machine. */
export interface LogEvent {
  readonly level: Level;
  /** Stable name of the event, such as `client.connected`. */
  readonly event: string;
  /** What a person reads. */
  readonly text: string;
  readonly fields?: Readonly<Record<string, unknown>>;
  /** More lines for a person, such as a stack trace. */
  readonly details?: readonly string[];
  /** A sign before the text, coloured by what it stands for. */
  readonly sign?: string;
}

export interface LogOptions {
  readonly level: (typeof LOG_LEVELS)[number];
  readonly format: 'pretty' | 'json';
  readonly colors: ChalkInstance;
  readonly write: (line: string) => void;
  readonly now: () => Date;
}

/** A log of one line an event. */
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
    // The events of the server say all in their text; the manager's own messages come with fields.
    const more = event === 'manager' && fields !== undefined ? ` ${colors.dim(printableJson(fields))}` : '';
    const lines = details.map((line) => `\n           ${colors.dim(printable(line))}`).join('');
    return `${time} ${mark} ${printable(text)}${more}${lines}`;
  }
}
