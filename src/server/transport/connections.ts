import type { WebSocketManager } from '../../manager/web-socket-manager.js';
import { CLOSE } from '../../protocol/close-codes.js';
import type { ConnectionInfo, ServerObserver } from '../observer.js';
import type { ConnectionCounters } from '../stats.js';
import { Outbox } from './outbox.js';
import type { Closer, ServerSocket, ServerSocketOwner } from './server-socket.js';

/** Every connection whose socket is not gone yet, admitted or not: ties them to the manager, counts and reports. */
export class Connections implements ServerSocketOwner {
  readonly outbox = new Outbox();
  readonly #sockets = new Set<ServerSocket>();
  #lastConnectionId = 0;
  #whenEmpty: (() => void) | undefined;

  constructor(
    private readonly manager: WebSocketManager,
    private readonly counters: ConnectionCounters,
    private readonly observer: ServerObserver,
    readonly clientBufferBytes: number,
  ) {}

  /** Takes a connection whose handshake is done; one without a namespace is closed with 4401. */
  take(client: ServerSocket, socket: Parameters<ServerSocket['begin']>[1], namespace?: string): void {
    this.#lastConnectionId += 1;
    client.begin(this, socket, this.#lastConnectionId);
    this.#sockets.add(client);
    if (namespace === undefined) client.close(CLOSE.unauthorized.code, CLOSE.unauthorized.reason);
    else this.#admit(client, namespace);
  }

  #admit(client: ServerSocket, namespace: string): void {
    client.namespace = namespace;
    if (!this.manager.addClient(client, { namespace })) return;
    client.isAdmitted = true;
    this.counters.accepted += 1;
    this.observer.connected?.(describe(client), this.manager.connectionCount);
  }

  closing(client: ServerSocket, code: number, reason: string, by: Closer): void {
    this.manager.removeClient(client);
    const info = describe(client);
    if (client.isAdmitted) {
      this.counters.countClosed(code);
      this.observer.closed?.(info, code, reason, by);
    } else {
      this.counters.countRefused(code);
      this.observer.refused?.(info, code, reason);
    }
  }

  gone(client: ServerSocket): void {
    this.#sockets.delete(client);
    if (this.#sockets.size === 0) this.#whenEmpty?.();
  }

  message(client: ServerSocket, text: string): void {
    if (!client.isAdmitted) return;
    this.manager.handleMessage(client, text);
    const clientId = this.manager.describeClient(client)?.clientId;
    if (clientId === client.clientId) return;
    client.clientId = clientId;
    this.observer.hello?.(describe(client));
  }

  pong(client: ServerSocket): void {
    this.manager.handlePong(client);
  }

  conflated(superseded: number): void {
    this.counters.conflated += superseded;
  }

  /**
   * Closes the manager, and with it everybody; cuts, after `timeoutMs`, who has not gone by then.
   *
   * @returns how many left by themselves, and how many were cut.
   */
  async closeAll(timeoutMs: number): Promise<{ left: number; cut: number }> {
    const total = this.#sockets.size;
    this.manager.close();
    const empty = new Promise<void>((resolve) => {
      this.#whenEmpty = resolve;
      if (this.#sockets.size === 0) resolve();
    });
    let cut = 0;
    const deadline = setTimeout(() => {
      cut = this.#sockets.size;
      for (const client of this.#sockets) client.terminate();
    }, timeoutMs);
    await empty;
    clearTimeout(deadline);
    return { left: total - cut, cut };
  }
}

function describe(client: ServerSocket): ConnectionInfo {
  return {
    id: client.connectionId,
    namespace: client.namespace,
    clientId: client.clientId,
    remoteAddress: client.remoteAddress,
  };
}
