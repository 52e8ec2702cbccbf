import type { Kick } from '../../manager/types.js';
import type { WebSocketManager } from '../../manager/web-socket-manager.js';
import type { ConnectionSettings } from '../../options/server-options.js';
import { highestCursor } from '../../protocol/client.js';
import { CLOSE, type CloseCode } from '../../protocol/close-codes.js';
import { parseHello } from '../../protocol/messages.js';
import { ownCopy } from '../../text/own-copy.js';
import type { AuthDecision, NamespaceGrant } from '../auth/provider.js';
import {
  type ClientList,
  type ClientQuery,
  type ConnectedClient,
  type ConnectionNumbers,
  pageOf,
} from '../events/clients.js';
import type { Closer, LimitName, ServerEvents } from '../events/events.js';
import { Deadlines, Expirations } from '../limits/deadlines.js';
import { MessagePace } from '../limits/message-pace.js';
import { InputQueue } from '../limits/tick-queue.js';
import { BehindReports } from './behind-reports.js';
import { ConnectionDrain } from './connection-drain.js';
import type { ConnectionFaults } from './connection-faults.js';
import { OutboxFlush, type OutboxOwner } from './outbox.js';
import type { ServerSocket, ServerSocketOwner } from './server-socket.js';

/** Gives back a slot in the cluster that a client had. */
export interface SlotHolder {
  release(namespace: string): void;
}

/** How the clients of a server are listed. */
export interface ListingParts {
  readonly numbers?: ConnectionNumbers | undefined;
  /** Stands before the number in the id of a client, where numbers alone are not unique. */
  readonly idPrefix: string;
  /** The newest cursor of a namespace, where it is remembered. */
  newestCursor(namespace: string): string | undefined;
}

/** What `ws` calls the messages that exceed one of our limits. */
const LIMIT_OF_ERROR: Readonly<Record<string, LimitName>> = {
  WS_ERR_UNSUPPORTED_MESSAGE_LENGTH: 'messageSize',
  WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH: 'messageSize',
  WS_ERR_TOO_MANY_BUFFERED_PARTS: 'messageParts',
};

/** Refused clients that may take their time to answer the close frame. Each holds a descriptor. */
const MAX_REFUSED = 1000;

/** Every connection whose socket is not gone yet, admitted or not: ties them to the manager and emits their events. */
export class Connections implements ServerSocketOwner, OutboxOwner<ServerSocket> {
  readonly flush = new OutboxFlush<ServerSocket>(this);
  readonly input = new InputQueue();
  readonly clientBufferBytes: number;
  readonly messagePace: MessagePace | undefined;
  readonly #sockets = new Set<ServerSocket>();
  /** Clients that are backed up. */
  readonly #blocked: Deadlines<ServerSocket>;
  /** Clients that were never admitted and have not answered their close frame, oldest first. */
  readonly #refused = new Set<ServerSocket>();
  /** Connections that have begun to close. */
  readonly #closing: Deadlines<ServerSocket>;
  /** Admitted clients that have not said hello; empty where they need not. */
  readonly #silent: Deadlines<ServerSocket> | undefined;
  readonly #expirations = new Expirations<ServerSocket>((client) => close(client, CLOSE.tokenExpired));
  readonly #drain: ConnectionDrain;
  readonly behind: BehindReports;
  #nextNumber: number;
  /** Set only while something is to go wrong on request. */
  faults: ConnectionFaults | undefined;
  /** Why the client that is being refused is, for the log. */
  #why: string | undefined;

