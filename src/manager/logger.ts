import { contain } from './contain.js';
import type { DatafnLogger } from './types.js';

const ignore = () => {};

/** A logger that says nothing. */
export const silentLogger: DatafnLogger = { debug: ignore, info: ignore, warn: ignore, error: ignore };

/** Wraps a user's logger so that what goes wrong in it stays in it: it must not end a broadcast, or the process. */
export function guardLogger(logger: DatafnLogger): DatafnLogger {
  const guard = (level: keyof DatafnLogger) => (message: string, context?: Record<string, unknown>) =>
    contain(() => logger[level](message, context));
  return { debug: guard('debug'), info: guard('info'), warn: guard('warn'), error: guard('error') };
}
