import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';

/** The media type of {@link Problem} (RFC 9457 section 6.1). */
export const PROBLEM_TYPE = 'application/problem+json';

/** An error of the HTTP API (RFC 9457). */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  /** What was wrong with this request. */
  readonly detail: string;
  /** Which part of the request was wrong, such as `[3].cursor`. */
  readonly field?: string;
  /** What to do about it. */
  readonly fix?: string;
}

/** Called with each request that is answered with a problem document. */
export type ProblemListener = (request: IncomingMessage, problem: Problem) => void;

/** The optional members of a {@link Problem}. */
export type ProblemExtra = { readonly [Name in 'field' | 'fix']?: Problem[Name] | undefined };

/** Thrown by a route to answer with a problem document, and to end the connection with `endsConnection`. */
export class ProblemError extends Error {
  constructor(
    readonly statusCode: number,
    detail: string,
    readonly extra: ProblemExtra & { readonly endsConnection?: boolean } = {},
  ) {
    super(detail);
  }

  toProblem(): Problem {
    return problem(this.statusCode, this.message, this.extra);
  }
}

export function problem(status: number, detail: string, extra: ProblemExtra = {}): Problem {
  const { field, fix } = extra;
  return {
    type: 'about:blank',
    title: STATUS_CODES[status] ?? 'Error',
    status,
    detail,
    ...(field === undefined ? {} : { field }),
    ...(fix === undefined ? {} : { fix }),
  };
}

/** An HTTP error for a request that never became one for the router. */
export interface Refusal {
  readonly status: number;
  /** Says what was expected, for the problem document (RFC 9457) and the log. */
  readonly detail: string;
  /** Which part of the request was wrong. */
  readonly field?: string | undefined;
  /** What to do about it. */
  readonly fix?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** More for the log, which the peer does not learn. */
  readonly why?: string | undefined;
}

/** Looks at an upgrade before authentication; what it returns refuses it. Must not throw. */
export type UpgradeGate = (request: IncomingMessage) => Refusal | undefined;

/** The header that tells a client when to try again, in whole seconds and at least one (RFC 9110 section 10.2.3). */
export function retryAfter(ms: number): Readonly<Record<string, string>> {
  return { 'Retry-After': String(Math.max(1, Math.ceil(ms / 1000))) };
}

/** Time to read an answer that ends a connection. It is short, so it waits only behind answers that were not read. */
const READ_WITHIN_MS = 2000;

/**
 * Answers with a problem document straight to the socket, and ends the connection: at once, or after two seconds if the
 * peer does not read.
 */
export function endWithProblem(socket: Duplex, refusal: Refusal): void {
  const { status, detail, field, fix, headers = {} } = refusal;
  const body = JSON.stringify(problem(status, detail, { field, fix }));
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Connection: close',
    `Content-Type: ${PROBLEM_TYPE}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ];
  const deadline = setTimeout(() => socket.destroy(), READ_WITHIN_MS).unref();
  socket.once('close', () => clearTimeout(deadline));
  socket.once('finish', () => socket.destroy());
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`);
}
