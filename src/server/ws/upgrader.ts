import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type ServerOptions, WebSocketServer } from 'ws';
import type { DatafnLogger } from '../../manager/types.js';
import type { ConnectionSettings } from '../../options/server-options.js';
import type { CloseCode } from '../../protocol/close-codes.js';
import { MAX_TIMER_MS } from '../../text/longest-timer.js';
import { HttpConnectRequest } from '../auth/http-connect-request.js';
import {
  type AuthDecision,
  askProvider,
  type NamespaceGrant,
  type NamespaceProvider,
} from '../auth/provider.js';
import { chooseSubprotocol, hasLostPlus, tokenProblem } from '../auth/token-source.js';
import type { NamespaceSlots } from '../cluster/namespace-slots.js';
import type { ServerEvents } from '../events/events.js';
import { endWithProblem, type Refusal, retryAfter, type UpgradeGate } from '../http/problem.js';
import { ignoreSocketError } from '../limits/accept-queue.js';
import type { AddressOf } from '../limits/client-address.js';
import { TickQueue } from '../limits/tick-queue.js';
import type { HandshakeFault } from './connection-faults.js';
import type { Connections } from './connections.js';
import { badHandshake, firstRefusal } from './gates.js';
import { PendingUpgrades } from './pending-upgrades.js';
import { ServerSocket } from './server-socket.js';
import type { UpgradeHandler } from './upgrade-routes.js';

/** What an {@link Upgrader} works with. */
export interface UpgraderParts {
  /** Asked in this order, before the provider. */
  readonly gates: readonly UpgradeGate[];
  readonly namespaceProvider: NamespaceProvider;
  /** Where a client is. */
  readonly addressOf: AddressOf;
  readonly logger: DatafnLogger;
  readonly events: ServerEvents;
  readonly connections: Connections;
  /** Asked for a slot for each client, where the limits of namespaces hold for a cluster. */
  readonly slots?: NamespaceSlots | undefined;
}

/** Handshakes done in one tick of the event loop: at some 150 µs each, they hold it for a few milliseconds. */
const HANDSHAKES_PER_TICK = 32;

const TOO_MANY_HANDSHAKES: Refusal = {
  status: 503,
  detail: 'Too many clients are connecting: try again in a moment',
  headers: retryAfter(1000),
};
const TOO_MANY_PENDING: Refusal = {
  status: 503,
  detail: 'Too many clients are being authenticated: try again in a moment',
  headers: retryAfter(1000),
};

/** In place of 4401. */
const UNAUTHORIZED: Refusal = {
  status: 401,
  detail: 'Missing or invalid token',
  headers: { 'WWW-Authenticate': 'Bearer' },
};
/** When a client that found no slot may try again: a slot is free as soon as another client leaves. */
const LIMIT_RETRY_MS = 5000;

/**
 * Fragments and reads that one message may take. The default of `ws` lets a client that sends byte by byte make the
 * server keep a hundred times the largest message.
 */
const MAX_MESSAGE_PARTS = 1024;

/** Options that `ws` has, and its types do not yet. */
interface UntypedServerOptions {
  closeTimeout: number;
  maxFragments: number;
  maxBufferedChunks: number;
  maxPendingAutoPongs: number;
}

/**
 * Turns an upgrade request into a connection: gates, queue, namespace provider, handshake, and last the manager, which
 * gives it a slot. Nothing before that holds one.
 */
export class Upgrader implements UpgradeHandler {
  readonly #webSocketServer: WebSocketServer;
  readonly #gates: readonly UpgradeGate[];
  readonly #ticks: TickQueue;
  /** Upgrades that wait for the namespace provider. */
  readonly #pending: PendingUpgrades;
  /** Chosen for the handshake that `ws` is about to answer. */
  #subprotocol: string | undefined;
  /** When there may be a server here again, once this one shuts down. */
  #backAtMs: number | undefined;

