import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { PROBLEM_TYPE, problem } from './problem.js';

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
  /** More that is for the log, and not for the peer. */
  readonly why?: string | undefined;
}

/** Time to read an answer that ends a connection. It is short, so it waits only where earlier ones were not read. */
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
