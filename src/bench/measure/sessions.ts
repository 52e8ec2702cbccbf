import { seededRandom } from './clock.js';

/** Clients that come and go, each by itself: their number stays near a level. */
export interface Sessions {
  /** Mean time that a client stays. */
  readonly meanMs: number;
  /** Share of the clients that are there on average, between 0 and 1. */
  readonly level: number;
}

/** A change of a client. */
interface Turn {
  readonly atMs: number;
  readonly what: 'come' | 'go';
}

/**
 * When a client comes and goes within a time: sessions and absences of exponential length, so that it may come or go at
 * any moment, whatever came before. So it is from the first: nobody changes at the beginning, and the level is reached
 * within a session or so.
 *
 * @param seed decides every length, for each client anew.
 */
export function turnsOf(
  { meanMs, level }: Sessions,
  durationMs: number,
  seed: number,
  client: number,
  isThereAtFirst: boolean,
): Turn[] {
  let draw = 0;
  const next = () => seededRandom(seed, client, SESSION_DRAWS + draw++);
  const lasts = (mean: number) => -Math.log(1 - next()) * mean;
  let isThere = isThereAtFirst;
  const turns: Turn[] = [];
  for (let atMs = 0; ; ) {
    atMs += lasts(isThere ? meanMs : (meanMs * (1 - level)) / level);
    if (atMs >= durationMs) return turns;
    isThere = !isThere;
    turns.push({ atMs, what: isThere ? 'come' : 'go' });
  }
}

/** Sets these draws apart from others of the same client. */
const SESSION_DRAWS = 1_000_000;
