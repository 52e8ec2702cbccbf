import { cursorNumber } from '../protocol/client.js';
import { CLOSE, type CloseCode } from '../protocol/close-codes.js';
import { messageOf } from '../protocol/errors.js';
import { type Hello, PreparedMessage, parseHello } from '../protocol/messages.js';
import { LOGGER, NON_EMPTY_STRING, objectWith, requireOption } from './checks.js';
import { type Clock, systemClock } from './clock.js';
import { resolveManagerConfig } from './config.js';
import { guardLogger, silentLogger } from './contain.js';
import { Heartbeat } from './heartbeat.js';
import type { CursorMemory } from './newest-cursors.js';
import { type ClientRecord, Registry } from './registry.js';
import type {
  BroadcastResult,
  BroadcastTargeting,
  ClientInfo,
  DatafnLogger,
  WebSocketClient,
  WsAuthContext,
  WsManagerConfig,
} from './types.js';

const CLIENT = objectWith('send');
const CLOCK = objectWith('setTimeout', 'clearTimeout', 'setImmediate');

/** Takes each cursor that is broadcast, for other processes to broadcast as well. Must not throw. */
export type ForwardCursor = (cursor: string, namespace: string, reset: boolean) => void;

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
  readonly #heartbeat: Heartbeat<ClientRecord>;
  readonly #memory: CursorMemory | undefined;
  readonly #forward: ForwardCursor | undefined;
  #closed = false;
  #destroyed = false;
  #broadcasts = 0;
  #deliveries = 0;
  #resumed = 0;
  #highestCursor: number | undefined;

  /**
   * @param config limits and times; see {@link WsManagerConfig} for the defaults.
   * @param logger where to report; silent by default.
   * @param clock the timers to use; the global ones by default.
   * @param memory remembers the newest cursors for clients that come back; none by default, as in the reference.
   * @param forward called with each cursor that is broadcast here, and not with one that {@link deliverCursor} takes.
   * @throws {DatafnWsError} `ERR_INVALID_OPTION` for a config value out of range, or half a logger or clock.
   */
  constructor(
    config?: WsManagerConfig,
    logger: DatafnLogger = silentLogger,
    clock: Clock = systemClock,
    memory?: CursorMemory,
    forward?: ForwardCursor,
  ) {
    this.#memory = memory;
    this.#forward = forward;
    this.#config = resolveManagerConfig(config);
    requireOption('logger', logger, LOGGER);
    requireOption('clock', clock, CLOCK);
    this.#logger = guardLogger(logger);
    this.#heartbeat = new Heartbeat(
      clock,
      this.#config.heartbeatIntervalMs,
      this.#config.heartbeatTimeoutMs,
      {
        all: () => this.#registry.all(),
        ping: (record) => this.#ping(record),
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
    return this.#deliveries;
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
    const record = this.#registry.get(client);
    return record && { namespace: record.namespace, clientId: record.clientId };
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
    this.#registry.add(client, namespace);
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
    if (this.#send(record, new PreparedMessage(missed)) === 'delivered') this.#resumed += 1;
  }

  /** Takes a pong from a client. It answers every ping sent before it (RFC 6455 section 5.5.3). */
  handlePong(client: WebSocketClient): void {
    const record = this.#registry.get(client);
    if (record !== undefined) record.unanswered = undefined;
  }

  /**
   * Sends `{"type":"cursor","cursor":"…"}` to each client of `namespace` and to no other, at a cost that grows
   * with the clients of that namespace alone. A client whose `send` throws is removed and closed with 1001
   * `Broadcast send failed`; the others still get theirs.
   *
   * @param _targeting is accepted for newer DataFn servers, and ignored.
   * @throws {DatafnWsError} `ERR_INVALID_OPTION` when either is not a non-empty string; nothing is sent then.
   */
  broadcastCursor(cursor: string, namespace: string, _targeting?: BroadcastTargeting): BroadcastResult {
    return this.#publish(cursor, namespace, false);
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
   * @throws {DatafnWsError} `ERR_INVALID_OPTION` when either is not a non-empty string; nothing is sent then.
   */
  deliverCursor(cursor: string, namespace: string, epoch?: number | 'next'): BroadcastResult {
    requireOption('cursor', cursor, NON_EMPTY_STRING);
    requireOption('namespace', namespace, NON_EMPTY_STRING);
    const number = cursorNumber(cursor);
    if (Number.isSafeInteger(number) && !(number <= (this.#highestCursor ?? -1)))
      this.#highestCursor = number;
    const { lastSerial } = this.#registry;
    const result = this.#broadcast(cursor, namespace, lastSerial);
    this.#memory?.note(namespace, cursor, lastSerial, epoch);
    return result;
  }

  #publish(cursor: string, namespace: string, reset: boolean): BroadcastResult {
    const result = this.deliverCursor(cursor, namespace, reset ? 'next' : undefined);
    this.#broadcasts += 1;
    this.#forward?.(cursor, namespace, reset);
    return result;
  }

  #broadcast(cursor: string, namespace: string, lastSerial: number): BroadcastResult {
    const records = this.#registry.of(namespace);
    if (records.size === 0) return { delivered: 0, failed: 0 };
    const message = new PreparedMessage(cursor);
    let delivered = 0;
    let failed = 0;
    for (const record of records) {
      // A client added during the broadcast (a `send` may add one) is not part of it.
      if (record.serial > lastSerial) break;
      const outcome = this.#send(record, message);
      if (outcome === 'delivered') delivered += 1;
      else if (outcome === 'failed') failed += 1;
    }
    this.#deliveries += delivered;
    this.#logger.debug('Cursor broadcast', { namespace, cursor, delivered, failed });
    return { delivered, failed };
  }

  /** Stops the heartbeat and closes everybody with 1001 `Going Away`. Later clients are refused. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#heartbeat.stop();
    const records = this.#registry.clear();
    for (const record of records) {
      record.unanswered = undefined;
      this.#closeClient(record.client, CLOSE.goingAway);
    }
    this.#logger.info('Manager closed', { connections: records.length });
  }

  /** Stops the heartbeat and every timer for good; closes nobody. For a process that is about to end, or a test. */
  destroy(): void {
    this.#destroyed = true;
    this.#heartbeat.stop();
  }

  #send(record: ClientRecord, message: PreparedMessage): 'delivered' | 'not taken' | 'failed' {
    const { client } = record;
    try {
      if (client.sendPrepared === undefined) client.send(message.text);
      else if (client.sendPrepared(message) === false) return 'not taken';
      return 'delivered';
    } catch (error) {
      this.#logger.warn('Broadcast send failed', {
        namespace: record.namespace,
        clientId: record.clientId,
        error: messageOf(error),
      });
      this.#drop(record, CLOSE.broadcastSendFailed);
      return 'failed';
    }
  }

  #ping(record: ClientRecord): boolean {
    if (typeof record.client.ping !== 'function') return false;
    try {
      record.client.ping();
      return true;
    } catch (error) {
      this.#logger.warn('Heartbeat ping failed', { namespace: record.namespace, error: messageOf(error) });
      this.#drop(record, CLOSE.heartbeatPingFailed);
      return false;
    }
  }

  #remove(client: WebSocketClient): ClientRecord | undefined {
    const record = this.#registry.remove(client);
    if (record === undefined) return undefined;
    record.unanswered = undefined;
    if (this.#registry.size === 0) this.#heartbeat.stop();
    return record;
  }

  #drop(record: ClientRecord, reason: CloseCode): void {
    // Removed first: a `close` that reports back at once finds the client gone already.
    if (this.#remove(record.client) === undefined) return;
    this.#logger.debug('Client dropped', { namespace: record.namespace, ...reason });
    this.#closeClient(record.client, reason);
  }

  #refuse(client: WebSocketClient, reason: CloseCode, namespace: unknown): false {
    this.#logger.debug('Client refused', { namespace, code: reason.code, reason: reason.reason });
    this.#closeClient(client, reason);
    return false;
  }

  #closeClient(client: WebSocketClient, { code, reason }: CloseCode): void {
    try {
      client.close?.(code, reason);
    } catch (error) {
      this.#logger.warn('Closing a client failed', { code, reason, error: messageOf(error) });
    }
  }
}
