import { cursorNumber } from '../../protocol/cursor-order.js';
import { describe } from '../../protocol/identifiers.js';
import type { CursorItem } from './cursors.js';
import { ProblemError } from './problem.js';

/**
 * What is wrong with the order of a batch, or nothing: no cursor may be lower than the newest of its namespace, those
 * before it in the batch included, as clients compare them. The first that is refuses the whole batch.
 *
 * @param newestOf the newest cursor of a namespace, as far as it is known.
 */
export function orderProblem(
  items: readonly CursorItem[],
  newestOf: (namespace: string) => string | undefined,
): ProblemError | undefined {
  const newestInBatch = new Map<string, string>();
  for (const [index, { namespace, cursor }] of items.entries()) {
    const newest = newestInBatch.get(namespace) ?? newestOf(namespace);
    const number = cursorNumber(cursor);
    const field = `[${index}].cursor`;
    if (Number.isNaN(number)) {
      return new ProblemError(
        400,
        `Expected \`cursor\` of item ${index} to begin with a whole number, as this server compares cursors, got ${describe(cursor)}`,
        { field, fix: 'Send increasing whole numbers as strings, or start the server without --monotonic.' },
      );
    }
    if (newest !== undefined && number < cursorNumber(newest)) {
      return new ProblemError(
        409,
        `Expected \`cursor\` of item ${index} to be at least ${newest}, the newest of its namespace, got ${describe(cursor)}`,
        {
          field,
          fix: 'Send cursors in increasing order, or start the server without --monotonic.',
        },
      );
    }
    newestInBatch.set(namespace, cursor);
  }
  return undefined;
}
