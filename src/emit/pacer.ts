/**
 * When the `index`-th of a row of events is due, in milliseconds from the start, at `ratePerSecond`.
 *
 * Open loop: the schedule does not wait for anybody. Who falls behind catches up, and sees by how much.
 */
export function dueAtMs(index: number, ratePerSecond: number): number {
  return (index * 1000) / ratePerSecond;
}
