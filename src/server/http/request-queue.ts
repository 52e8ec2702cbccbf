import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { ServerEvents } from '../events/events.js';
import { Deadlines } from '../limits/deadlines.js';
import { TickQueue } from '../limits/tick-queue.js';

/** Requests of one connection that may be unanswered. Clients that pipeline at all rarely have more than ten. */
export const MAX_UNANSWERED = 16;
/** Unanswered requests of all connections; from here on a connection may have one. */
export const MAX_UNANSWERED_IN_ALL = 4096;
/** Bytes of answers that may wait for their readers, in all. */
const MAX_UNREAD_BYTES = 64 * 1024 * 1024;
/** Requests begun in one tick: some 50 µs each, so clients are served in between. */
const REQUESTS_PER_TICK = 32;

/** A request until its answer has been handed to the system, or its connection is gone. */
interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** What Node.js made of the request's `Connection` header. */
  readonly mayKeepAlive: boolean;
  /** Whether its answer takes as long as it takes, until it is complete. */
  isStreamed: boolean;
  /** Bytes of the answer that waited when it was complete. */
  unreadBytes: number;
}

/** The unanswered requests of one connection; the first is being worked on. */
type Line = Exchange[];

/**
 * The requests of an HTTP server, worked on one at a time for each connection and a few in each tick of the event loop.
 * The next request of a connection waits until the answer before it has been read, so a connection that sends much is
 * served no faster than the others, and one that reads nothing keeps one answer waiting. An answer to a request that was
 * not authorized ends the connection.
 */
export class RequestQueue {
  readonly #lines = new WeakMap<Socket, Line>();
  /** Connections that end when their requests have been answered. */
  readonly #ending = new WeakSet<Socket>();
  /** Connections that have made an authorized request. */
  readonly #callers = new WeakSet<Socket>();
  readonly #ticks = new TickQueue(REQUESTS_PER_TICK, Number.POSITIVE_INFINITY);
  readonly #deadlines: Deadlines<Exchange>;
  /** Complete answers that wait for their readers, oldest first. */
  readonly #unread = new Set<Exchange>();
  #unreadBytes = 0;
  #unanswered = 0;

  /**
   * @param answerTimeoutMs milliseconds that an answer may take to be read, from the arrival of its request; 0 is no
   *   limit.
   * @param mayCall whether a request is authorized. The body of one that is not is thrown away while it waits.
   */
  constructor(
    answerTimeoutMs: number,
    private readonly events: Pick<ServerEvents, 'limited'>,
    private readonly mayCall: (request: IncomingMessage) => boolean,
  ) {
    this.#deadlines = new Deadlines(answerTimeoutMs, (exchange) => this.#onDue(exchange));
  }

  /** Requests that are unanswered now. */
  get unanswered(): number {
    return this.#unanswered;
  }

  /** Whether a connection may not ask anything more before it has been answered. */
  isFull(socket: Socket): boolean {
    const { length } = this.#lines.get(socket) ?? [];
    return length >= (this.#unanswered < MAX_UNANSWERED_IN_ALL ? MAX_UNANSWERED : 1);
  }

  /** A listener of `request` that queues for `listener`. */
  listener(listener: RequestListener): RequestListener {
    return (request, response) => {
      const { socket } = request;
      // Terminated for one too many.
      if (socket.destroyed) return;
      if (hasBody(request) && !this.#callers.has(socket) && !this.mayCall(request)) request.resume();
      const exchange = {
        request,
        response,
        mayKeepAlive: response.shouldKeepAlive,
        isStreamed: false,
        unreadBytes: 0,
      };
      const line = this.#lineOf(socket);
      line.push(exchange);
      this.#unanswered += 1;
      this.#deadlines.add(exchange);
      response.once('prefinish', () => this.#onAnswer(exchange));
      response.once('close', () => {
        // The line of a connection that is gone is empty.
        if (line[0] !== exchange) return;
        line.shift();
        this.#forget(exchange);
        if (line.length > 0) this.#work(line, listener);
      });
      if (line.length === 1) this.#work(line, listener);
    };
  }

  /** A request was authorized: its answer, and those after it, need not end the connection. */
  keepAlive({ socket }: IncomingMessage): void {
    this.#callers.add(socket);
    const exchange = this.#lines.get(socket)?.[0];
    if (exchange !== undefined) exchange.response.shouldKeepAlive = exchange.mayKeepAlive;
  }

  /** As {@link keepAlive}, for an answer that has deadlines of its own, or no end, until it is complete. */
  stream(request: IncomingMessage): void {
    this.keepAlive(request);
    const exchange = this.#lines.get(request.socket)?.[0];
    if (exchange === undefined) return;
    exchange.isStreamed = true;
    this.#deadlines.delete(exchange);
  }

  /**
   * Calls `answer` when the requests of a connection have been answered, for something behind them that is not a request
   * (RFC 9112 section 9.3.2: answers come in the order of requests). At once where there are none, and only the first
   * time for a connection.
   */
  afterAnswers(socket: Socket, answer: () => void): void {
    if (this.#ending.has(socket)) return;
    this.#ending.add(socket);
    // One that has not come in full is what `answer` is about.
    const last = this.#lines.get(socket)?.findLast(({ request }) => request.complete);
    if (last === undefined) answer();
    else last.response.once('close', answer);
  }

  #lineOf(socket: Socket): Line {
    const known = this.#lines.get(socket);
    if (known !== undefined) return known;
    const line: Line = [];
    this.#lines.set(socket, line);
    socket.once('close', () => {
      for (const exchange of line.splice(0)) this.#forget(exchange);
    });
    return line;
  }

  #work(line: Line, listener: RequestListener): void {
    this.#ticks.add(() => {
      const exchange = line[0];
      // The connection has ended, or is about to.
      if (exchange === undefined || exchange.request.socket.writable === false) return;
      const { request, response } = exchange;
      if (!this.#callers.has(request.socket)) response.shouldKeepAlive = false;
      listener(request, response);
    });
  }

  #onAnswer(exchange: Exchange): void {
    exchange.unreadBytes = exchange.request.socket.writableLength;
    this.#unread.add(exchange);
    if (exchange.isStreamed) this.#deadlines.add(exchange);
    this.#unreadBytes += exchange.unreadBytes;
    for (const oldest of this.#unread) {
      if (this.#unreadBytes <= MAX_UNREAD_BYTES) return;
      this.#terminate(oldest);
    }
  }

  #onDue(exchange: Exchange): void {
    // Node.js has a deadline of its own for a body; the answer gets as long again.
    if (!exchange.request.complete) this.#deadlines.add(exchange);
    else this.#terminate(exchange);
  }

  #terminate(exchange: Exchange): void {
    this.#forgetAnswer(exchange);
    const { socket } = exchange.request;
    // Several answers of a connection can be due in the same turn.
    if (socket.destroyed) return;
    this.events.limited?.('unreadAnswers');
    socket.destroy();
  }

  #forget(exchange: Exchange): void {
    this.#unanswered -= 1;
    this.#deadlines.delete(exchange);
    this.#forgetAnswer(exchange);
  }

  #forgetAnswer(exchange: Exchange): void {
    if (this.#unread.delete(exchange)) this.#unreadBytes -= exchange.unreadBytes;
  }
}

function hasBody({ headers }: IncomingMessage): boolean {
  return 'content-length' in headers || 'transfer-encoding' in headers;
}
