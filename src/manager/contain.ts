import type { DatafnLogger } from './types.js';

function ignore(): void {}

/**
 * Calls a user's function and contains its failure: what it throws, and the rejection of a promise that it returns.
 *
 * @param failed called with the failure. Must not throw.
 */
export function contain(call: () => unknown, failed: (error: unknown) => void = ignore): void {
  try {
    const returned = call() as PromiseLike<unknown> | null | undefined;
    if (typeof returned?.then === 'function') returned.then(ignore, failed);
  } catch (error) {
    failed(error);
  }
}

/** A logger that says nothing. */
export const silentLogger: DatafnLogger = { debug: ignore, info: ignore, warn: ignore, error: ignore };

/** Wraps a user's logger so that its failures stay in it: they must not end a broadcast, or the process. */
export function guardLogger(logger: DatafnLogger): DatafnLogger {
  if (logger === silentLogger) return logger;
  const guard = (level: keyof DatafnLogger) => (message: string, context?: Record<string, unknown>) =>
    contain(() => logger[level](message, context));
  return { debug: guard('debug'), info: guard('info'), warn: guard('warn'), error: guard('error') };
}
