import type { DatafnLogger, WebSocketClient, WsManagerConfig } from '../../src/manager/types.js';
import type { WebSocketManager } from '../../src/manager/web-socket-manager.js';

/** How a connection was closed, as its client saw it. */
export interface Closed {
  readonly code: number;
  readonly reason: string;
}

/** One client, seen from its own end, and its counterpart on the manager's side. */
export interface ContractClient {
  /** What `addClient` said; undefined when the client was turned away before that. */
  readonly admitted: boolean | undefined;
  /** The object that the manager knows the client by. */
  readonly transport: WebSocketClient;
  /** The text messages that arrived, in order; a binary one shows as `binary`. */
  readonly received: readonly string[];
  /** The pings that arrived. */
  readonly pings: number;
  /** Whether the connection was still open when the client last looked. */
  readonly isOpen: boolean;
  /** Resolves when the connection was closed by the other end; rejects when that does not happen soon. */
  closed(): Promise<Closed>;
  /** How often the manager closed the connection. */
  readonly closeCalls: number;
  say(text: string): void;
  sayBinary(data: Buffer): void;
  /** From now on the client answers no ping. */
  stopPonging(): void;
  /** Ends the connection from the client's end; resolves when the other end has seen it. */
  leave(): Promise<void>;
}

/** A manager on a transport, and the means to connect to it. */
export interface ContractSession {
  readonly manager: WebSocketManager;
  /** A client whose authentication yields `namespace`. Resolves when it was admitted or refused. */
  connect(namespace: string): Promise<ContractClient>;
  /** A client without valid authentication. */
  connectUnauthenticated(): Promise<ContractClient>;
  /** Resolves when everything that was sent so far, in both directions, has arrived. */
  settle(): Promise<void>;
  /** Lets time pass. */
  elapse(ms: number): Promise<void>;
  /** Ends everything that the session started. */
  stop(): Promise<void>;
}

/** One way to carry the contract: what {@link describeManagerContract} needs of a transport. */
export interface ContractHarness {
  readonly name: string;
  /** Times that are short, and still long enough for the transport. The timeout is less than the interval. */
  readonly heartbeatIntervalMs: number;
  readonly heartbeatTimeoutMs: number;
  start(config: WsManagerConfig, logger: DatafnLogger): Promise<ContractSession>;
}
