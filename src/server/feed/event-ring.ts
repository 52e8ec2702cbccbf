import type { FeedEvent } from './recorder.js';

/** An event with its number, which counts up from 1. */
export interface NumberedEvent extends FeedEvent {
  readonly number: number;
  /** When it was recorded, in milliseconds since 1970. */
  readonly atMs: number;
  /** Its text in a stream, once somebody has needed it. */
  text?: string;
}

/** Events from a number on, and how many before them are no longer there. */
export interface RingPart {
  readonly lost: number;
  readonly events: readonly NumberedEvent[];
}

/** The newest events, up to a fixed number of them. */
export class EventRing {
  readonly #events: NumberedEvent[] = [];
  #newest = 0;

  constructor(private readonly size: number) {}

  /** Number of the newest event; 0 before the first. */
  get newest(): number {
    return this.#newest;
  }

  add(event: FeedEvent, atMs: number): void {
    this.#newest += 1;
    this.#events[this.#newest % this.size] = { ...event, number: this.#newest, atMs };
  }

  /** The events from number `first` on. */
  from(first: number): RingPart {
    const oldest = Math.max(1, this.#newest - this.size + 1);
    const events: NumberedEvent[] = [];
    for (let number = Math.max(first, oldest); number <= this.#newest; number++)
      events.push(this.#events[number % this.size] as NumberedEvent);
    return { lost: Math.max(0, oldest - first), events };
  }
}
