import type { Agent, ClientRequest, IncomingMessage, ServerResponse } from 'node:http';
import { PROBLEM_TYPE, type ProblemExtra, problem } from '../http/problem.js';
import type { BackendState } from './backend-state.js';
import { BodyView, type Seen } from './body-view.js';
import { earlyHints, endToEnd, hasBody, requestHeaders, trailerPairs } from './headers.js';
import type { DatafnRoute } from './learn.js';
import type { Target } from './target.js';

/** What every {@link Exchange} works with. */
export interface ExchangeParts {
  readonly target: Target;
  readonly agent: Agent;
  readonly state: BackendState;
  /** Milliseconds without a byte from or to the backend; 0 is no limit. */
  readonly timeoutMs: number;
  readonly limitBytes: number;
}

/** A response of the backend, once its last byte was handed to the socket of the client. */
export interface Answered {
  readonly route: DatafnRoute;
  readonly status: number;
  /** Of the request; only for a pull. */
  readonly asked: Seen;
  readonly answer: Seen;
}

/** Errors of a connection that was closed while it was idle, as the request went out. */
const CLOSED = new Set(['ECONNRESET', 'EPIPE']);
/** Bytes of a response's head, more than any client takes. */
const MAX_HEADER_BYTES = 128 * 1024;
/** Requests that may be sent twice (RFC 9110 section 9.2.2). */
const REPEATABLE = new Set(['GET', 'HEAD', 'OPTIONS']);

/** One request of a client, and the response to it, streamed through as they are. */
export class Exchange {
  #upstream!: ClientRequest;
  #asked: BodyView | undefined;
  /** Whether the backend has got the whole request. */
  #isAsked: boolean;
  #hasAnswer = false;
  /** Whether the client has got its response, or has gone. */
  #isGone = false;
  #isRetry = false;
  #isTimeout = false;

  /**
   * @param path at the backend.
   * @param route `undefined` for a response that says nothing of cursors: its body is not looked at.
   * @param onAnswered called at most once, for a response that came in full.
   */
  constructor(
    private readonly parts: ExchangeParts,
    private readonly request: IncomingMessage,
    private readonly response: ServerResponse,
    private readonly path: string,
    private readonly route: DatafnRoute | undefined,
    private readonly onAnswered: (answered: Answered) => void,
  ) {
    this.#isAsked = !hasBody(request);
  }

