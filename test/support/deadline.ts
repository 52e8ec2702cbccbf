import { setTimeout as sleep } from 'node:timers/promises';

/**
 * How long a test waits for an event before it is given up as one that never comes. Nothing is judged by it: it leaves
 * room for a machine that is busy, or stops processes for seconds.
 */
export const EVENT_WITHIN_MS = 60_000;

/** `promise`, or an error that says what did not happen in time. */
export async function within<Value>(
  promise: Promise<Value>,
  what: string | (() => string),
  ms: number = EVENT_WITHIN_MS,
): Promise<Value> {
  const abort = new AbortController();
  const late = sleep(ms, undefined, { signal: abort.signal }).then((): never => {
    throw new Error(`Not within ${ms} ms: ${typeof what === 'string' ? what : what()}`);
  });
  // Aborted when the race is over; nobody is to hear of it.
  late.catch(() => {});
  try {
    return await Promise.race([promise, late]);
  } finally {
    abort.abort();
  }
}

/** Callers that wait for a condition on something that changes. */
export class Waiters {
  #waiting: { isMet: () => boolean; resolve: () => void }[] = [];

  /** To be called after each change. */
  changed(): void {
    this.#waiting = this.#waiting.filter(({ isMet, resolve }) => {
      if (!isMet()) return true;
      resolve();
      return false;
    });
  }

  /** Resolves as soon as `isMet` is true after a change, or now. */
  until(isMet: () => boolean, what: string | (() => string), ms?: number): Promise<void> {
    if (isMet()) return Promise.resolve();
    const met = new Promise<void>((resolve) => this.#waiting.push({ isMet, resolve }));
    return within(met, what, ms);
  }
}

/** A promise and the means to settle it. */
export interface Deferred<Value> {
  readonly promise: Promise<Value>;
  readonly resolve: (value: Value) => void;
}

export function deferred<Value = void>(): Deferred<Value> {
  let resolve: (value: Value) => void = () => {};
  const promise = new Promise<Value>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
