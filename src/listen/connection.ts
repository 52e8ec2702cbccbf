import { type ClientOptions, type RawData, WebSocket } from 'ws';
import type { TlsTrust } from '../emit/api-client.js';
import { type HttpRefusal, readRefusal } from '../emit/http-exchange.js';
import { readMessage } from '../protocol/client.js';
import { ABNORMAL_CLOSURE } from '../protocol/close-codes.js';
import { messageOf } from '../protocol/errors.js';
import { PLAIN_UPGRADE, type TokenWay, Upgrade } from '../protocol/upgrade.js';
import { formatDuration } from '../text/units.js';

/** Time the server has to answer a close. */
const CLOSE_MS = 1000;
/** Largest message; a larger one ends the connection. */
const MAX_MESSAGE_BYTES = 1024 * 1024;
/** Time after the upgrade in which a close counts as a refusal. */
const REFUSAL_MS = 250;

const BINARY = { isCursor: false, kind: 'a binary message' } as const;

export interface ConnectionOptions {
  /** A WebSocket URL. */
  readonly url: string;
  readonly token: string | undefined;
  readonly tokenVia: TokenWay;
  readonly tls: TlsTrust | undefined;
  /** The hello message that the client sends once it is connected. */
  readonly hello: object;
  /** Milliseconds that the server has to answer the upgrade. Default 10,000. */
  readonly handshakeTimeoutMs?: number | undefined;
}

/** Receives the events of a connection. */
export interface ConnectionObserver {
  /** The server admitted the client. Called first, with the time of the upgrade. */
  connected(at: Date): void;
  cursor(cursor: string): void;
  /** A message that a DataFn client ignores. */
  ignored(kind: string): void;
  ping(): void;
}

/** How a connection ended. */
export type ConnectionEnd =
  /** There was no connection: nothing listens, TLS is not trusted, or no answer came in time. */
  | { readonly kind: 'unreachable'; readonly error: unknown }
  /** An HTTP answer in place of an upgrade. */
  | ({ readonly kind: 'answered' } & HttpRefusal)
  /** The answer to the upgrade breaks RFC 6455. */
  | { readonly kind: 'breach'; readonly what: string }
  | {
      readonly kind: 'closed';
      /** 1006 without a close frame. */
      readonly code: number;
      readonly reason: string;
      /** Whether the server had admitted the client. */
      readonly wasConnected: boolean;
      /** What ended the connection, if that was no close. */
      readonly error: string | undefined;
    };

/** One connection of a client, from the upgrade to its end. */
export class Connection {
  /** Never rejects. */
  readonly ended: Promise<ConnectionEnd>;
  readonly #socket: WebSocket;
  #end!: (end: ConnectionEnd) => void;
  /** Of the handshake, then of {@link REFUSAL_MS}. */
  #timer: NodeJS.Timeout;
  #isConnected = false;
  /** Whether the client closes the connection. */
  #isLeaving = false;

  constructor(
    options: ConnectionOptions,
    private readonly observer: ConnectionObserver,
  ) {
    const { handshakeTimeoutMs = 10_000 } = options;
    this.#socket = open(options);
    this.#timer = setTimeout(
      () => this.#end({ kind: 'unreachable', error: noAnswer(handshakeTimeoutMs) }),
      handshakeTimeoutMs,
    );
    this.ended = new Promise<ConnectionEnd>((resolve) => {
      this.#end = resolve;
    }).finally(() => {
      clearTimeout(this.#timer);
      this.#socket.terminate();
    });
    this.#listen(options.hello);
  }

  /** Reads nothing more until {@link resume}: the server has to wait. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Closes with 1000. */
  close(): void {
    this.#isLeaving = true;
    this.#socket.close(1000);
    setTimeout(() => this.#end(this.#closed(1000, '', undefined)), CLOSE_MS).unref();
  }

  #listen(hello: object): void {
    let failure: Error | undefined;
    let openedAt: Date | undefined;
    const connected = () => {
      if (this.#isConnected || openedAt === undefined) return;
      this.#isConnected = true;
      clearTimeout(this.#timer);
      this.observer.connected(openedAt);
    };
    this.#socket
      .on('open', () => {
        clearTimeout(this.#timer);
        openedAt = new Date();
        this.#socket.send(JSON.stringify(hello));
        // A busy machine may read a refusal late. Sockets are read before immediates.
        this.#timer = setTimeout(
          () => setImmediate(() => this.#socket.readyState === WebSocket.OPEN && connected()),
          REFUSAL_MS,
        );
      })
      .on('message', (data, isBinary) => {
        connected();
        this.#read(data, isBinary);
      })
      .on('ping', () => {
        connected();
        this.observer.ping();
      })
      .on('unexpected-response', (_, response) => {
        void readRefusal(response).then((refusal) => this.#end({ kind: 'answered', ...refusal }));
      })
      .on('error', (error) => {
        failure ??= error;
        if (openedAt === undefined) this.#end(beforeUpgrade(error));
      })
      .on('close', (code, reason) => {
        // Whatever the peer answers to our close, this is the end that was asked for.
        if (this.#isLeaving && code === ABNORMAL_CLOSURE) this.#end(this.#closed(1000, '', undefined));
        else this.#end(this.#closed(code, reason.toString(), failure && messageOf(failure)));
      });
  }

  #read(data: RawData, isBinary: boolean): void {
    const message = isBinary ? BINARY : readMessage(String(data));
    if (message.isCursor) this.observer.cursor(message.text ?? String(message.cursor));
    else this.observer.ignored(message.kind);
  }

  #closed(code: number, reason: string, error: string | undefined): ConnectionEnd {
    return { kind: 'closed', code, reason, wasConnected: this.#isConnected, error };
  }
}

function open({ url, token, tokenVia, tls }: ConnectionOptions): WebSocket {
  const upgrade = new Upgrade(url, { ...PLAIN_UPGRADE, tokenVia });
  const subprotocols = upgrade.subprotocols(token);
  const ours = upgrade.headers(token).filter(([name]) => !/^(host|sec-websocket-protocol)$/i.test(name));
  return new WebSocket(new URL(upgrade.target(token), new URL(url).origin), [...subprotocols], {
    headers: Object.fromEntries(ours),
    perMessageDeflate: false,
    maxPayload: MAX_MESSAGE_BYTES,
    closeTimeout: CLOSE_MS,
    ...tls,
  } as ClientOptions);
}

function noAnswer(timeoutMs: number): Error {
  return Object.assign(new Error(`no answer to the upgrade within ${formatDuration(timeoutMs)}`), {
    code: 'ETIMEDOUT',
  });
}

/** The errors of `ws` for a 101 that breaks the RFC have no code; network errors have one. */
function beforeUpgrade(error: Error): ConnectionEnd {
  return 'code' in error ? { kind: 'unreachable', error } : { kind: 'breach', what: messageOf(error) };
}
