/** What a client has of each table, as cursors: strings of digits. */
export type Cursors = Readonly<Record<string, string>>;

/** An answer to a pull: what a DataFn client takes from it, or why the client would drop it whole. */
export type PullAnswer =
  | {
      readonly ok: true;
      readonly cursors: Cursors;
      readonly ids: readonly string[];
      readonly hasMore: boolean;
    }
  | { readonly ok: false; readonly why: string };

const DIGITS = /^\d+$/;

/** Reads the answer to a pull that was sent with these cursors, as strictly as a DataFn client does. */
export function readPullAnswer(status: number, text: string, asked: Cursors): PullAnswer {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return wrong(status === 200 ? 'not JSON' : `HTTP ${status}`);
  }
  const outer = objectOf(body);
  const result = objectOf(outer.result);
  if (status !== 200) return wrong(`HTTP ${status}`);
  // A pull that is refused is HTTP 200 with an inner `ok` of false.
  if (outer.ok !== true || result.ok !== true)
    return wrong(`refused: ${String(objectOf(result.error ?? outer.error).code ?? 'without a code')}`);
  const [records, deleted, cursors] = [result.records, result.deleted, result.cursors];
  if (!isObject(records)) return wrong('without records');
  if (!isObject(deleted)) return wrong('without deleted');
  if (!isObject(cursors)) return wrong('without cursors');
  for (const [table, cursor] of Object.entries(asked)) {
    const answered = cursors[table];
    if (answered === undefined) return wrong('without a cursor that was asked for');
    if (typeof answered !== 'string' || !DIGITS.test(answered))
      return wrong('a cursor that is not a string of digits');
    if (Number(answered) < Number(cursor)) return wrong('a cursor lower than the one that was asked for');
  }
  return {
    ok: true,
    cursors: cursors as Cursors,
    ids: Object.values(records).flatMap((rows) =>
      Array.isArray(rows) ? rows.map((row) => String(objectOf(row).id)) : [],
    ),
    hasMore: result.hasMore === true,
  };
}

function wrong(why: string): PullAnswer {
  return { ok: false, why };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function objectOf(value: unknown): Record<string, unknown> {
  return isObject(value) ? value : {};
}
