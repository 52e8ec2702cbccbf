import * as http from 'node:http';
import * as https from 'node:https';
import type { TlsTrust } from '../../emit/api-client.js';
import { EXCHANGE_TIMEOUT_MS, limitExchange } from '../../emit/http-exchange.js';
import { unreachable } from '../../emit/unreachable.js';

export interface HttpCall {
  readonly method: string;
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly tls?: TlsTrust | undefined;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly text: string;
  /** The body as JSON; `undefined` where it is not JSON. */
  readonly json: unknown;
}

/** An answer of more than this is cut. */
const MAX_BYTES = 16 * 1024 * 1024;

/**
 * One HTTP request, on a connection of its own.
 *
 * @throws {DatafnWsError} `ERR_UNREACHABLE` without a complete answer.
 */
export function call({ method, url, headers = {}, body, tls }: HttpCall): Promise<HttpAnswer> {
  const transport = new URL(url).protocol === 'https:' ? https : http;
  const text = body === undefined ? undefined : JSON.stringify(body);
  const framing =
    text === undefined
      ? {}
      : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(text)) };
  return new Promise((resolve, reject) => {
    const request = transport.request(url, {
      method,
      headers: { ...framing, ...headers },
      agent: false,
      ...tls,
    });
    const fail = (error: Error) => reject(unreachable(url, error));
    limitExchange(request, EXCHANGE_TIMEOUT_MS, fail);
    request.on('error', fail);
    request.on('response', (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes <= MAX_BYTES) chunks.push(chunk);
      });
      response.on('error', fail);
      response.on('end', () => {
        const answer = Buffer.concat(chunks).toString();
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          text: answer,
          json: parsed(answer),
        });
      });
    });
    request.end(text);
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
