import type { RunObserver } from '../run-observer.js';

/** One observer that calls several. */
export function observers(all: readonly RunObserver[]): RunObserver {
  const toAll =
    <Name extends keyof RunObserver>(name: Name) =>
    (...values: Parameters<NonNullable<RunObserver[Name]>>) => {
      for (const one of all) (one[name] as ((...values: unknown[]) => void) | undefined)?.(...values);
    };
  return {
    waiting: toAll('waiting'),
    phaseStarted: toAll('phaseStarted'),
    progress: toAll('progress'),
    status: toAll('status'),
    second: toAll('second'),
    phaseEnded: toAll('phaseEnded'),
  };
}
