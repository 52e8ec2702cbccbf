import type { DatafnLogger } from './types.js';

const ignore = () => {};

/** A logger that says nothing. */
export const silentLogger: DatafnLogger = { debug: ignore, info: ignore, warn: ignore, error: ignore };

/** Wraps a user's logger so that what it throws stays in it. */
export function guardLogger(logger: DatafnLogger): DatafnLogger {
  const guard = (level: keyof DatafnLogger) => (message: string, context?: Record<string, unknown>) => {
    try {
      logger[level](message, context);
    } catch {
      // A broken logger must not end a broadcast; there is nobody to tell.
    }
  };
  return { debug: guard('debug'), info: guard('info'), warn: guard('warn'), error: guard('error') };
}
