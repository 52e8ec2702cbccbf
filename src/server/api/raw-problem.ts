import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { PROBLEM_TYPE, problem } from './problem.js';

/** An HTTP error for a request that never became one for the router. */
export interface Refusal {
  readonly status: number;
  /** Says what was expected, for the problem document (RFC 9457) and the log. */
  readonly detail: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** Answers with a problem document straight to the socket, and ends the connection. */
export function endWithProblem(socket: Duplex, { status, detail, headers = {} }: Refusal): void {
  const body = JSON.stringify(problem(status, detail));
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Connection: close',
    `Content-Type: ${PROBLEM_TYPE}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ];
  socket.once('finish', () => socket.destroy());
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`);
}
