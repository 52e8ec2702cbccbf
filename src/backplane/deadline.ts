import type { NodeClock } from './engine.js';

/** What became of a promise within a time. */
export type Settled<Value> =
  | { readonly in: 'time'; readonly value: Value }
  | { readonly in: 'error'; readonly error: unknown }
  | { readonly in: 'no time' };

/** Waits for a promise, but no longer than `ms`. Never rejects. */
export function within<Value>(
  promise: Promise<Value>,
  ms: number,
  clock: NodeClock,
): Promise<Settled<Value>> {
  return new Promise((resolve) => {
    const timer = clock.setTimeout(() => resolve({ in: 'no time' }), ms);
    const settle = (settled: Settled<Value>) => {
      clock.clearTimeout(timer);
      resolve(settled);
    };
    promise.then(
      (value) => settle({ in: 'time', value }),
      (error: unknown) => settle({ in: 'error', error }),
    );
  });
}
