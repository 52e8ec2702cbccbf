import type { QuantityName } from '../model/quantity.js';
import type { SearchSettings } from './search.js';

/** A search, before it begins. */
export interface FindPlan extends SearchSettings {
  readonly of: QuantityName;
  /** What must hold at every load, for people; rules about the number of clients are not among them. */
  readonly rules: readonly string[];
  /** A lower limit fails; `undefined` for none. */
  readonly atLeast: number | undefined;
}
