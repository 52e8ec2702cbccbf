import { cursorNumber } from '../protocol/client.js';
import { CLOSE, type CloseCode } from '../protocol/close-codes.js';
import { type Hello, parseHello } from '../protocol/messages.js';
import { Broadcaster } from './broadcaster.js';
import { LOGGER, NON_EMPTY_STRING, objectWith, requireOption } from './checks.js';
import { ClientCalls } from './client-calls.js';
import { type Clock, systemClock } from './clock.js';
import { resolveManagerConfig } from './config.js';
import { guardLogger, silentLogger } from './contain.js';
import { Heartbeat } from './heartbeat.js';
import { closeOf } from './kick.js';
import type { CursorMemory } from './newest-cursors.js';
import { principalsOf } from './principals.js';
import { type ClientRecord, Registry } from './registry.js';
import type {
  BroadcastResult,
  BroadcastTargeting,
  ClientInfo,
  CloseOptions,
  DatafnLogger,
  Kick,
  OtherProcesses,
  WebSocketClient,
  WsAuthContext,
  WsManagerConfig,
} from './types.js';

const CLIENT = objectWith('send');
const CLOCK = objectWith('setTimeout', 'clearTimeout', 'setImmediate');

/**
 * Tracks the clients of each namespace, enforces connection limits, keeps a heartbeat and broadcasts cursors.
 *
 * It owns no socket: the caller authenticates a connection, hands it over with {@link addClient}, and passes on
 * what the connection says. No method throws because of what a client does.
 *
 * Source: the DataFn reference, `WebSocketManager`.
 */
export class WebSocketManager {
  readonly #config: Readonly<Required<WsManagerConfig>>;
  readonly #logger: DatafnLogger;
  readonly #registry = new Registry();
  readonly #calls: ClientCalls;
  readonly #broadcaster: Broadcaster;
  readonly #heartbeat: Heartbeat<ClientRecord>;
  readonly #memory: CursorMemory | undefined;
  readonly #others: OtherProcesses | undefined;
  #closed = false;
  #destroyed = false;
  #broadcasts = 0;
  #resumed = 0;
  #highestCursor: number | undefined;

