import { cursorNumber, readMessage } from '../../protocol/client.js';
import { type Frame, hex } from '../peer/frames.js';

/** What the clients of a run have seen of a server, whatever they were there for. */
export class Ledger {
  #nextCursor = Date.now() * 1000;
  /** By cursor, the tokens of the namespaces that it was caused in. */
  readonly #caused = new Map<string, Set<string>>();
  /** Cursors of floods, which are too many to be noted one by one: from which to which. */
  readonly #floods: { readonly from: number; readonly to: number; readonly token: string }[] = [];
  readonly #records: ClientRecord[] = [];
  /** Frames that break RFC 6455. */
  readonly breaches: string[] = [];
  /** Texts and binary messages that are not cursors, a line for each kind. */
  readonly otherMessages = new Map<string, string>();

  /**
   * The next cursor of the run: increasing, beyond 32 bits, and within what a client can tell apart. They begin with
   * the microseconds since 1970, so a later run has greater ones.
   */
  readonly next = (): string => String(this.#nextCursor++);

  /** Clients that were recorded, for which the other findings are. */
  get clients(): number {
    return this.#records.length;
  }

  caused(cursor: string, token: string): void {
    this.#caused.set(cursor, (this.#caused.get(cursor) ?? new Set()).add(token));
  }

  /** Notes every cursor from one to another, both inclusive. */
  flooded(from: string, to: string, token: string): void {
    this.#floods.push({ from: cursorNumber(from), to: cursorNumber(to), token });
  }

  /** @param token the token of the namespace of the client. */
  record(clause: string, token: string | undefined): ClientRecord {
    const record = new ClientRecord(clause, token);
    this.#records.push(record);
    return record;
  }

  breach(clause: string, what: string, { bytes }: Frame): void {
    this.breaches.push(`${what}: ${hex(bytes)} (during ${clause})`);
  }

  message(text: string): void {
    const message = readMessage(text);
    if (message.isCursor) return;
    if (!this.otherMessages.has(message.kind)) this.otherMessages.set(message.kind, text);
  }

  /** Cursors that reached a client of another namespace. */
  leaks(): string[] {
    return this.#records.flatMap((record) =>
      [...record.cursors.keys()].flatMap((cursor) => {
        const namespaces = this.#caused.get(cursor) ?? this.#flooded(cursor);
        if (namespaces === undefined || record.token === undefined || namespaces.has(record.token)) return [];
        return [`cursor ${cursor} (during ${record.clause})`];
      }),
    );
  }

  /** The namespace of a cursor of a flood. */
  #flooded(cursor: string): ReadonlySet<string> | undefined {
    const number = cursorNumber(cursor);
    const flood = this.#floods.find(({ from, to }) => from <= number && number <= to);
    return flood && new Set([flood.token]);
  }

  /** Cursors that were caused once and reached a client more than once. */
  duplicates(): string[] {
    return this.#records.flatMap(({ cursors, clause }) =>
      [...cursors]
        .filter(([cursor, count]) => count > 1 && this.#caused.has(cursor))
        .map(([cursor, count]) => `cursor ${cursor} ${count} times (during ${clause})`),
    );
  }

  /** Forgets the timeouts of the clients of a clause: this process did not run for too long to answer pings. */
  excuseTimeouts(clause: string): void {
    for (const record of this.#records) if (record.clause === clause) record.isFalseTimeout = false;
  }

  /** Clients that answered each ping at once and were closed for a missing pong. */
  falseTimeouts(): string[] {
    return this.#records.filter(({ isFalseTimeout }) => isFalseTimeout).map(({ clause }) => clause);
  }
}

/** What one client has seen. */
export class ClientRecord {
  /** How often each cursor came. */
  readonly cursors = new Map<string, number>();
  isFalseTimeout = false;

  constructor(
    readonly clause: string,
    readonly token: string | undefined,
  ) {}

  hear(text: string): void {
    const message = readMessage(text);
    if (!message.isCursor) return;
    const cursor = message.text ?? String(message.cursor);
    this.cursors.set(cursor, (this.cursors.get(cursor) ?? 0) + 1);
  }
}
