import type { ClauseInfo } from '../model/result.js';
import type { Trial } from '../trial/trial.js';

/**
 * When a clause is tested. `alone`: first, one after the other, since it fills the server up. `together`: beside
 * others. `last`: it ends the server. `after`: it judges what the clients of all others have seen.
 */
export type Lane = 'alone' | 'together' | 'last' | 'after';

/** A clause of the contract, and its test. */
export interface Clause extends ClauseInfo {
  /** Default `together`. */
  readonly lane?: Lane;
  /** Whether it measures time, so that a stall of this process makes it fail. Default false. */
  readonly isTimed?: boolean;
  /** Returns when the clause holds; ends with `trial.fail` or `trial.skip` otherwise. */
  check(trial: Trial): Promise<void> | void;
}

export const DATAFN = 'DataFn reference';
export const OBSERVED = 'observed';
export const rfc6455 = (section: string) => `RFC 6455 section ${section}`;
