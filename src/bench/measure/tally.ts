import { isRefusal } from '../../protocol/close-codes.js';
import { Evidence, type EvidenceData, type MessageKind, OtherMessages } from './evidence.js';
import { Histogram, type HistogramData } from './histogram.js';

/** Counters of a tally. Every one starts at 0 and only grows. */
const COUNTERS = [
  /** Connections tried. */
  'attempts',
  /** Handshakes that ended in a WebSocket. */
  'opened',
  /** Connections that bench itself ended. */
  'disconnected',
  /** Handshakes without an answer in time. */
  'timeouts',
  /** Deliveries that a client had to get, as far as they are settled. */
  'expected',
  /** Cursor frames of bench's own that came, duplicates and strays included. */
  'received',
  'lost',
  'duplicated',
  'reordered',
  /** Cursors of another namespace. */
  'leaked',
  /** Cursors that bench did not emit. */
  'foreign',
  /** Gaps of a slow reader that a newer cursor made good. */
  'conflated',
  /** Newest cursors that a slow reader had not got to yet, reading what came before them. */
  'behind',
  /** Cursors that came after they had been given up for lost. */
  'late',
  'pings',
  /** Connections refused (4401, 4503) after they had been served a cursor or a ping. */
  'refusedLate',
  /** Clients that answer pings, closed for not answering. */
  'falseTimeouts',
  /** The same, where bench itself was so late to read their pings that the server may be right. */
  'falseTimeoutsInDoubt',
  /** Reconnections after a lost connection. */
  'reconnects',
  /** Handshakes and frames by which the server broke RFC 6455. */
  'protocolErrors',
  /** Requests to the pull route that have ended, with whatever answer. */
  'pulls',
  /** Cursors newer than all that a client has data for, and those of them that came while it pulled. */
  'pullWakeUps',
  'pullWakeUpsDropped',
  /** Pulls whose answer was older than the cursor that they were for. */
  'stalePulls',
  /** Changes that clients had to get, those that their cursors wrongly say they have, and clients that lack one. */
  'changesOwed',
  'changesMissing',
  'pullersLeftBehind',
] as const;

const HISTOGRAMS = [
  /** From the intended start of a connection to its WebSocket. */
  'handshake',
  /** From just before the emit (the intended time, in an open loop) to the receipt. */
  'fanout',
  /** From one ping to the next. */
  'pingInterval',
  /** From its first unanswered ping to the close of a client. */
  'pongTimeout',
  /** From the end of a connection to its successor. */
  'reconnect',
  /** From just before a push to the answer that brought the change to a client. */
  'pullData',
  /** From a pull to its answer. */
  'pullTime',
  /** The two that depend on when bench read a ping: the least and the most that they can have been, given how late it was. */
  'pingIntervalLeast',
  'pingIntervalMost',
  'pongTimeoutLeast',
  'pongTimeoutMost',
] as const;

const LEDGERS = ['closed', 'rejected', 'errors', 'pullFailures'] as const;

export type CounterName = (typeof COUNTERS)[number];
export type HistogramName = (typeof HISTOGRAMS)[number];

/** A tally as it travels between processes. */
export interface TallyData {
  readonly counters: Readonly<Record<CounterName, number>>;
  readonly histograms: Readonly<Partial<Record<HistogramName, HistogramData>>>;
  readonly closed: readonly (readonly [string, number])[];
  readonly rejected: readonly (readonly [string, number])[];
  readonly errors: readonly (readonly [string, number])[];
  readonly pullFailures: readonly (readonly [string, number])[];
  readonly evidence: EvidenceData;
  readonly otherMessages: readonly MessageKind[];
}

/** Counts by name. */
export class Counts {
  readonly #counts = new Map<string, number>();

  count(key: string, by = 1): void {
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + by);
  }

  get total(): number {
    let total = 0;
    for (const count of this.#counts.values()) total += count;
    return total;
  }

  /** The count under a name. */
  of(key: string): number {
    return this.#counts.get(key) ?? 0;
  }

  entries(): [string, number][] {
    return [...this.#counts].sort(([a], [b]) => a.localeCompare(b));
  }
}

/** The key of a close in a ledger: its code and its reason. */
export function closeKey(code: number, reason: string): string {
  return reason === '' ? String(code) : `${code} ${reason}`;
}

/** Whether connections that are counted under a key of {@link closeKey} were refused: they were never admitted. */
export function isRefusalKey(key: string): boolean {
  const [code = '', ...reason] = key.split(' ');
  return isRefusal(Number(code), reason.join(' '));
}

/** Everything that is counted about the clients of one cohort during one phase. Tallies add up. */
export class Tally {
  readonly counters: Record<CounterName, number>;
  readonly histograms: Readonly<Record<HistogramName, Histogram>>;
  /** Connections that the other end closed after the handshake, by code and reason (1006: no close frame). */
  readonly closed = new Counts();
  /** Handshakes that were answered with an HTTP status instead. */
  readonly rejected = new Counts();
  /** Handshakes that failed below HTTP, by the code of the error. */
  readonly errors = new Counts();
  /** Pulls without an answer that a client would take, by what was wrong. */
  readonly pullFailures = new Counts();
  /** The first delivery, or frame, of each kind that was wrong. */
  readonly evidence = new Evidence();
  /** Messages that are not cursors: neither wrong nor of any use to a client. */
  readonly otherMessages = new OtherMessages();

  constructor() {
    this.counters = Object.fromEntries(COUNTERS.map((name) => [name, 0])) as Record<CounterName, number>;
    this.histograms = Object.fromEntries(HISTOGRAMS.map((name) => [name, new Histogram()])) as Record<
      HistogramName,
      Histogram
    >;
  }

  static from({ counters, histograms, ...data }: TallyData): Tally {
    const tally = new Tally();
    Object.assign(tally.counters, counters);
    for (const name of HISTOGRAMS) {
      const histogram = histograms[name];
      if (histogram !== undefined) tally.histograms[name].add(Histogram.from(histogram));
    }
    for (const name of LEDGERS) for (const [key, count] of data[name]) tally[name].count(key, count);
    tally.evidence.add(data.evidence);
    tally.otherMessages.add(data.otherMessages);
    return tally;
  }

  add(other: Tally): this {
    for (const name of COUNTERS) this.counters[name] += other.counters[name];
    for (const name of HISTOGRAMS) this.histograms[name].add(other.histograms[name]);
    for (const name of LEDGERS)
      for (const [key, count] of other[name].entries()) this[name].count(key, count);
    this.evidence.add(other.evidence.entries());
    this.otherMessages.add(other.otherMessages.entries());
    return this;
  }

  /** Clients that opened and were not refused with a close code since. */
  get accepted(): number {
    let refused = 0;
    for (const [key, count] of this.closed.entries()) if (isRefusalKey(key)) refused += count;
    return this.counters.opened - refused;
  }

  toData(): TallyData {
    return {
      counters: { ...this.counters },
      histograms: Object.fromEntries(
        HISTOGRAMS.filter((name) => this.histograms[name].count > 0).map((name) => [
          name,
          this.histograms[name].toData(),
        ]),
      ),
      closed: this.closed.entries(),
      rejected: this.rejected.entries(),
      errors: this.errors.entries(),
      pullFailures: this.pullFailures.entries(),
      evidence: this.evidence.entries(),
      otherMessages: this.otherMessages.entries(),
    };
  }
}
