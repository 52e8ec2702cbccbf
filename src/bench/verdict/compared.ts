/** What a scenario can hold that leaves a count to chance; see `isLeftToChance`. */
export type Chance =
  /** Clients that come and go as they like. */
  | 'comings'
  /** A time without a server. */
  | 'downtime'
  /** Emits that may fail. */
  | 'failing-emits'
  /** Nothing more than that things take time: it is in every scenario. */
  | 'timing';

/** What it says when two runs of a scenario differ in a metric. */
export type Compared =
  /** What became of clients and server, which the scenario decides: any change is one for the worse. */
  | { readonly as: 'outcome'; readonly unless: readonly Chance[] }
  /** What should not happen: more is worse, less is better. */
  | { readonly as: 'defect'; readonly unless: readonly Chance[] }
  /** Less is better, and more is better, if it differs by both: a share of it, and an amount in its unit. */
  | { readonly as: 'cost' | 'gain'; readonly share: number; readonly amount: number }
  /** Nothing: how much there was to do, what chance has a part in, or another view of what is compared already. */
  | { readonly as: 'nothing' };

export const NOTHING: Compared = { as: 'nothing' };
export const outcome = (...unless: readonly Chance[]): Compared => ({ as: 'outcome', unless });
export const defect = (...unless: readonly Chance[]): Compared => ({ as: 'defect', unless });
/** A fifth more is worth a word, if it is also more than anybody would overlook. */
export const cost = (amount: number): Compared => ({ as: 'cost', share: 0.2, amount });
export const gain = (amount: number): Compared => ({ as: 'gain', share: 0.2, amount });
export const TIME = cost(10);
export const MEMORY = cost(8 * 1024 ** 2);
