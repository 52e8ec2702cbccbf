import { cursorNumber } from '../../protocol/client.js';
import type { ServerEvents } from '../events/events.js';
import type { ServerSocket } from './server-socket.js';

/** From the first cursor that a client was not sent until that is reported: most catch up before. */
const WAIT_MS = 250;
/** Clients that one report names. */
const MAX_NAMED = 50;

/** Reports the clients that were not sent a cursor, several times a second at most, however many cursors there are. */
export class BehindReports {
  /** The newest cursor that each was not sent. */
  readonly #missed = new Map<ServerSocket, string>();
  #timer: NodeJS.Timeout | undefined;

  constructor(private readonly events: ServerEvents) {}

  /** A client was not sent a cursor. */
  missed(client: ServerSocket, cursor: string): void {
    if (this.events.behind === undefined) return;
    this.#missed.set(client, cursor);
    this.#timer ??= setTimeout(() => this.#report(), WAIT_MS).unref();
  }

  #report(): void {
    this.#timer = undefined;
    const behind = [...this.#missed].filter(([client, newest]) => client.isOpen && !hasHeard(client, newest));
    this.#missed.clear();
    const named = behind.slice(0, MAX_NAMED);
    for (const [at, [client, newest]] of named.entries()) {
      const others = at === named.length - 1 ? behind.length - named.length : 0;
      this.events.behind?.(client, client.heard, newest, others);
    }
  }

  /** Reports nothing more. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#missed.clear();
  }
}

function hasHeard({ heard }: ServerSocket, newest: string): boolean {
  if (heard === undefined) return false;
  return heard === newest || cursorNumber(heard) >= cursorNumber(newest);
}
