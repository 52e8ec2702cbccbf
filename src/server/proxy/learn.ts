import type { Scalar, Skimmed } from './json-skimmer.js';

/** A DataFn route whose response says something about cursors. `write` changes data, but its response has no cursor. */
export type DatafnRoute = 'push' | 'pull' | 'clone' | 'reconcile' | 'write';

/** What a response says about the cursor of its namespace. */
export interface Learned {
  readonly cursor: number;
  /** Whether clients are to hear it; otherwise it only raises what is remembered. */
  readonly isNews: boolean;
  /** Whether it was made for this very request, so that it is newer than all cursors known when the request came. */
  readonly isFresh: boolean;
}

const POSTED: Readonly<Record<string, DatafnRoute>> = {
  push: 'push',
  pull: 'pull',
  clone: 'clone',
  reconcile: 'reconcile',
  mutation: 'write',
  transact: 'write',
  seed: 'write',
};
const WRITING = new Set(['POST', 'PUT', 'PATCH', 'DELETE']);

/** @param path the path below the remote, such as `/push`. */
export function datafnRoute(method: string, path: string): DatafnRoute | undefined {
  const [, name = '', more] = path.split('/', 3);
  if (name === 'resources' || name === 'rest') return WRITING.has(method) ? 'write' : undefined;
  if (method !== 'POST' || (more ?? '') !== '' || !Object.hasOwn(POSTED, name)) return undefined;
  return POSTED[name];
}

/** DataFn's cursors are whole numbers, as digits; 0 is none yet. Undefined for anything else. */
export function cursorOf(value: Scalar | undefined): number | undefined {
  if (typeof value !== 'number' && !(typeof value === 'string' && /^\d+$/.test(value))) return undefined;
  const number = Number(value);
  return Number.isSafeInteger(number) && number > 0 ? number : undefined;
}

/**
 * What a response says about the cursor of its namespace, if anything.
 *
 * @param asked the body of the request; it is only looked at for a pull.
 */
export function learn(
  route: DatafnRoute,
  status: number,
  asked: Skimmed | undefined,
  answer: Skimmed,
): Learned | undefined {
  const result = answer.get('result');
  const cursors = answer.get('result.cursors');
  const isOk = status >= 200 && status < 300;
  // Some mutations of a refused push may have been applied: its 400 carries a result then.
  if (result === undefined || (!isOk && !(route === 'push' && status === 400))) return undefined;
  switch (route) {
    case 'push': {
      const cursor = cursorOf(result.get('cursor')) ?? highest(cursors?.values());
      const before = result.has('cursorBefore') ? (cursorOf(result.get('cursorBefore')) ?? 0) : undefined;
      if (cursor === undefined || cursor < (before ?? 0)) return undefined;
      // A push that changed nothing says where the backend is.
      return { cursor, isNews: cursor !== before, isFresh: before !== undefined };
    }
    case 'reconcile':
      return news(cursorOf(result.get('latestCursor')));
    case 'clone': {
      const cursor = highest(cursors?.values());
      return cursor === undefined ? undefined : { cursor, isNews: false, isFresh: false };
    }
    case 'pull':
      return asked && news(pulled(asked, result.get('nextCursor'), cursors));
    case 'write':
      return undefined;
  }
}

function news(cursor: number | undefined): Learned | undefined {
  return cursor === undefined ? undefined : { cursor, isNews: true, isFresh: false };
}

/**
 * The highest cursor of a pull that is not an echo: servers send back what a client asked with, however high it is, and
 * raise only the cursors of tables that have changed.
 */
function pulled(
  asked: Skimmed,
  nextCursor: Scalar | undefined,
  cursors: ReadonlyMap<string, Scalar> | undefined,
): number | undefined {
  const askedCursors = asked.get('cursors');
  const raised = [...(cursors ?? [])].map(([key, value]) => above(value, askedCursors?.get(key)));
  return highest([...raised, above(nextCursor, asked.get('')?.get('cursor'))]);
}

/** A cursor of the answer that is higher than the one that was asked with. */
function above(value: Scalar | undefined, asked: Scalar | undefined): Scalar | undefined {
  const from = asked === '0' || asked === 0 ? 0 : cursorOf(asked);
  const to = cursorOf(value);
  return from !== undefined && to !== undefined && to > from ? to : undefined;
}

function highest(values: Iterable<Scalar | undefined> = []): number | undefined {
  let max: number | undefined;
  for (const value of values) {
    const cursor = cursorOf(value);
    if (cursor !== undefined && (max === undefined || cursor > max)) max = cursor;
  }
  return max;
}