  constructor(
    private readonly settings: ConnectionSettings,
    private readonly parts: UpgraderParts,
  ) {
    this.#ticks = new TickQueue(HANDSHAKES_PER_TICK, settings.handshakeBacklog);
    this.#pending = new PendingUpgrades(settings.maxPendingAuth, () => parts.events.abandoned?.());
    this.#gates = [() => this.#shuttingDown(), ...parts.gates];
    const serverOptions: ServerOptions<typeof ServerSocket> & UntypedServerOptions = {
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: settings.maxMessageSizeBytes,
      maxFragments: MAX_MESSAGE_PARTS,
      maxBufferedChunks: MAX_MESSAGE_PARTS,
      // More than the message rate lets through within a second, so that a flood of pings ends with a close frame,
      // however long the server takes to read it. A client that does not read its pongs reaches this bound all the same.
      maxPendingAutoPongs: settings.maxMessageBurst + settings.maxMessageRate + 1,
      // `Connections` terminates and counts connections that do not end.
      closeTimeout: MAX_TIMER_MS,
      // Not left to `ws`, which would keep the name, often a token, as long as the connection.
      handleProtocols: (offered) => {
        this.#subprotocol = chooseSubprotocol(offered);
        return false;
      },
      WebSocket: ServerSocket,
    };
    this.#webSocketServer = new WebSocketServer(serverOptions);
    this.#webSocketServer.on('headers', (headers) => {
      if (this.#subprotocol !== undefined) headers.push(`Sec-WebSocket-Protocol: ${this.#subprotocol}`);
      this.#subprotocol = undefined;
    });
    // Handshakes that only `ws` rejects are counted and answered like every other refusal.
    this.#webSocketServer.on('wsClientError', ({ message }, socket) =>
      this.#reject(socket, badHandshake(message)),
    );
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const refusal = firstRefusal(this.#gates, request);
    if (refusal !== undefined) {
      this.#reject(socket, refusal);
      return;
    }
    if (this.#ticks.add(() => this.#authenticate(request, socket, head))) return;
    this.parts.events.limited?.('handshakes');
    this.#reject(socket, TOO_MANY_HANDSHAKES);
  }

  #authenticate(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (this.#hasGone(socket)) return;
    // Checked first: the provider need not be asked for a client that gets 503 anyway.
    if (this.#isFull(socket)) return;
    const { events } = this.parts;
    const startMs = events.authTook === undefined ? undefined : performance.now();
    const decision = this.#ask(request);
    if (!(decision instanceof Promise)) {
      this.#timed(decision, startMs);
      this.#decided(request, socket, head, decision);
      return;
    }
    this.#pending.add(socket, head);
    void decision.then((decided) => {
      this.#timed(decided, startMs);
      const early = this.#pending.take(socket);
      if (early !== undefined) this.#decided(request, socket, early, decided);
    });
  }

  #timed(decision: AuthDecision, startMs: number | undefined): void {
    if (startMs === undefined) return;
    const outcome = 'why' in decision ? (decision.failure ?? 'refused') : 'granted';
    this.parts.events.authTook?.(outcome, performance.now() - startMs);
  }

  /** Whether a client has gone away meanwhile; `ws` would drop its socket silently. */
  #hasGone(socket: Duplex): boolean {
    if (socket.readable && socket.writable) return false;
    this.parts.events.abandoned?.();
    socket.destroy();
    return true;
  }

  rejected({ status, detail, why }: Refusal): void {
    this.parts.events.rejectedUpgrade?.(status, detail, why);
  }

  /** Refuses upgrades with 503 from here on; clients are asked to retry after `forMs`. */
  refuseAll(forMs: number): void {
    this.#backAtMs = performance.now() + forMs;
  }

  #shuttingDown(): Refusal | undefined {
    if (this.#backAtMs === undefined) return undefined;
    const leftMs = this.#backAtMs - performance.now();
    return { status: 503, detail: 'The server is shutting down', headers: retryAfter(leftMs) };
  }

  /** Refuses clients whose provider has not answered yet: it may never do so, and the port must become free. */
  refusePending(): void {
    const refusal = this.#shuttingDown();
    for (const socket of this.#pending.clear()) if (refusal !== undefined) this.#reject(socket, refusal);
  }

  #ask(request: IncomingMessage): ReturnType<typeof askProvider> {
    const { namespaceProvider, logger, addressOf } = this.parts;
    return askProvider(namespaceProvider, new HttpConnectRequest(request, addressOf), {
      timeoutMs: this.settings.authTimeoutMs,
      logger,
    });
  }

  #decided(request: IncomingMessage, socket: Duplex, head: Buffer, decision: AuthDecision): void {
    const { faults } = this.parts.connections;
    const fault = faults?.handshake('why' in decision ? undefined : decision.namespace);
    if (fault === undefined) this.#admit(request, socket, head, decision);
    else this.#disturb(request, socket, head, decision, fault);
  }

  #disturb(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    decision: AuthDecision,
    { wait, end }: HandshakeFault,
  ): void {
    if (this.#isFull(socket)) return;
    this.#pending.add(socket, head);
    wait(() => {
      const early = this.#pending.take(socket);
      if (early === undefined) return;
      if (end === 'reset') (socket as Socket).resetAndDestroy();
      else if (end !== undefined && 'status' in end) this.#reject(socket, end);
      else if (end === undefined || 'why' in decision) this.#admit(request, socket, early, decision);
      else this.#shakeHands(request, socket, early, decision, end);
    });
  }

  #admit(request: IncomingMessage, socket: Duplex, head: Buffer, decision: AuthDecision): void {
    const outcome = 'why' in decision ? { why: explained(decision.why, request) } : decision;
    const refusal = this.#shuttingDown() ?? this.#refusalBeforeUpgrade(outcome);
    if (refusal !== undefined) {
      this.#reject(socket, refusal);
      return;
    }
    if (this.#hasGone(socket)) return;
    const { slots, connections } = this.parts;
    // One that is over a limit of this process is refused as it is: it has no slot in the cluster to give back.
    const limit =
      slots === undefined || 'why' in outcome ? undefined : connections.limitFor(outcome.namespace);
    if (slots === undefined || 'why' in outcome || limit !== undefined) {
      // Nothing else runs between the refusal above and the admission, so limits are exact.
      this.#shakeHands(request, socket, head, outcome, limit);
      return;
    }
    if (slots.acquireAtOnce(outcome.namespace)) {
      if (!this.#shakeHands(request, socket, head, outcome)) slots.release(outcome.namespace);
      return;
    }
    // The provider may have been asked for many at once, which all come here in the same tick.
    if (this.#isFull(socket)) return;
    void this.#admitToCluster(request, socket, head, outcome, slots);
  }

  async #admitToCluster(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    grant: NamespaceGrant,
    slots: NamespaceSlots,
  ): Promise<void> {
    this.#pending.add(socket, head);
    const limit = await slots.acquire(grant.namespace);
    const early = this.#pending.take(socket);
    const giveBack = () => {
      if (limit === undefined) slots.release(grant.namespace);
    };
    if (early === undefined) {
      giveBack();
      return;
    }
    const refusal =
      this.#shuttingDown() ??
      this.#refusalBeforeUpgrade(grant) ??
      (this.settings.refuseWith === 'http' ? limit && limitRefusal(limit) : undefined);
    if (refusal !== undefined) {
      giveBack();
      this.#reject(socket, refusal);
    } else if (this.#hasGone(socket) || !this.#shakeHands(request, socket, early, grant, limit)) {
      giveBack();
    }
  }

  /** With `refuseWith: 'http'`, what is a close code otherwise. */
  #refusalBeforeUpgrade(decision: AuthDecision): Refusal | undefined {
    if (this.settings.refuseWith !== 'http') return undefined;
    if ('why' in decision) return { ...UNAUTHORIZED, why: decision.why };
    const limit = this.parts.connections.limitFor(decision.namespace);
    return limit && limitRefusal(limit);
  }

  /** Returns whether the connection was taken. */
  #shakeHands(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    decision: AuthDecision,
    limit?: CloseCode,
  ): boolean {
    let isTaken = false;
    this.#webSocketServer.handleUpgrade(request, socket, head, (accepted) => {
      socket.off('error', ignoreSocketError);
      const client = accepted as ServerSocket;
      if (this.settings.trustProxy.length > 0) client.forwardedAddress = this.parts.addressOf(request);
      isTaken = true;
      this.parts.connections.take(client, socket as Socket, decision, limit);
      // A socket that waited for its provider is paused.
      socket.resume();
    });
    return isTaken;
  }

  /** Whether too many wait already. Then it has refused this one. */
  #isFull(socket: Duplex): boolean {
    if (!this.#pending.isFull) return false;
    this.parts.events.limited?.('pendingAuth');
    this.#reject(socket, TOO_MANY_PENDING);
    return true;
  }

  #reject(socket: Duplex, refusal: Refusal): void {
    this.rejected(refusal);
    endWithProblem(socket, refusal);
  }
}

function limitRefusal({ reason }: CloseCode): Refusal {
  return { status: 503, detail: reason, headers: retryAfter(LIMIT_RETRY_MS) };
}

/** Why a client is not admitted, with a hint where its token may have lost a `+`. */
function explained(why: string | undefined, request: IncomingMessage): string {
  const reason = why ?? tokenProblem(request) ?? 'the provider returned no namespace for the token';
  return hasLostPlus(request) ? `${reason} (a + in the query means a space: send it as %2B)` : reason;
}
