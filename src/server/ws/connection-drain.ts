import type { WebSocketManager } from '../../manager/web-socket-manager.js';
import { CLOSE } from '../../protocol/close-codes.js';
import type { ServerEvents } from '../events/events.js';
import type { ServerSocket } from './server-socket.js';

/** Closes that are due in less time than this of each other are done together. */
const TICK_MS = 20;

/** What a drain does next: close some clients now, then wait. */
export interface DrainStep {
  readonly closes: number;
  readonly waitMs: number;
}

/**
 * How to spread the closes of `open` clients evenly over the `leftMs` that are left. Called after each step, it
 * makes up for clients that left by themselves and for late timers.
 */
export function drainStep(open: number, leftMs: number): DrainStep {
  if (leftMs <= 0) return { closes: open, waitMs: 0 };
  const closes = Math.min(open, Math.max(1, Math.ceil((open * TICK_MS) / leftMs)));
  return { closes, waitMs: closes === open ? 0 : (leftMs * closes) / open };
}

/** Ends the connections of a server: closes them together or one after the other, and terminates those that stay. */
export class ConnectionDrain {
  /** Closed with 1001 `Going Away`, and not gone yet. */
  readonly #goingAway = new Set<ServerSocket>();
  #terminated = 0;
  /** What there was when the shutdown began. */
  #before: { readonly sockets: number; readonly terminated: number } | undefined;
  #isClosing = false;
  /** Called when the last connection is gone. */
  #wake: (() => void) | undefined;

  /** @param sockets every connection whose socket is not gone yet. */
  constructor(
    private readonly manager: WebSocketManager,
    private readonly events: ServerEvents,
    private readonly sockets: ReadonlySet<ServerSocket>,
  ) {}

  /** A connection was closed with 1001 `Going Away`. */
  goingAway(client: ServerSocket): void {
    this.#goingAway.add(client);
  }

  /** A connection is gone. */
  gone(client: ServerSocket): void {
    this.events.gone?.(client, this.#goingAway.delete(client));
    if (this.sockets.size === 0) this.#wake?.();
  }

  /** Ends a connection that does not end by itself, unless that has been done. */
  terminate(client: ServerSocket): void {
    // Its own timeout and that of the shutdown can be over in the same turn of the event loop.
    if (client.rawSocket?.destroyed === true) return;
    this.#goingAway.delete(client);
    this.#terminated += 1;
    this.events.terminated?.(client);
    client.terminate();
  }

  /**
   * Closes clients with 1001, spread evenly over `windowMs` so that they do not all reconnect at once. Resolves when all
   * are closed or gone, or {@link closeAll} was called meanwhile.
   */
  async drain(windowMs: number): Promise<void> {
    this.#begin();
    const endMs = performance.now() + windowMs;
    while (!this.#isClosing && this.manager.connectionCount > 0) {
      const { closes, waitMs } = drainStep(this.manager.connectionCount, endMs - performance.now());
      this.#close(closes);
      if (waitMs === 0) return;
      await this.#untilEmpty(waitMs);
    }
  }

  /** Closes the oldest `count` clients with 1001. */
  #close(count: number): void {
    let left = count;
    for (const client of this.sockets) {
      if (left === 0) return;
      if (!client.isAdmitted || !client.isOpen) continue;
      client.close(CLOSE.goingAway.code, CLOSE.goingAway.reason);
      left -= 1;
    }
  }

  /**
   * Closes the manager and with it everybody. Connections that are left after `timeoutMs`, or their own close timeout,
   * are terminated.
   *
   * @returns how many left, and how many were terminated, since the shutdown began.
   */
  async closeAll(timeoutMs: number): Promise<{ left: number; cut: number }> {
    const before = this.#begin();
    this.#isClosing = true;
    this.#wake?.();
    this.manager.close();
    await this.#untilEmpty(timeoutMs);
    for (const client of this.sockets) this.terminate(client);
    await this.#untilEmpty();
    const cut = this.#terminated - before.terminated;
    return { left: before.sockets - cut, cut };
  }

  #begin(): { readonly sockets: number; readonly terminated: number } {
    this.#before ??= { sockets: this.sockets.size, terminated: this.#terminated };
    return this.#before;
  }

  /** Resolves when no connection is left, or after `timeoutMs`. */
  async #untilEmpty(timeoutMs?: number): Promise<void> {
    if (this.sockets.size === 0) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      if (timeoutMs !== undefined) timer = setTimeout(resolve, timeoutMs);
    });
    clearTimeout(timer);
  }
}
