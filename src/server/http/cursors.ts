import { cursorNumber } from '../../protocol/client.js';
import { messageOf } from '../../protocol/errors.js';
import { cursorProblem, describe, namespaceProblem, principalsProblem } from '../../protocol/identifiers.js';
import { ProblemError } from './problem.js';

/** One cursor to broadcast. */
export interface CursorItem {
  readonly namespace: string;
  readonly cursor: string;
  /** The cursor is the newest of its namespace, whatever came before: its database has been restored. */
  readonly reset?: true;
  /** Whom it concerns; left out for everybody. */
  readonly affectedPrincipals?: readonly string[];
}

const FIX = 'Send {"namespace":"user:alice","cursor":"42"}, an array of those, or one a line as NDJSON.';

/** Reads the body of `POST /v1/cursors` as JSON: one item, or an array of them. */
export function parseJsonBody(text: string): unknown[] {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch (error) {
    throw new ProblemError(400, `Expected the body to be JSON: ${messageOf(error)}`, {
      field: 'body',
      fix: FIX,
    });
  }
  return Array.isArray(body) ? body : [body];
}

/** Reads the body of `POST /v1/cursors` as NDJSON: one item a line, blank lines ignored. */
export function parseNdjsonBody(text: string): unknown[] {
  const items: unknown[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    try {
      items.push(JSON.parse(line));
    } catch (error) {
      throw new ProblemError(400, `Expected line ${index + 1} to be JSON: ${messageOf(error)}`, {
        field: `line ${index + 1}`,
        fix: FIX,
      });
    }
  }
  return items;
}

/**
 * Checks every item before any is broadcast: one bad item refuses all, and is named by its index.
 *
 * @throws {ProblemError} 400 or 413.
 */
export function validateItems(items: readonly unknown[], maxItems: number): CursorItem[] {
  if (items.length === 0)
    throw new ProblemError(400, 'Expected at least one cursor, got none', { field: 'body', fix: FIX });
  if (items.length > maxItems) {
    throw new ProblemError(413, `Expected at most ${maxItems} cursors in one request, got ${items.length}`, {
      field: 'body',
      fix: `Split the batch into requests of at most ${maxItems}.`,
    });
  }
  return items.map((item, index) => {
    const at = `[${index}]`;
    if (typeof item !== 'object' || item === null || Array.isArray(item)) {
      throw new ProblemError(400, `Expected item ${index} to be an object, got ${describe(item)}`, {
        field: at,
        fix: FIX,
      });
    }
    const { namespace, cursor, reset = false, affectedPrincipals } = item as Record<string, unknown>;
    const wrong = namespaceProblem(namespace);
    if (wrong !== undefined) {
      throw new ProblemError(400, `Expected \`namespace\` of item ${index} to be ${wrong}`, {
        field: `${at}.namespace`,
        fix: FIX,
      });
    }
    const wrongCursor = cursorProblem(cursor);
    if (wrongCursor !== undefined) {
      throw new ProblemError(400, `Expected \`cursor\` of item ${index} to be ${wrongCursor}`, {
        field: `${at}.cursor`,
        fix: typeof cursor === 'number' ? `Send it as a string: "${cursor}".` : FIX,
      });
    }
    if (typeof reset !== 'boolean') {
      throw new ProblemError(
        400,
        `Expected \`reset\` of item ${index} to be true or false, got ${describe(reset)}`,
        { field: `${at}.reset`, fix: FIX },
      );
    }
    const valid = { namespace: namespace as string, cursor: cursor as string };
    if (affectedPrincipals === undefined) return reset ? { ...valid, reset } : valid;
    const wrongPrincipals = reset
      ? 'left out with `reset`, which is news for everybody'
      : principalsProblem(affectedPrincipals);
    if (wrongPrincipals !== undefined) {
      throw new ProblemError(
        400,
        `Expected \`affectedPrincipals\` of item ${index} to be ${wrongPrincipals}`,
        {
          field: `${at}.affectedPrincipals`,
        },
      );
    }
    return { ...valid, affectedPrincipals: affectedPrincipals as readonly string[] };
  });
}

/**
 * Checks the order of a batch: no cursor may be lower than the newest of its namespace, those before it in the batch
 * included, as clients compare them. The first that is refuses the whole batch.
 *
 * @param newestOf the newest cursor of a namespace, as far as it is known.
 * @throws {ProblemError} 409 for a lower cursor, 400 for one that is not a number.
 */
export function checkOrder(
  items: readonly CursorItem[],
  newestOf: (namespace: string) => string | undefined,
): void {
  const newestInBatch = new Map<string, string>();
  for (const [index, { namespace, cursor, reset }] of items.entries()) {
    const newest = reset ? undefined : (newestInBatch.get(namespace) ?? newestOf(namespace));
    const number = cursorNumber(cursor);
    const field = `[${index}].cursor`;
    if (Number.isNaN(number)) {
      throw new ProblemError(
        400,
        `Expected \`cursor\` of item ${index} to begin with a whole number, as this server compares cursors, got ${describe(cursor)}`,
        { field, fix: 'Send increasing whole numbers as strings, or start the server without --monotonic.' },
      );
    }
    if (newest !== undefined && number < cursorNumber(newest)) throw staleCursor(index, cursor, newest);
    newestInBatch.set(namespace, cursor);
  }
}

/** The refusal of a batch for a cursor that is lower than the newest of its namespace. */
export function staleCursor(index: number, cursor: string, newest: string): ProblemError {
  return new ProblemError(
    409,
    `Expected \`cursor\` of item ${index} to be at least ${newest}, the newest of its namespace, got ${describe(cursor)}`,
    {
      field: `[${index}].cursor`,
      fix: 'Send cursors in increasing order, add "reset": true for a database that was restored, or start the server without --monotonic.',
    },
  );
}
