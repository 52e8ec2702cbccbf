import { EventRing, type NumberedEvent, type RingPart } from './event-ring.js';
import type { FeedEvent } from './recorder.js';

/** Events that are kept for readers that come back. */
export const RING_SIZE = 1000;
/** From one write to a reader to the next, at least. */
const FLUSH_MS = 50;
/** From one sign of life to a reader to the next. */
const KEEP_ALIVE_MS = 15_000;
/** How long recording goes on when the last reader has left, so that it can come back and miss nothing. */
const KEEP_RECORDING_MS = 60_000;
/** Bytes that may wait for a reader; with more, it is dropped before the next write. */
const MAX_WAITING_BYTES = 1024 * 1024;
/** Signs of life in a row at which a reader may still have bytes waiting. */
const MAX_LATE = 2;

/** Where a reader's events go. */
export interface FeedOutput {
  /** Bytes that were written and have not been taken yet. */
  readonly waitingBytes: number;
  write(text: string | Buffer): void;
  end(): void;
  /** The reader is too slow: its connection is terminated. */
  drop(): void;
}

/** What a reader wants. */
export interface FollowOptions {
  /** The id of the last event that it has. Without it, it begins with the `last` newest events. */
  readonly lastEventId?: string | undefined;
  readonly last: number;
  /** Which events; all if left out. */
  readonly matches?: ((event: FeedEvent) => boolean) | undefined;
}

interface Reader extends Pick<FollowOptions, 'matches'> {
  readonly output: FeedOutput;
  /** Number of the first event that it has not been sent. */
  next: number;
  late: number;
}

/** Starts to record events, and returns what stops it. */
export type StartRecording = (record: (event: FeedEvent) => void) => () => void;

/** One period of recording. Another period has another ring, and other ids. */
interface Recording {
  readonly name: string;
  readonly ring: EventRing;
  readonly stop: () => void;
}

/**
 * The events of a server for readers, as server-sent events (HTML standard, section 9.2). They are recorded from the first
 * reader on until a minute after the last, or from {@link EventFeed.keepRecording} on.
 */
export class EventFeed {
  readonly #readers = new Set<Reader>();
  #recording: Recording | undefined;
  #isKept = false;
  #flush: NodeJS.Timeout | undefined;
  #keepAlive: NodeJS.Timeout | undefined;
  #forget: NodeJS.Timeout | undefined;
  /** The last text that was made for readers without a filter. */
  #shared: { readonly first: number; readonly newest: number; readonly text: Buffer } | undefined;

  constructor(private readonly start: StartRecording) {}

  get readers(): number {
    return this.#readers.size;
  }

  /** Records from here on, whether or not there is a reader. */
  keepRecording(): void {
    this.#isKept = true;
    this.#record();
  }

  /** Sends events to `output` from here on. Returns what ends that; the output is then left as it is. */
  follow(output: FeedOutput, { lastEventId, last, matches }: FollowOptions): () => void {
    clearTimeout(this.#forget);
    const { name, ring } = this.#record();
    const [, named, number = ''] = /^([0-9a-z]+)-(\d{1,15})$/.exec(lastEventId ?? '') ?? [];
    const isKnown = named === name && Number(number) <= ring.newest;
    const next = isKnown
      ? Number(number) + 1
      : Math.max(1, lastEventId === undefined ? ring.newest - last + 1 : 1);
    const reader = {
      output,
      matches,
      next: isKnown ? next : Math.max(next, ring.newest - RING_SIZE + 1),
      late: 0,
    };
    // An id of another recording: the number of events in between is unknown.
    if (lastEventId !== undefined && !isKnown) output.write(message('lost', { events: null }));
    this.#readers.add(reader);
    this.#send(reader, this.#recording as Recording);
    this.#keepAlive ??= setInterval(() => this.#sendSignsOfLife(), KEEP_ALIVE_MS).unref();
    return () => this.#leave(reader);
  }

  /** Sends what is left, ends all outputs and stops recording. */
  close(): void {
    this.#isKept = false;
    for (const reader of this.#readers) {
      if (this.#recording !== undefined) this.#send(reader, this.#recording);
      reader.output.end();
      this.#leave(reader);
    }
    this.#stop();
  }

  #record(): Recording {
    if (this.#recording !== undefined) return this.#recording;
    const ring = new EventRing(RING_SIZE);
    const name = `${Date.now().toString(36)}${process.pid.toString(36)}`;
    const stop = this.start((event) => {
      ring.add(event, Date.now());
      if (this.#flush === undefined && this.#readers.size > 0)
        this.#flush = setTimeout(() => this.#sendAll(), FLUSH_MS).unref();
    });
    this.#recording = { name, ring, stop };
    return this.#recording;
  }

  #leave(reader: Reader): void {
    if (!this.#readers.delete(reader) || this.#readers.size > 0) return;
    clearInterval(this.#keepAlive);
    this.#keepAlive = undefined;
    this.#shared = undefined;
    if (!this.#isKept) this.#forget = setTimeout(() => this.#stop(), KEEP_RECORDING_MS).unref();
  }

  #stop(): void {
    clearTimeout(this.#forget);
    clearTimeout(this.#flush);
    this.#flush = undefined;
    this.#recording?.stop();
    this.#recording = undefined;
  }

  #sendAll(): void {
    this.#flush = undefined;
    const recording = this.#recording;
    if (recording === undefined) return;
    for (const reader of this.#readers) this.#send(reader, recording);
  }

  #send(reader: Reader, { name, ring }: Recording): void {
    const { next: first, output, matches } = reader;
    if (first > ring.newest) return;
    if (output.waitingBytes > MAX_WAITING_BYTES) {
      this.#drop(reader);
      return;
    }
    reader.next = ring.newest + 1;
    if (matches !== undefined) {
      const text = streamText(ring.from(first), name, matches);
      if (text !== '') output.write(text);
      return;
    }
    if (this.#shared?.first !== first || this.#shared.newest !== ring.newest)
      this.#shared = { first, newest: ring.newest, text: Buffer.from(streamText(ring.from(first), name)) };
    output.write(this.#shared.text);
  }

  #sendSignsOfLife(): void {
    this.#sendAll();
    const recording = this.#recording;
    if (recording === undefined) return;
    for (const reader of this.#readers) {
      reader.late = reader.output.waitingBytes > 0 ? reader.late + 1 : 0;
      if (reader.late > MAX_LATE) this.#drop(reader);
      // The id alone: a reader whose filter let nothing through knows how far it is all the same.
      else reader.output.write(`id: ${recording.name}-${recording.ring.newest}\n\n`);
    }
  }

  #drop(reader: Reader): void {
    this.#leave(reader);
    reader.output.drop();
  }
}

function streamText(
  { lost, events }: RingPart,
  name: string,
  matches?: (event: NumberedEvent) => boolean,
): string {
  const notice = lost === 0 ? '' : message('lost', { events: lost });
  const wanted = matches === undefined ? events : events.filter(matches);
  return notice + wanted.map((event) => textOf(event, name)).join('');
}

function textOf(event: NumberedEvent, name: string): string {
  event.text ??= `id: ${name}-${event.number}\n${message(event.kind, { atMs: event.atMs, ...event.data })}`;
  return event.text;
}

/** One server-sent event. JSON has no line break in it. */
export function message(kind: string, data: object): string {
  return `event: ${kind}\ndata: ${JSON.stringify(data)}\n\n`;
}
