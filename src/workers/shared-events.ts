import type { EventStream } from '../server/events/events.js';
import type { StartRecording } from '../server/feed/event-feed.js';
import { type FeedEvent, recorder } from '../server/feed/recorder.js';
import type { ToPrimary, ToWorker } from './messages.js';

/** Events that may wait for the primary. More are dropped: readers are slower than that anyway. */
const MAX_WAITING = 20_000;

/** Where a worker reports to. */
export interface EventLink {
  /** Messages that wait to be sent. */
  readonly waiting: number;
  send(message: ToPrimary): void;
}

/** The events of all workers, for the readers of one: the worker's end. */
export class SharedEvents {
  #stream: EventStream | undefined;
  #record: ((event: FeedEvent) => void) | undefined;
  #isOn = false;
  #stopReporting: (() => void) | undefined;

  constructor(private readonly link: EventLink) {}

  /** Records what the primary passes on, in place of what happens at this worker alone. */
  recordFrom(stream: EventStream): StartRecording {
    this.#stream = stream;
    this.#report();
    return (record) => {
      this.#record = record;
      this.link.send({ type: 'follow', on: true });
      return () => {
        this.#record = undefined;
        this.link.send({ type: 'follow', on: false });
      };
    };
  }

  take(message: Extract<ToWorker, { readonly type: 'record' | 'recorded' }>): void {
    if (message.type === 'recorded') {
      this.#record?.(message.event);
      return;
    }
    this.#isOn = message.on;
    this.#report();
  }

  /** It may be asked to report before its server is there. */
  #report(): void {
    if (this.#isOn === (this.#stopReporting !== undefined)) return;
    this.#stopReporting?.();
    this.#stopReporting = this.#isOn
      ? this.#stream?.add(
          recorder((event) => {
            if (this.link.waiting < MAX_WAITING) this.link.send({ type: 'recorded', event });
          }),
        )
      : undefined;
  }
}

/** What the primary needs of a worker to pass events on. */
export interface EventWorker {
  /** Messages that wait to be sent. */
  readonly waiting: number;
  tell(message: ToWorker): void;
}

/** Passes the events of all workers to those that have readers: the end of the primary. */
export class EventExchange<Worker extends EventWorker> {
  readonly #followers = new Set<Worker>();

  /** @param workers returns those that serve. */
  constructor(private readonly workers: () => Iterable<Worker>) {}

  /** A worker has readers, or has none any more. */
  follow(worker: Worker, on: boolean): void {
    const hadFollowers = this.#followers.size > 0;
    if (on) this.#followers.add(worker);
    else this.#followers.delete(worker);
    const hasFollowers = this.#followers.size > 0;
    if (hadFollowers === hasFollowers) return;
    for (const one of this.workers()) one.tell({ type: 'record', on: hasFollowers });
  }

  /** A worker begins to serve. */
  begin(worker: Worker): void {
    if (this.#followers.size > 0) worker.tell({ type: 'record', on: true });
  }

  recorded(event: FeedEvent): void {
    for (const one of this.#followers) if (one.waiting < MAX_WAITING) one.tell({ type: 'recorded', event });
  }
}
