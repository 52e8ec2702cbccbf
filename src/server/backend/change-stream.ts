/** What a row holds. */
export type RowData = Readonly<Record<string, unknown>>;

/** The newest state of one row. */
export interface Row {
  readonly key: string;
  /** The number of its last change. */
  readonly seq: number;
  /** Undefined once it is deleted. */
  readonly data: RowData | undefined;
  /** What it takes of the backend's memory. */
  readonly bytes: number;
}

/** Log entries that are kept beyond what is needed before the log is compacted. */
const SLACK = 64;

/**
 * The rows of one table, or of one relation, in the order of their last change. Each row is there once: a client that
 * pulls gets its state, and not how it came about.
 */
export class ChangeStream {
  readonly #rows = new Map<string, Row>();
  /** One entry per change, in order. Those of a row that changed again are stale. */
  #log: { readonly seq: number; readonly key: string }[] = [];
  #live = 0;
  #sortedKeys: string[] | undefined;

  /** The number of its newest change; 0 without one. */
  get newest(): number {
    return this.#log.at(-1)?.seq ?? 0;
  }

  /** Rows that are not deleted. */
  get liveCount(): number {
    return this.#live;
  }

  get(key: string): Row | undefined {
    return this.#rows.get(key);
  }

  /** Takes a change. Its `seq` is higher than that of any before it. */
  put(row: Row): void {
    const wasLive = this.#rows.get(row.key)?.data !== undefined;
    const isLive = row.data !== undefined;
    if (wasLive !== isLive) {
      this.#live += isLive ? 1 : -1;
      this.#sortedKeys = undefined;
    }
    this.#rows.set(row.key, row);
    this.#log.push({ seq: row.seq, key: row.key });
    if (this.#log.length > 2 * this.#rows.size + SLACK) this.#compact();
  }

  /** The rows that changed after `seq`, deleted ones included, in the order of their last change. */
  *changesAfter(seq: number): Generator<Row> {
    for (let index = this.#indexAfter(seq); index < this.#log.length; index++) {
      const entry = this.#log[index] as { seq: number; key: string };
      const row = this.#rows.get(entry.key) as Row;
      if (row.seq === entry.seq) yield row;
    }
  }

  /** The rows that are not deleted. */
  *live(): Generator<RowData> {
    for (const { data } of this.#rows.values()) if (data !== undefined) yield data;
  }

  /** At most `limit` rows that are not deleted, by key, from the first one after `afterKey`. */
  page(afterKey: string | undefined, limit: number): RowData[] {
    this.#sortedKeys ??= [...this.#rows.values()]
      .filter(({ data }) => data !== undefined)
      .map(({ key }) => key)
      .sort();
    const keys = this.#sortedKeys;
    const start =
      afterKey === undefined ? 0 : firstIndex(keys.length, (at) => (keys[at] as string) > afterKey);
    return keys.slice(start, start + limit).map((key) => this.#rows.get(key)?.data as RowData);
  }

  #indexAfter(seq: number): number {
    return firstIndex(this.#log.length, (at) => (this.#log[at]?.seq as number) > seq);
  }

  #compact(): void {
    this.#log = this.#log.filter(({ seq, key }) => this.#rows.get(key)?.seq === seq);
  }
}

/** The first index of a sorted list for which `isBeyond` is true; the length where there is none. */
function firstIndex(length: number, isBeyond: (index: number) => boolean): number {
  let [low, high] = [0, length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isBeyond(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Merges the changes of several streams into the order in which they happened. */
export function* mergedChanges(
  streams: readonly { readonly name: string; readonly changes: Generator<Row> }[],
): Generator<{ readonly name: string; readonly row: Row }> {
  const heads = streams.flatMap(({ name, changes }) => {
    const { value } = changes.next();
    return value === undefined ? [] : [{ name, changes, row: value as Row }];
  });
  while (heads.length > 0) {
    const next = heads.reduce((lowest, head) => (head.row.seq < lowest.row.seq ? head : lowest));
    yield { name: next.name, row: next.row };
    const { value } = next.changes.next();
    if (value === undefined) heads.splice(heads.indexOf(next), 1);
    else next.row = value as Row;
  }
}