  constructor(
    private readonly manager: WebSocketManager,
    private readonly events: ServerEvents,
    settings: ConnectionSettings,
    /** Where the limits of namespaces hold for a cluster. */
    private readonly slots: SlotHolder | undefined,
    private readonly listing: ListingParts,
  ) {
    this.#nextNumber = listing.numbers?.first ?? 1;
    const { maxMessageRate, maxMessageBurst, helloTimeoutMs } = settings;
    this.clientBufferBytes = settings.clientBufferBytes;
    this.messagePace = maxMessageRate === 0 ? undefined : new MessagePace(maxMessageRate, maxMessageBurst);
    if (helloTimeoutMs > 0) {
      this.#silent = new Deadlines(helloTimeoutMs, (client) => {
        events.limited?.('helloTimeout');
        close(client, CLOSE.helloTimeout);
      });
    }
    this.#blocked = new Deadlines(settings.slowClientTimeoutMs, (client) => close(client, CLOSE.slowClient));
    this.behind = new BehindReports(events);
    this.#drain = new ConnectionDrain(manager, events, this.#sockets);
    this.#closing = new Deadlines(settings.closeTimeoutMs, (client) => this.#drain.terminate(client));
  }

  get socketCount(): number {
    return this.#sockets.size;
  }

  get blockedCount(): number {
    return this.#blocked.size;
  }

  /**
   * Takes a connection whose handshake is done; one without a grant is closed with 4401.
   *
   * @param limit the close for one that found no slot in the cluster; without it, it has one, where there is a cluster.
   */
  take(
    client: ServerSocket,
    socket: Parameters<ServerSocket['begin']>[1],
    decision: AuthDecision,
    limit?: CloseCode,
  ): void {
    if (this.#refused.size >= MAX_REFUSED) this.#terminateRefused();
    client.begin(this, socket, this.#nextNumber);
    this.#nextNumber += this.listing.numbers?.step ?? 1;
    this.#sockets.add(client);
    if (!('why' in decision)) {
      if (limit === undefined) this.#admit(client, decision);
      else {
        client.namespace = ownCopy(decision.namespace);
        close(client, limit);
      }
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

  #admit(client: ServerSocket, { namespace, expiresAtMs, actorId, principalIds }: NamespaceGrant): void {
    client.namespace = ownCopy(namespace);
    if (!this.manager.addClient(client, { namespace: client.namespace, actorId, principalIds })) {
      this.slots?.release(namespace);
      return;
    }
    client.namespace = this.manager.describeClient(client)?.namespace;
    client.isAdmitted = true;
    client.admittedAtMs = Math.round(performance.now());
    this.#silent?.add(client);
    if (expiresAtMs !== undefined) this.#expirations.add(client, expiresAtMs);
    this.events.connected?.(client, this.manager.connectionCount);
    this.faults?.admitted(client);
  }

  #terminateRefused(): void {
    const [oldest] = this.#refused;
    if (oldest === undefined) return;
    this.#refused.delete(oldest);
    this.events.limited?.('refusedClients');
    oldest.terminate();
  }

  closing(client: ServerSocket, code: number, reason: string, by: Closer): void {
    this.manager.removeClient(client);
    this.#closing.add(client);
    this.#expirations.delete(client);
    if (reason === CLOSE.goingAway.reason && by === 'server') this.#drain.goingAway(client);
    this.#silent?.delete(client);
    if (client.isAdmitted) {
      if (client.namespace !== undefined) this.slots?.release(client.namespace);
      this.events.closed?.(client, code, reason, by);
    } else {
      this.#refused.add(client);
      this.events.refused?.(client, code, reason, this.#why);
    }
  }

  gone(client: ServerSocket): void {
    this.#closing.delete(client);
    this.#refused.delete(client);
    this.#sockets.delete(client);
    this.#drain.gone(client);
    this.faults?.gone(client);
  }

  message(client: ServerSocket, text: string): void {
    if (!client.isAdmitted) return;
    const hello = parseHello(text);
    if (hello === undefined) {
      this.events.ignoredText?.(client, text);
      return;
    }
    this.#silent?.delete(client);
    client.heardBefore = highestCursor(hello);
    if (this.faults !== undefined && hello.clientId !== undefined) this.faults.hello(client, hello.clientId);
    this.manager.handleHello(client, hello);
    const clientId = this.manager.describeClient(client)?.clientId;
    if (clientId === client.clientId) return;
    client.clientId = clientId;
    this.events.hello?.(client, client.heard);
  }

  binary(client: ServerSocket, bytes: number): void {
    this.events.ignoredBinary?.(client, bytes);
  }

  tooManyMessages(client: ServerSocket): void {
    this.events.limited?.('messageRate');
    close(client, CLOSE.messageRate);
  }

  keepsSending(client: ServerSocket): void {
    this.events.limited?.('bytesAfterClose');
    client.terminate();
  }

  failed({ code = '' }: NodeJS.ErrnoException): void {
    const limit = Object.hasOwn(LIMIT_OF_ERROR, code) ? LIMIT_OF_ERROR[code] : undefined;
    if (limit !== undefined) this.events.limited?.(limit);
  }

  get timesPongs(): boolean {
    return this.events.pongTook !== undefined;
  }

  pong(client: ServerSocket): void {
    this.manager.handlePong(client);
    const durationMs = client.takePongMs();
    if (durationMs !== undefined) this.events.pongTook?.(client, durationMs);
  }

  conflated(cursors: number): void {
    this.events.conflated?.(cursors);
  }

  withheld(client: ServerSocket, cursor: string): void {
    this.behind.missed(client, cursor);
  }

  blocked(client: ServerSocket): void {
    this.#blocked.add(client);
  }

  unblocked(client: ServerSocket): void {
    this.#blocked.delete(client);
  }

  /** A page of the clients that are connected now. */
  clients(query: ClientQuery): ClientList {
    const { total, page, hasMore } = pageOf(this.admitted(query.namespace), query, ({ id }) => id);
    const nowMs = performance.now();
    const clients = page.map((client) => this.#listed(client, nowMs));
    return { total, clients, ...(hasMore ? { next: clients.at(-1)?.id } : {}) };
  }

  /** The connections that hold a slot now, of one namespace or of all, oldest first. */
  *admitted(namespace?: string): IterableIterator<ServerSocket> {
    for (const client of this.#sockets) {
      if (namespace !== undefined && client.namespace !== namespace) continue;
      // One that is about to close holds no slot any more.
      if (this.manager.describeClient(client) !== undefined) yield client;
    }
  }

  #listed(client: ServerSocket, nowMs: number): ConnectedClient {
    const { namespace = '', clientId, remoteAddress, heard, pongMs, bytesWaiting, admittedAtMs } = client;
    const connectedMs = Math.round(nowMs - admittedAtMs);
    return {
      id: this.#idOf(client),
      namespace,
      clientId,
      remoteAddress,
      since: new Date(Date.now() - connectedMs).toISOString(),
      connectedMs,
      heard,
      newest: this.listing.newestCursor(namespace),
      pongMs,
      bytesWaiting,
      principals: this.manager.describeClient(client)?.principals,
    };
  }

  /** Closes the clients that must lose access; how many. */
  kick({ id, namespace, principal, code, reason }: Kick): number {
    if (id !== undefined) {
      for (const client of this.admitted(undefined))
        if (this.#idOf(client) === id) return Number(this.manager.closeClient(client, { code, reason }));
      return 0;
    }
    return this.manager.kick({ namespace, principal, code, reason });
  }

  #idOf({ id }: ServerSocket): string {
    return `${this.listing.idPrefix}${id}`;
  }

  /** See {@link ConnectionDrain.drain}. */
  drain(windowMs: number): Promise<void> {
    return this.#drain.drain(windowMs);
  }

  /** See {@link ConnectionDrain.closeAll}. */
  async closeAll(timeoutMs: number): Promise<{ left: number; cut: number }> {
    const outcome = await this.#drain.closeAll(timeoutMs);
    for (const timers of [this.#silent, this.#blocked, this.#closing, this.#expirations, this.behind])
      timers?.stop();
    return outcome;
  }
}

function close(client: ServerSocket, { code, reason }: CloseCode): void {
  client.close(code, reason);
}
