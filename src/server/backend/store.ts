import { BackendError, type Wrong } from './answer.js';
import { ChangeStream, type Row, type RowData } from './change-stream.js';

/** What a row, a table and a namespace take besides their JSON: objects, map entries, log entries. */
const ROW_BYTES = 256;
const STREAM_BYTES = 1024;
const NAMESPACE_BYTES = 2048;

/** Mutations whose outcome is remembered, so that one that is sent again is not applied again. */
export const MAX_REMEMBERED_MUTATIONS = 50_000;
/** Paged clones under way that a namespace remembers. */
const MAX_PAGED_CLONES = 100;
/** Relations that a namespace remembers the names of. */
const MAX_JOIN_NAMES = 256;

/** How a mutation ended. */
export type MutationOutcome =
  | { readonly ok: true }
  | { readonly ok: false; readonly wrong: Wrong; readonly retryable: boolean };

/** One row to write. */
export interface Change {
  /** The name of the table, or of the relation. */
  readonly stream: string;
  readonly key: string;
  /** Undefined deletes the row. */
  readonly data: RowData | undefined;
}

/** The data of one namespace, and the numbers of its changes. */
export class NamespaceData {
  readonly streams = new Map<string, ChangeStream>();
  readonly #joinNames = new Set<string>();
  /** The number of the newest change; 0 before the first. */
  newest = 0;
  /** The cursor at the first page of each paged clone, by client and table. */
  readonly #pagedClones = new Map<string, number>();

  /** @param seq the number before that of the next change. */
  constructor(public seq: number) {}

  /** The names of relations that clients have asked for: `join_<table>_<relation>_<other table>`. */
  get joinNames(): ReadonlySet<string> {
    return this.#joinNames;
  }

  /** A client asked for a relation by its name. */
  noteJoin(name: string): void {
    if (this.#joinNames.size < MAX_JOIN_NAMES) this.#joinNames.add(name);
  }

  /**
   * The cursor for a page of a paged clone: that of its first page. With a later one, its client would miss what has
   * changed on an earlier page since.
   */
  pageCursor(clientId: string, table: string, isFirst: boolean): number {
    const key = JSON.stringify([clientId, table]);
    const newest = this.streams.get(table)?.newest ?? 0;
    const known = this.#pagedClones.get(key);
    if (!isFirst && known !== undefined) return known;
    this.#pagedClones.delete(key);
    this.#pagedClones.set(key, newest);
    for (const oldest of this.#pagedClones.keys()) {
      if (this.#pagedClones.size <= MAX_PAGED_CLONES) break;
      this.#pagedClones.delete(oldest);
    }
    return newest;
  }
}

/** Everything that the backend knows, in memory. */
export class Store {
  readonly namespaces = new Map<string, NamespaceData>();
  /** The outcomes of the newest mutations, oldest first. */
  readonly outcomes = new Map<string, MutationOutcome>();
  /** Called after each change. */
  onChange: () => void = () => {};
  #bytes = 0;

  /**
   * @param maxBytes what the rows may take in all, measured as JSON, and some 256 bytes for each.
   * @param nowMs the time in milliseconds since 1970.
   */
  constructor(
    readonly maxBytes: number,
    private readonly nowMs: () => number,
  ) {}

  /** What the rows take in all. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The error for what there is no room for. */
  get fullMessage(): string {
    return `The memory backend is full: its data takes ${this.#bytes} of ${this.maxBytes} bytes. Delete rows, or start the server with a larger --backend-max`;
  }

  /**
   * A number that is higher than that of any change before this process: a server that restarts without its data, or
   * with older data, must not count where its clients have been. It leaves room for a thousand changes a millisecond.
   */
  firstSeq(): number {
    return this.nowMs() * 1000;
  }

  /**
   * The data of a namespace, made for its first push.
   *
   * @throws {BackendError} 413 when there is no room for another namespace.
   */
  open(namespace: string): NamespaceData {
    const known = this.namespaces.get(namespace);
    if (known !== undefined) return known;
    if (this.#bytes + NAMESPACE_BYTES > this.maxBytes)
      throw new BackendError(413, 'LIMIT_EXCEEDED', this.fullMessage);
    const data = new NamespaceData(this.firstSeq());
    this.adopt(namespace, data);
    return data;
  }

  /** Takes a namespace that was known before. */
  adopt(namespace: string, data: NamespaceData): void {
    this.namespaces.set(namespace, data);
    this.#bytes += NAMESPACE_BYTES;
  }

  /** Takes a row that was known before, whether there is room or not. */
  restoreRow(namespace: NamespaceData, stream: string, { key, seq, data }: Omit<Row, 'bytes'>): void {
    const bytes = bytesOf({ stream, key, data });
    this.#bytes += bytes + (namespace.streams.has(stream) ? 0 : STREAM_BYTES);
    this.#put(namespace, stream, { key, seq, data, bytes });
  }

  /**
   * Writes changes, all or none.
   *
   * @returns false when there is no room for them.
   */
  write(namespace: NamespaceData, changes: readonly Change[]): boolean {
    const rows = newestOfEach(changes).map((change) => ({ ...change, bytes: bytesOf(change) }));
    let growth = 0;
    const isNew = new Set<string>();
    for (const { stream, key, bytes } of rows) {
      if (!namespace.streams.has(stream)) isNew.add(stream);
      growth += bytes - (namespace.streams.get(stream)?.get(key)?.bytes ?? 0);
    }
    growth += isNew.size * STREAM_BYTES;
    if (growth > 0 && this.#bytes + growth > this.maxBytes) return false;
    this.#bytes += growth;
    for (const { stream, key, data, bytes } of rows) {
      namespace.seq += 1;
      this.#put(namespace, stream, { key, seq: namespace.seq, data, bytes });
    }
    if (rows.length > 0) this.onChange();
    return true;
  }

  #put(namespace: NamespaceData, stream: string, row: Row): void {
    let rows = namespace.streams.get(stream);
    if (rows === undefined) {
      rows = new ChangeStream();
      namespace.streams.set(stream, rows);
    }
    rows.put(row);
    namespace.newest = Math.max(namespace.newest, row.seq);
  }

  /** Remembers how a mutation ended; the oldest is forgotten. */
  remember(key: string, outcome: MutationOutcome): void {
    this.outcomes.set(key, outcome);
    if (this.outcomes.size <= MAX_REMEMBERED_MUTATIONS) return;
    for (const oldest of this.outcomes.keys()) {
      this.outcomes.delete(oldest);
      return;
    }
  }
}

/** Without the changes that a later one of the same row makes void. */
function newestOfEach(changes: readonly Change[]): readonly Change[] {
  if (changes.length < 2) return changes;
  return [...new Map(changes.map((one) => [JSON.stringify([one.stream, one.key]), one])).values()];
}

function bytesOf({ key, data }: Change): number {
  return ROW_BYTES + key.length + (data === undefined ? 0 : JSON.stringify(data).length);
}
