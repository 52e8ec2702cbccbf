import { turnsOf } from '../measure/sessions.js';
import type { ChurnOrder } from './messages.js';

/** A change of a client of a worker. */
interface ChurnTurn {
  /** From the beginning of the churn. */
  readonly at: number;
  /** Its place among the clients of the worker. */
  readonly client: number;
  /** `either`: it goes if it is connected, and comes if not. */
  readonly what: 'come' | 'go' | 'either';
}

/** Every change of the clients of one worker, in order of time. */
export function churnTurns(
  { cohort, ratePerSecond = 0, sessions, durationMs }: ChurnOrder,
  clients: readonly { readonly index: number; readonly isOpen: boolean }[],
  worker: number,
  workers: number,
  seed: number,
): ChurnTurn[] {
  if (sessions !== undefined) {
    return clients
      .flatMap(({ index, isOpen }, client) =>
        turnsOf(sessions, durationMs, seed, cohort * 1_000_003 + index, isOpen).map(({ atMs, what }) => ({
          ...{ at: atMs, client, what },
        })),
      )
      .sort((a, b) => a.at - b.at);
  }
  const ticks = Math.floor((durationMs * ratePerSecond) / 1000);
  const turns: ChurnTurn[] = [];
  for (let tick = worker, next = 0; tick < ticks; tick += workers, next++)
    turns.push({ at: (tick * 1000) / ratePerSecond, client: next % clients.length, what: 'either' });
  return turns;
}
