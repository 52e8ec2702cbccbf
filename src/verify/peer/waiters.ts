import { afterPatience } from '../../bench/target/trial-client.js';

interface Waiter {
  isMet(): boolean;
  resolve(wasMet: boolean): void;
}

/** Waits for a condition that changes only when something happens. */
export class Waiters {
  readonly #waiting = new Set<Waiter>();

  /** Something has happened: looks at every condition. */
  changed(): void {
    for (const one of [...this.#waiting]) if (one.isMet()) one.resolve(true);
  }

  /** Resolves with true as soon as `isMet` is, and with false after `ms` in which this process ran. */
  until(isMet: () => boolean, ms: number): Promise<boolean> {
    if (isMet()) return Promise.resolve(true);
    return new Promise((resolve) => {
      const cancel = afterPatience(ms, () => waiter.resolve(isMet()));
      const waiter: Waiter = {
        isMet,
        resolve: (wasMet) => {
          cancel();
          this.#waiting.delete(waiter);
          resolve(wasMet);
        },
      };
      this.#waiting.add(waiter);
    });
  }
}

/** Waits, for so long as this process runs. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    afterPatience(ms, resolve);
  });
}
