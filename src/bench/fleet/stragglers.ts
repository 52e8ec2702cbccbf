import type { NewestEmitted } from '../measure/newest-emitted.js';
import type { BenchClient } from './bench-client.js';
import type { Behind, ConvergeOrder, ConvergeReport } from './messages.js';

/** From one look at whether all are there to the next. */
const POLL_MS = 20;

/** Of clients, who has not caught up with what was emitted. */
export class Stragglers {
  /**
   * @param isReturning whether a client that is not connected is going to reconnect.
   * @param now milliseconds on a monotonic clock.
   */
  constructor(
    private readonly newest: NewestEmitted,
    private readonly isReturning: (client: BenchClient) => boolean,
    private readonly now: () => number,
  ) {}

  /** How many of them have not heard the newest cursor of their namespace. */
  count(clients: readonly BenchClient[]): Behind {
    const owed = clients.filter((client) => this.#counts(client) && this.newest.isOwedTo(client));
    return { owed: owed.length, leftBehind: owed.filter((client) => this.newest.isMissedBy(client)).length };
  }

  /** Waits until all of them are connected and have the newest cursor of their namespace, or the deadline. */
  async converge(
    clients: readonly BenchClient[],
    { startMs, deadlineMs }: ConvergeOrder,
  ): Promise<ConvergeReport> {
    let missing = clients.filter((client) => this.#counts(client));
    let longestMs = 0;
    let isLastLook = false;
    while (true) {
      missing = missing.filter((client) => {
        if (!client.isOpen || this.newest.isMissedBy(client)) return this.#counts(client);
        longestMs = Math.max(longestMs, this.now() - Math.max(startMs, client.openedAtMs));
        return false;
      });
      if (missing.length === 0 || isLastLook) return { missing: missing.length, longestMs };
      isLastLook = this.now() >= deadlineMs;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  /** Whether a client reads all, and is in its namespace or on its way back to it. */
  #counts(client: BenchClient): boolean {
    const { reads, token } = client.cohort.behavior;
    if (reads !== 'all' || token !== 'own') return false;
    return client.isOpen ? client.isMember : this.isReturning(client);
  }
}
