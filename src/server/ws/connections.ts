import type { WebSocketManager } from '../../manager/web-socket-manager.js';
import { CLOSE, type CloseCode } from '../../protocol/close-codes.js';
import { parseHello } from '../../protocol/messages.js';
import { ownCopy } from '../../text/own-copy.js';
import type { AuthDecision } from '../auth/ask-provider.js';
import type { NamespaceGrant } from '../auth/provider.js';
import type { ConnectionCounters, LimitName } from '../health/stats.js';
import type { MessagePace } from '../limits/message-pace.js';
import type { Closer, ConnectedClient, ConnectionInfo, ServerObserver } from '../observer.js';
import { Deadlines } from './deadlines.js';
import { Departures } from './departures.js';
import { Expirations } from './expirations.js';
import type { IgnoredMessages } from './ignored-messages.js';
import { InputQueue } from './input-queue.js';
import { Outbox } from './outbox.js';
import type { ServerSocket, ServerSocketOwner } from './server-socket.js';

/** How patient {@link Connections} are with their clients. */
export interface ConnectionLimits {
  readonly clientBufferBytes: number;
  /** Milliseconds that a client may stay backed up; 0 leaves it to the heartbeat. */
  readonly slowClientTimeoutMs: number;
  /** Milliseconds that a connection has to end once it has begun to close. */
  readonly closeTimeoutMs: number;
  /** Milliseconds that a client has to say hello; 0 is no limit. */
  readonly helloTimeoutMs: number;
  /** How many messages a client may send; `undefined` is as many as it likes. */
  readonly messagePace: MessagePace | undefined;
}

/** What `ws` calls the messages that are over a limit of ours. */
const LIMIT_OF_ERROR: Readonly<Record<string, LimitName>> = {
  WS_ERR_UNSUPPORTED_MESSAGE_LENGTH: 'messageSize',
  WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH: 'messageSize',
  WS_ERR_TOO_MANY_BUFFERED_PARTS: 'messageParts',
};

/** Refused clients that may take their time to answer the close frame. Each holds a descriptor. */
const MAX_REFUSED = 1000;

/** Every connection whose socket is not gone yet, admitted or not: ties them to the manager, counts and reports. */
export class Connections implements ServerSocketOwner {
  readonly outbox = new Outbox();
  readonly input = new InputQueue();
  readonly clientBufferBytes: number;
  readonly messagePace: MessagePace | undefined;
  readonly #sockets = new Set<ServerSocket>();
  /** Clients for which more waits than they may hold. */
  readonly #blocked: Deadlines<ServerSocket>;
  /** Clients that were never admitted and have not answered their close frame, oldest first. */
  readonly #refused = new Set<ServerSocket>();
  /** Connections whose end has begun. */
  readonly #closing: Deadlines<ServerSocket>;
  /** Admitted clients that have not said hello; empty where they need not. */
  readonly #silent: Deadlines<ServerSocket>;
  readonly #expirations = new Expirations<ServerSocket>((client) => close(client, CLOSE.tokenExpired));
  readonly #departures: Departures;
  #lastConnectionId = 0;
  /** Why the client that is being refused is, for the observer. */
  #why: string | undefined;