  /**
   * @param config limits and times; see {@link WsManagerConfig} for the defaults.
   * @param logger where to report; silent by default.
   * @param clock the timers to use; the global ones by default.
   * @param memory remembers the newest cursors for clients that come back; none by default, as in the reference.
   * @param others told of what is done here, and not of what {@link deliverCursor} and {@link kick} do for them.
   * @throws {DatafnWsError} `ERR_INVALID_OPTION` for a config value out of range, or half a logger or clock.
   */
  constructor(
    config?: WsManagerConfig,
    logger: DatafnLogger = silentLogger,
    clock: Clock = systemClock,
    memory?: CursorMemory,
    others?: OtherProcesses,
  ) {
    this.#memory = memory;
    this.#others = others;
    this.#config = resolveManagerConfig(config);
    requireOption('logger', logger, LOGGER);
    requireOption('clock', clock, CLOCK);
    this.#logger = guardLogger(logger);
    this.#calls = new ClientCalls(this.#logger, (record, reason) => this.#drop(record, reason));
    this.#broadcaster = new Broadcaster(this.#registry, this.#calls, this.#logger, this.#config);
    this.#heartbeat = new Heartbeat(
      clock,
      this.#config.heartbeatIntervalMs,
      this.#config.heartbeatTimeoutMs,
      {
        all: () => this.#registry.all(),
        ping: (record) => this.#calls.ping(record),
        expire: (record) => this.#drop(record, CLOSE.heartbeatTimeout),
      },
    );
  }

  /** Clients tracked now. */
  get connectionCount(): number {
    return this.#registry.size;
  }

  /** Namespaces that have at least one client now. */
  get namespaceCount(): number {
    return this.#registry.namespaceCount;
  }

  /** Calls of {@link broadcastCursor} so far, those without a client included. */
  get broadcasts(): number {
    return this.#broadcasts;
  }

  /** Clients that were handed a cursor, summed over all broadcasts so far. */
  get deliveries(): number {
    return this.#broadcaster.deliveries;
  }

  /** Cursors sent in answer to a hello that showed that its client was behind. */
  get resumed(): number {
    return this.#resumed;
  }

  /** Highest cursor broadcast so far, as clients compare them; `undefined` before the first that is a safe integer. */
  get highestCursor(): number | undefined {
    return this.#highestCursor;
  }

  /** The namespaces that have clients now, and how many each. */
  namespaces(): IterableIterator<{ namespace: string; connections: number }> {
    return this.#registry.namespaces();
  }

  /** What is known of a client, or `undefined` for one that is not tracked. */
  describeClient(client: WebSocketClient): ClientInfo | undefined {
    return this.#registry.get(client)?.describe();
  }

  /**
   * The close with which {@link addClient} would refuse another client of `namespace` now, for a limit (the
   * global one is checked first), else `undefined`.
   */
  limitFor(namespace: string): CloseCode | undefined {
    if (this.#registry.size >= this.#config.maxConnections) return CLOSE.connectionLimit;
    const isFull = this.#registry.of(namespace).size >= this.#config.maxConnectionsPerNamespace;
    return isFull ? CLOSE.namespaceConnectionLimit : undefined;
  }

  /**
   * Admits an authenticated client into the namespace of `authContext`, for the life of its connection.
   *
   * Adding a tracked client again changes nothing: true for the same namespace, false (and a warning) for another.
   *
   * @returns false when the client was refused. It is then closed: 4503 at a limit (the global one is checked
   *   first), 4401 for an empty namespace, 1001 after {@link close}.
   * @throws {DatafnWsError} `ERR_INVALID_OPTION` for a client without a `send` method.
   */
  addClient(client: WebSocketClient, authContext: WsAuthContext): boolean {
    requireOption('client', client, CLIENT);
    const namespace: unknown = authContext?.namespace;
    if (this.#closed) return this.#refuse(client, CLOSE.goingAway, namespace);
    const known = this.#registry.get(client);
    if (known !== undefined) {
      if (known.namespace === namespace) return true;
      this.#logger.warn('A tracked client cannot change its namespace', {
        namespace: known.namespace,
        asked: namespace,
      });
      return false;
    }
    if (typeof namespace !== 'string' || namespace === '') {
      return this.#refuse(client, CLOSE.unauthorized, namespace);
    }
    const refusal = this.limitFor(namespace);
    if (refusal !== undefined) return this.#refuse(client, refusal, namespace);
    this.#registry.add(client, namespace, principalsOf(authContext));
    if (!this.#destroyed) this.#heartbeat.start();
    this.#logger.debug('Client added', { namespace, connections: this.#registry.size });
    return true;
  }

  /** Forgets a client whose connection has ended; frees its slot. One that is not tracked is ignored. */
  removeClient(client: WebSocketClient): void {
    const record = this.#remove(client);
    if (record !== undefined) {
      this.#logger.debug('Client removed', { namespace: record.namespace, connections: this.#registry.size });
    }
  }

  /**
   * Takes a text message from a client. A hello registers the client's id; everything else is ignored, and so
   * is a `namespace` in a hello. Never throws.
   */
  handleMessage(client: WebSocketClient, data: string): void {
    if (typeof data !== 'string' || this.#registry.get(client) === undefined) return;
    const hello = parseHello(data);
    if (hello !== undefined) this.handleHello(client, hello);
  }

  /** Takes a hello from a client: what {@link handleMessage} does with one, for a caller that has parsed it already. */
  handleHello(client: WebSocketClient, hello: Hello): void {
    const record = this.#registry.get(client);
    if (record === undefined) return;
    if (hello.clientId !== undefined) {
      record.clientId = hello.clientId;
      this.#logger.debug('Client said hello', { namespace: record.namespace, clientId: hello.clientId });
    }
    const missed = this.#memory?.missedBy(hello, record);
    if (missed === undefined) return;
    if (this.#calls.send(record, this.#broadcaster.messageOf(missed)) === 'delivered') this.#resumed += 1;
  }

  /** Takes a pong from a client. It answers every ping sent before it (RFC 6455 section 5.5.3). */
  handlePong(client: WebSocketClient): void {
    const record = this.#registry.get(client);
    if (record !== undefined) record.unanswered = undefined;
  }

  /**
   * Sends `{"type":"cursor","cursor":"…"}` to each client of `namespace` and to no other, at a cost that grows
   * with the clients that get it alone. A client whose `send` throws is removed and closed with 1001
   * `Broadcast send failed`; the others still get theirs.
   *
   * @param targeting whom the change concerns: only their clients get the cursor, unless the namespace has a client
   *   without principals. Then all of them do, since it is unknown what concerns that one.
   * @throws {DatafnWsError} `ERR_INVALID_OPTION` when either is not a non-empty string; nothing is sent then.
   */
  broadcastCursor(cursor: string, namespace: string, targeting?: BroadcastTargeting): BroadcastResult {
    return this.#publish(cursor, namespace, false, targeting);
  }

  /**
   * As {@link broadcastCursor}, for a database that has been restored and starts lower: the cursor is the newest of its
   * namespace, whatever came before.
   *
   * @throws {DatafnWsError} `ERR_INVALID_OPTION` when either is not a non-empty string; nothing is sent then.
   */
  resetCursor(cursor: string, namespace: string): BroadcastResult {
    return this.#publish(cursor, namespace, true);
  }

  /**
   * Sends a cursor that another process has broadcast: as {@link broadcastCursor}, but it is neither counted as a broadcast
   * nor forwarded.
   *
   * @param epoch how often the namespace has been reset, or `next` to reset it; by default as often as is known here.
   * @param targeting as for `broadcastCursor`; each process goes by its own clients.
   * @throws {DatafnWsError} `ERR_INVALID_OPTION` when either is not a non-empty string; nothing is sent then.
   */
  deliverCursor(
    cursor: string,
    namespace: string,
    epoch?: number | 'next',
    targeting?: BroadcastTargeting,
  ): BroadcastResult {
    requireOption('cursor', cursor, NON_EMPTY_STRING);
    requireOption('namespace', namespace, NON_EMPTY_STRING);
    const number = cursorNumber(cursor);
    if (Number.isSafeInteger(number) && !(number <= (this.#highestCursor ?? -1)))
      this.#highestCursor = number;
    const { lastSerial } = this.#registry;
    const result = this.#broadcaster.broadcast(cursor, namespace, lastSerial, targeting);
    this.#memory?.note(namespace, cursor, lastSerial, epoch);
    return result;
  }

  #publish(
    cursor: string,
    namespace: string,
    reset: boolean,
    targeting?: BroadcastTargeting,
  ): BroadcastResult {
    const result = this.deliverCursor(cursor, namespace, reset ? 'next' : undefined, targeting);
    this.#broadcasts += 1;
    this.#others?.broadcast(cursor, namespace, reset, targeting);
    return result;
  }

  /**
   * Closes a client that must lose access now, by default with 4403 `Access revoked`.
   *
   * @returns false for a client that is not tracked.
   * @throws {DatafnWsError} `ERR_INVALID_OPTION` for a code or a reason that no close frame can have.
   */
  closeClient(client: WebSocketClient, options?: CloseOptions): boolean {
    const close = closeOf(options);
    const record = this.#registry.get(client);
    return record !== undefined && this.#drop(record, close);
  }

  /** Closes all clients of a namespace, as {@link closeClient}; in a cluster those of all processes. How many were here. */
  closeNamespace(namespace: string, options: CloseOptions = {}): number {
    return this.#kick({ ...options, namespace });
  }

  /**
   * Closes all clients that stand for a principal, such as `user:bob`, as {@link closeNamespace}.
   *
   * @param options `namespace`: only those of that namespace.
   */
  closePrincipal(principal: string, options: CloseOptions & { namespace?: string | undefined } = {}): number {
    return this.#kick({ ...options, principal });
  }

  /** Closes clients for another process: as {@link closeNamespace} and {@link closePrincipal}, but it is not forwarded. */
  kick(kick: Kick): number {
    const close = closeOf(kick);
    return this.#registry.matching(kick).filter((record) => this.#drop(record, close)).length;
  }

  /** Stops the heartbeat and closes everybody with 1001 `Going Away`. Later clients are refused. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#heartbeat.stop();
    const records = this.#registry.clear();
    for (const record of records) {
      record.unanswered = undefined;
      this.#calls.close(record.client, CLOSE.goingAway);
    }
    this.#logger.info('Manager closed', { connections: records.length });
  }

  /** Stops the heartbeat and every timer for good; closes nobody. For a process that is about to end, or a test. */
  destroy(): void {
    this.#destroyed = true;
    this.#heartbeat.stop();
  }

  #remove(client: WebSocketClient): ClientRecord | undefined {
    const record = this.#registry.remove(client);
    if (record === undefined) return undefined;
    record.unanswered = undefined;
    if (this.#registry.size === 0) this.#heartbeat.stop();
    return record;
  }

  #kick(kick: Kick): number {
    const closed = this.kick(kick);
    this.#others?.kick(kick);
    return closed;
  }

  /** Returns whether the client was still there. */
  #drop(record: ClientRecord, reason: CloseCode): boolean {
    // Removed first: a `close` that reports back at once finds the client gone already.
    if (this.#remove(record.client) === undefined) return false;
    this.#logger.debug('Client dropped', { namespace: record.namespace, ...reason });
    this.#calls.close(record.client, reason);
    return true;
  }

  #refuse(client: WebSocketClient, reason: CloseCode, namespace: unknown): false {
    this.#logger.debug('Client refused', { namespace, code: reason.code, reason: reason.reason });
    this.#calls.close(client, reason);
    return false;
  }
}
