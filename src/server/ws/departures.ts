import type { WebSocketManager } from '../../manager/web-socket-manager.js';
import { CLOSE } from '../../protocol/close-codes.js';
import type { ConnectionCounters } from '../health/stats.js';
import { drainStep } from './drain-pace.js';
import type { ServerSocket } from './server-socket.js';

/** How the connections of a server end when it does: told to go, together or one after the other, and cut at last. */
export class Departures {
  /** Those that were told 1001 `Going Away`, and are not gone yet. */
  readonly #told = new Set<ServerSocket>();
  /** What there was when the shutdown began. */
  #before: { readonly sockets: number; readonly cut: number } | undefined;
  #isClosing = false;
  /** Wakes who waits for the last connection to go. */
  #wake: (() => void) | undefined;

  /** @param sockets every connection whose socket is not gone yet. */
  constructor(
    private readonly manager: WebSocketManager,
    private readonly counters: ConnectionCounters,
    private readonly sockets: ReadonlySet<ServerSocket>,
  ) {}

  /** A connection has been told to go. */
  told(client: ServerSocket): void {
    this.#told.add(client);
  }

  /** A connection is gone. */
  gone(client: ServerSocket): void {
    if (this.#told.delete(client)) this.counters.goneAway += 1;
    if (this.sockets.size === 0) this.#wake?.();
  }

  /** Ends a connection that does not end by itself. */
  cut(client: ServerSocket): void {
    this.#told.delete(client);
    this.counters.cut += 1;
    client.terminate();
  }

  /**
   * Tells clients to go, spread evenly over `windowMs` so that they do not all come back together. Resolves when all
   * have been told, or everybody is gone, or {@link closeAll} was called meanwhile.
   */
  async drain(windowMs: number): Promise<void> {
    this.#begin();
    const endMs = performance.now() + windowMs;
    while (!this.#isClosing && this.manager.connectionCount > 0) {
      const { closes, waitMs } = drainStep(this.manager.connectionCount, endMs - performance.now());
      this.#tell(closes);
      if (waitMs === 0) return;
      await this.#untilEmpty(waitMs);
    }
  }

  /** Closes so many clients with 1001, those that came first before the others. */
  #tell(count: number): void {
    let left = count;
    for (const client of this.sockets) {
      if (left === 0) return;
      if (!client.isAdmitted || !client.isOpen) continue;
      client.close(CLOSE.goingAway.code, CLOSE.goingAway.reason);
      left -= 1;
    }
  }

  /**
   * Closes the manager, and with it everybody; cuts, after `timeoutMs` or its own close timeout, who has not gone by
   * then.
   *
   * @returns how many left, and how many were cut, since the shutdown began.
   */
  async closeAll(timeoutMs: number): Promise<{ left: number; cut: number }> {
    const before = this.#begin();
    this.#isClosing = true;
    this.#wake?.();
    this.manager.close();
    await this.#untilEmpty(timeoutMs);
    for (const client of this.sockets) this.cut(client);
    await this.#untilEmpty();
    const cut = this.counters.cut - before.cut;
    return { left: before.sockets - cut, cut };
  }

  #begin(): { readonly sockets: number; readonly cut: number } {
    this.#before ??= { sockets: this.sockets.size, cut: this.counters.cut };
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