  constructor(
    private readonly manager: WebSocketManager,
    private readonly counters: ConnectionCounters,
    private readonly observer: ServerObserver,
    private readonly limits: ConnectionLimits,
    private readonly ignoredMessages?: IgnoredMessages,
  ) {
    const { clientBufferBytes, slowClientTimeoutMs, closeTimeoutMs, helloTimeoutMs, messagePace } = limits;
    this.clientBufferBytes = clientBufferBytes;
    this.messagePace = messagePace;
    this.#silent = new Deadlines(helloTimeoutMs, (client) => {
      counters.countLimited('helloTimeout');
      close(client, CLOSE.helloTimeout);
    });
    this.#blocked = new Deadlines(slowClientTimeoutMs, (client) => {
      counters.slowClosed += 1;
      client.close(CLOSE.slowClient.code, CLOSE.slowClient.reason);
    });
    this.#departures = new Departures(manager, counters, this.#sockets);
    this.#closing = new Deadlines(closeTimeoutMs, (client) => this.#departures.cut(client));
  }

  /** Takes a connection whose handshake is done; one without a grant is closed with 4401. */
  take(client: ServerSocket, socket: Parameters<ServerSocket['begin']>[1], decision: AuthDecision): void {
    this.#lastConnectionId += 1;
    if (this.#refused.size >= MAX_REFUSED) this.#terminateRefused();
    client.begin(this, socket, this.#lastConnectionId);
    this.#sockets.add(client);
    this.counters.sockets = this.#sockets.size;
    if (!('why' in decision)) {
      this.#admit(client, decision);
      return;
    }
    this.#why = decision.why;
    close(client, CLOSE.unauthorized);
    this.#why = undefined;
  }

  /** The close with which a client of a namespace would be refused now, else `undefined`. */
  limitFor(namespace: string): CloseCode | undefined {
    return this.manager.limitFor(namespace);
  }

  #admit(client: ServerSocket, { namespace, expiresAtMs }: NamespaceGrant): void {
    client.namespace = ownCopy(namespace);
    if (!this.manager.addClient(client, { namespace: client.namespace })) return;
    client.namespace = this.manager.describeClient(client)?.namespace;
    client.isAdmitted = true;
    client.admittedAtMs = performance.now();
    if (this.limits.helloTimeoutMs > 0) this.#silent.add(client);
    if (expiresAtMs !== undefined) this.#expirations.add(client, expiresAtMs);
    this.counters.accepted += 1;
    this.observer.connected?.(describe(client), this.manager.connectionCount);
  }

  #terminateRefused(): void {
    const [oldest] = this.#refused;
    if (oldest === undefined) return;
    this.#refused.delete(oldest);
    this.counters.countLimited('refusedClients');
    oldest.terminate();
  }

  closing(client: ServerSocket, code: number, reason: string, by: Closer): void {
    this.manager.removeClient(client);
    this.#closing.add(client);
    this.#expirations.remove(client);
    if (reason === CLOSE.goingAway.reason && by === 'server') this.#departures.told(client);
    this.#silent.delete(client);
    if (client.isAdmitted) {
      this.counters.countClosed(code);
      this.observer.closed?.(describe(client), code, reason, by);
    } else {
      this.#refused.add(client);
      this.counters.countRefused(code);
      this.observer.refused?.(describe(client), code, reason, this.#why);
    }
  }

  gone(client: ServerSocket): void {
    this.#closing.delete(client);
    this.#refused.delete(client);
    this.#sockets.delete(client);
    this.counters.sockets = this.#sockets.size;
    this.#departures.gone(client);
  }

  message(client: ServerSocket, text: string): void {
    if (!client.isAdmitted) return;
    const hello = parseHello(text);
    if (hello === undefined) {
      this.ignoredMessages?.text(text, () => describe(client));
      return;
    }
    this.#silent.delete(client);
    this.manager.handleHello(client, hello);
    const clientId = this.manager.describeClient(client)?.clientId;
    if (clientId === client.clientId) return;
    client.clientId = clientId;
    this.observer.hello?.(describe(client));
  }

  binary(client: ServerSocket, bytes: number): void {
    this.ignoredMessages?.binary(bytes, () => describe(client));
  }

  tooManyMessages(client: ServerSocket): void {
    this.counters.countLimited('messageRate');
    close(client, CLOSE.messageRate);
  }

  talksOn(client: ServerSocket): void {
    this.counters.countLimited('bytesAfterClose');
    client.terminate();
  }

  failed({ code = '' }: NodeJS.ErrnoException): void {
    const limit = Object.hasOwn(LIMIT_OF_ERROR, code) ? LIMIT_OF_ERROR[code] : undefined;
    if (limit !== undefined) this.counters.countLimited(limit);
  }

  pong(client: ServerSocket): void {
    this.manager.handlePong(client);
  }

  conflated(superseded: number): void {
    this.counters.conflated += superseded;
  }

  blocked(client: ServerSocket): void {
    this.#blocked.add(client);
    this.counters.blocked = this.#blocked.size;
  }

  unblocked(client: ServerSocket): void {
    this.#blocked.delete(client);
    this.counters.blocked = this.#blocked.size;
  }

  /** The clients that are connected now, of one namespace or of all, first those that came first. */
  *clients(namespace?: string): IterableIterator<ConnectedClient> {
    const nowMs = performance.now();
    for (const client of this.#sockets) {
      if (namespace !== undefined && client.namespace !== namespace) continue;
      // One that is about to close holds no slot any more.
      if (this.manager.describeClient(client) === undefined) continue;
      yield { ...describe(client), connectedMs: Math.round(nowMs - client.admittedAtMs) };
    }
  }

  /** See {@link Departures.drain}. */
  drain(windowMs: number): Promise<void> {
    return this.#departures.drain(windowMs);
  }

  /** See {@link Departures.closeAll}. */
  closeAll(timeoutMs: number): Promise<{ left: number; cut: number }> {
    return this.#departures.closeAll(timeoutMs);
  }
}

function close(client: ServerSocket, { code, reason }: CloseCode): void {
  client.close(code, reason);
}

function describe(client: ServerSocket): ConnectionInfo {
  return {
    id: client.connectionId,
    namespace: client.namespace,
    clientId: client.clientId,
    remoteAddress: client.remoteAddress,
  };
}