  /** @param isTrusted whether the X-Forwarded headers of the client count. */
  start(isTrusted: boolean): void {
    const { request, response, parts } = this;
    const { target, agent, timeoutMs } = parts;
    const upstream = target.request({
      ...target.where,
      agent,
      method: request.method,
      path: this.path,
      headers: requestHeaders(request, target.host, isTrusted),
      timeout: timeoutMs,
      maxHeaderSize: MAX_HEADER_BYTES,
    });
    this.#upstream = upstream;
    upstream.on('response', (incoming) => this.#answer(incoming));
    upstream.on('continue', () => this.#inform(() => response.writeContinue()));
    upstream.on('information', ({ statusCode, rawHeaders }) => {
      if (statusCode === 102) this.#inform(() => response.writeProcessing());
      if (statusCode === 103) this.#inform(() => response.writeEarlyHints(earlyHints(endToEnd(rawHeaders))));
    });
    // It answers 101 to a request without Upgrade.
    upstream.on('upgrade', (_, socket) => {
      socket.destroy();
      this.#fail('it switched protocols unasked');
    });
    upstream.on('timeout', () => {
      this.#isTimeout = true;
      upstream.destroy(new Error(`nothing came for ${timeoutMs} ms`));
    });
    upstream.on('error', (error: NodeJS.ErrnoException) => {
      const isStale = upstream.reusedSocket && CLOSED.has(error.code ?? '') && !this.#hasAnswer;
      if (isStale && !this.#isRetry && !hasBody(request) && REPEATABLE.has(request.method ?? '')) {
        this.#isRetry = true;
        this.start(isTrusted);
      } else this.#fail(error.message);
    });
    if (!this.#isRetry) this.#follow();
    if (!hasBody(request)) upstream.end();
    else this.#send();
  }

  #send(): void {
    const { request, parts } = this;
    const upstream = this.#upstream;
    if (this.route === 'pull') {
      const view = new BodyView(request.headers['content-encoding'], parts.limitBytes);
      this.#asked = view;
      request.on('data', (chunk: Buffer) => view.write(chunk));
    }
    request.once('end', () => {
      this.#isAsked = true;
      // Before the pipe ends it.
      const { rawTrailers } = request;
      if (rawTrailers.length > 0) contain(() => upstream.addTrailers(trailerPairs(endToEnd(rawTrailers))));
    });
    request.on('error', () => upstream.destroy());
    request.pipe(upstream);
  }

  /** What the backend has not answered yet is given up with the client, unless it may have changed something. */
  #follow(): void {
    this.response.once('close', () => {
      this.#isGone = true;
      if (this.response.writableFinished) return;
      if (this.route === undefined || !this.#isAsked) this.#upstream.destroy();
    });
  }

  #answer(incoming: IncomingMessage): void {
    const { request, response, route, parts } = this;
    this.#hasAnswer = true;
    parts.state.responded();
    const view = route && new BodyView(incoming.headers['content-encoding'], parts.limitBytes);
    if (view !== undefined) incoming.on('data', (chunk: Buffer) => view.write(chunk));
    // What there is to do about it is done in `close`.
    incoming.on('error', () => {});
    incoming.on('close', () => {
      if (incoming.complete) return;
      view?.drop();
      response.destroy();
    });
    // The backend reads no more of the request.
    this.#upstream.once('close', () => {
      if (this.#isAsked) return;
      request.unpipe(this.#upstream);
      request.resume();
    });
    let hasEnded = false;
    const learn = () => this.#learn(incoming.statusCode ?? 0, view);
    incoming.once('end', () => {
      hasEnded = true;
      const { rawTrailers } = incoming;
      if (rawTrailers.length > 0) contain(() => response.addTrailers(trailerPairs(endToEnd(rawTrailers))));
      if (this.#isGone) learn();
    });
    if (this.#isGone) {
      incoming.resume();
      return;
    }
    try {
      this.#begin(incoming);
    } catch {
      this.#upstream.destroy();
      this.#refuse(502, UNREADABLE);
      return;
    }
    // After the last byte was handed to the socket, or when the client is gone.
    response.once('close', () => {
      if (hasEnded) learn();
      else {
        // The rest is read for its cursor.
        incoming.unpipe(response);
        incoming.resume();
      }
    });
    incoming.pipe(response);
  }

  #begin(incoming: IncomingMessage): void {
    const { request, response } = this;
    const { statusCode = 0, statusMessage = '', rawHeaders } = incoming;
    const isChunked =
      incoming.headers['content-length'] === undefined &&
      request.method !== 'HEAD' &&
      request.httpVersion !== '1.0' &&
      statusCode !== 204 &&
      statusCode !== 304;
    response.sendDate = false;
    // Trailers need chunks (RFC 9112 section 7.1.2).
    response.writeHead(statusCode, statusMessage, endToEnd(rawHeaders, isChunked ? NONE : TRAILER));
    // With the first bytes of the body, unless that is long in coming. `flushHeaders` would write them as UTF-8.
    setImmediate(() => {
      if (incoming.readableDidRead || incoming.readableEnded || response.destroyed) return;
      response.write(NOTHING);
    });
  }

  #learn(status: number, view: BodyView | undefined): void {
    const { route } = this;
    if (route === undefined || view === undefined) return;
    view.end((answer) => {
      if (this.#asked === undefined) this.onAnswered({ route, status, asked: undefined, answer });
      else this.#asked.end((asked) => this.onAnswered({ route, status, asked, answer }));
    });
  }

  /** An interim response (RFC 9110 section 15.2), which HTTP/1.0 does not have. */
  #inform(send: () => void): void {
    const { request, response } = this;
    if (!response.headersSent && !response.destroyed && request.httpVersion !== '1.0') contain(send);
  }

  #fail(why: string): void {
    const { response, parts } = this;
    // The client is gone: that is why.
    if (this.#isGone) return;
    if (this.#hasAnswer) {
      // A response that has begun is cut off here as it was there; one that is complete is unaffected.
      if (!response.writableEnded) response.destroy();
      return;
    }
    parts.state.failed(why);
    if (this.#isTimeout) this.#refuse(504, 'The DataFn backend did not respond in time');
    else this.#refuse(502, UNREADABLE);
  }

  #refuse(status: number, detail: string): void {
    const { request, response } = this;
    if (response.headersSent) {
      response.destroy();
      return;
    }
    request.unpipe(this.#upstream);
    request.resume();
    answerProblem(response, status, detail, { keepsConnection: request.complete });
  }
}

const UNREADABLE = 'The DataFn backend cannot be reached, or its response cannot be read';
const NOTHING = Buffer.alloc(0);
const NONE: ReadonlySet<string> = new Set();
const TRAILER: ReadonlySet<string> = new Set(['trailer']);

/** Answers with a problem document; without `keepsConnection`, it ends the connection. */
export function answerProblem(
  response: ServerResponse,
  status: number,
  detail: string,
  { keepsConnection = true, ...extra }: ProblemExtra & { readonly keepsConnection?: boolean } = {},
): void {
  const body = JSON.stringify(problem(status, detail, extra));
  response
    .writeHead(status, {
      ...(keepsConnection ? {} : { connection: 'close' }),
      'content-type': `${PROBLEM_TYPE}; charset=utf-8`,
      'content-length': Buffer.byteLength(body),
      'cache-control': 'no-store',
    })
    .end(body);
}

/** For what a peer sent that Node.js does not send. */
function contain(send: () => void): void {
  try {
    send();
  } catch {
    // Left out.
  }
}
