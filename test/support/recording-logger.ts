import type { DatafnLogger } from '../../src/manager/types.js';

/** One line that was logged. */
export interface LogEntry {
  readonly level: keyof DatafnLogger;
  readonly message: string;
  readonly context: Record<string, unknown> | undefined;
}

/** A logger that keeps what it is told. */
export class RecordingLogger implements DatafnLogger {
  readonly entries: LogEntry[] = [];

  get warnings(): LogEntry[] {
    return this.entries.filter(({ level }) => level === 'warn');
  }

  debug(message: string, context?: Record<string, unknown>): void {
    this.entries.push({ level: 'debug', message, context });
  }

  info(message: string, context?: Record<string, unknown>): void {
    this.entries.push({ level: 'info', message, context });
  }

  warn(message: string, context?: Record<string, unknown>): void {
    this.entries.push({ level: 'warn', message, context });
  }

  error(message: string, context?: Record<string, unknown>): void {
    this.entries.push({ level: 'error', message, context });
  }
}
