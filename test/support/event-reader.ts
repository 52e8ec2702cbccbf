import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { Waiters, within } from './deadline.js';

/** One server-sent event. */
export interface ReadEvent {
  readonly id: string;
  readonly event: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into events of every kind
  readonly data: any;
}

const readers = new Set<EventReader>();

/** A reader of server-sent events. */
export class EventReader {
  readonly events: ReadEvent[] = [];
  /** As a browser keeps it. */
  lastEventId = '';
  isEnded = false;
  readonly #waiters = new Waiters();
  #text = '';

  constructor(
    readonly outgoing: ClientRequest,
    readonly incoming: IncomingMessage,
  ) {
    incoming.setEncoding('utf8');
    incoming.on('data', (text: string) => this.#read(text));
    for (const end of ['end', 'close', 'error'] as const)
      incoming.on(end, () => {
        this.isEnded = true;
        this.#waiters.changed();
      });
    readers.add(this);
  }

  of(kind: string): ReadEvent[] {
    return this.events.filter(({ event }) => event === kind);
  }

  /** Resolves with the events of a kind when there are at least `count`. */
  async until(kind: string, count = 1): Promise<ReadEvent[]> {
    await this.#waiters.until(
      () => this.of(kind).length >= count,
      () => `${count} × ${kind}, got ${this.of(kind).length} of ${this.events.length} events`,
    );
    return this.of(kind);
  }

  ended(): Promise<void> {
    return this.#waiters.until(() => this.isEnded, 'the end of the stream');
  }

  close(): void {
    this.outgoing.destroy();
    readers.delete(this);
  }

  #read(text: string): void {
    const blocks = (this.#text + text).split('\n\n');
    this.#text = blocks.pop() ?? '';
    for (const block of blocks) {
      const fields = new Map(block.split('\n').map((line) => line.split(/: (.*)/s) as [string, string]));
      this.lastEventId = fields.get('id') ?? this.lastEventId;
      const data = fields.get('data');
      if (data === undefined) continue;
      this.events.push({ id: this.lastEventId, event: fields.get('event') ?? '', data: JSON.parse(data) });
    }
    this.#waiters.changed();
  }
}

/** Starts to read the events of a server; fails for any other status than 200. */
export function readEvents(
  apiUrl: string,
  query = '',
  headers: Readonly<Record<string, string>> = {},
): Promise<EventReader> {
  return readStream(`${apiUrl}/v1/events${query}`, headers);
}

/** Starts to read server-sent events; fails for any other status than 200. */
export function readStream(
  url: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<EventReader> {
  const opened = new Promise<EventReader>((resolve, reject) => {
    const outgoing = request(url, { headers, agent: false }, (incoming) => {
      if (incoming.statusCode === 200) resolve(new EventReader(outgoing, incoming));
      else reject(new Error(`HTTP ${incoming.statusCode}`));
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
  return within(opened, `an answer to GET ${url}`);
}

/** Ends every reader. For `afterEach`. */
export function closeReaders(): void {
  for (const reader of readers) reader.close();
}
