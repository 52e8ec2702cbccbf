import * as http from 'node:http';
import * as https from 'node:https';
import { urlToHttpOptions } from 'node:url';
import { DatafnWsError } from '../protocol/errors.js';
import { formatSize } from '../text/units.js';
import { EXCHANGE_TIMEOUT_MS, limitExchange } from './exchange-deadline.js';
import { problemWords } from './http-refusal.js';
import { unreachable } from './unreachable.js';
import { withoutSecrets } from './without-secrets.js';

/** Largest answer that is read: several times that to the largest batch. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
/** As much of a server's own words as an error shows. */
const MAX_WORDS = 500;

const IS_IT_OURS = 'is it a datafn-ws server?';

/** One cursor for one namespace. */
export interface Emission {
  readonly namespace: string;
  readonly cursor: string;
}

/** What the server says of one emission. */
export interface EmissionResult extends Emission {
  /** Clients that were handed the cursor. */
  readonly delivered: number;
}

/** Whom to believe over TLS. */
export interface TlsTrust {
  /** Certificates in PEM to trust in place of all others. */
  readonly ca: string | undefined;
  /** False trusts any certificate. */
  readonly rejectUnauthorized: boolean;
}

export interface ApiClientOptions {
  /** Base URL of the HTTP API, such as `http://127.0.0.1:3001`. */
  readonly url: string;
  readonly adminToken?: string | undefined;
  /** Whom to believe over TLS, for an `https:` URL; what this process trusts by default, see `trustSystem`. */
  readonly tls?: TlsTrust | undefined;
  /**
   * Milliseconds from the call after which a request that is not answered in full has failed, the wait for earlier
   * requests included. Default 10,000.
   */
  readonly timeoutMs?: number | undefined;
}

/**
 * A client of the HTTP API on one kept-alive connection: requests go out one after the other, so cursors keep
 * their order.
 */
export class ApiClient {
  readonly #options: ApiClientOptions;
  readonly #transport: typeof http | typeof https;
  readonly #agent: http.Agent;
  readonly #base: string;
  /** The base URL as the transport takes it: reading it anew would be a good part of what a request costs. */
  readonly #where: http.RequestOptions;

  constructor(options: ApiClientOptions) {
    this.#options = options;
    const { protocol, href } = new URL(options.url);
    this.#base = href.replace(/\/+$/, '');
    this.#where = urlToHttpOptions(new URL(this.#base));
    this.#transport = protocol === 'https:' ? https : http;
    this.#agent = new this.#transport.Agent({ keepAlive: true, maxSockets: 1, ...options.tls });
  }

  /**
   * Broadcasts cursors, in one request and so in one turn of the server's event loop.
   *
   * @throws {DatafnWsError} `ERR_UNREACHABLE` when nobody answers, `ERR_REFUSED` when the answer is no.
   */
  async emit(emissions: readonly Emission[]): Promise<EmissionResult[]> {
    const answer = await this.#request('POST', '/v1/cursors', JSON.stringify(emissions));
    const results = (answer as { results?: unknown } | undefined)?.results;
    if (!Array.isArray(results) || results.length !== emissions.length || !results.every(isResult))
      throw this.#refused(`an answer without \`results\`; ${IS_IT_OURS}`);
    // Not the server's words for what was emitted.
    return results.map(({ delivered }, index) => ({ ...(emissions[index] as Emission), delivered }));
  }

  /** What `GET` answers at a path of the API. Throws as {@link emit} does. */
  get(path: string): Promise<unknown> {
    return this.#request('GET', path);
  }

  /** Drops the connection, and a request that is under way. */
  close(): void {
    this.#agent.destroy();
  }

  /** The path may be that of something else on the server. */
  #elsewhere(status: number): string {
    const { origin, pathname } = new URL(this.#base);
    return status === 404 && pathname !== '/' ? `. Is the HTTP API at ${origin} instead?` : '';
  }

  #refused(what: string, status?: number): DatafnWsError {
    return new DatafnWsError('ERR_REFUSED', `${this.#base} refused: ${what}`, { cause: { status } });
  }

  #request(method: string, path: string, body?: string): Promise<unknown> {
    const { adminToken, timeoutMs = EXCHANGE_TIMEOUT_MS } = this.#options;
    return new Promise((resolve, reject) => {
      const request = this.#transport.request({
        ...this.#where,
        path: `${this.#where.path === '/' ? '' : this.#where.path}${path}`,
        method,
        agent: this.#agent,
        headers: {
          ...(body === undefined
            ? {}
            : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
          ...(adminToken === undefined ? {} : { authorization: `Bearer ${adminToken}` }),
        },
      });
      const fail = (error: Error) => reject(unreachable(this.#base, error));
      limitExchange(request, timeoutMs, fail);
      request.on('error', fail);
      request.on('response', (response) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        response.on('data', (chunk: Buffer) => {
          chunks.push(chunk);
          bytes += chunk.length;
          if (bytes <= MAX_ANSWER_BYTES) return;
          chunks.length = 0;
          reject(this.#refused(`an answer of more than ${formatSize(MAX_ANSWER_BYTES)}; ${IS_IT_OURS}`));
          request.destroy();
        });
        response.on('error', fail);
        response.on('end', () => {
          const answer = parse(Buffer.concat(chunks).toString());
          const status = response.statusCode ?? 0;
          if (status >= 200 && status < 300) resolve(answer);
          else {
            const said = problemWords(answer) ?? response.statusMessage ?? '';
            const words = withoutSecrets(said, adminToken === undefined ? [] : [adminToken]).slice(
              0,
              MAX_WORDS,
            );
            reject(this.#refused(`${status} ${words}`.trim() + this.#elsewhere(status), status));
          }
        });
      });
      request.end(body);
    });
  }
}

/** The HTTP status of an `ERR_REFUSED`, when it was one that said no. */
export function refusedWith(error: unknown): number | undefined {
  const { cause } = error as { cause?: { status?: number } };
  return error instanceof DatafnWsError && error.code === 'ERR_REFUSED' ? cause?.status : undefined;
}

function isResult(value: unknown): value is EmissionResult {
  const { namespace, cursor, delivered } = (value ?? {}) as Record<string, unknown>;
  return typeof namespace === 'string' && typeof cursor === 'string' && isCount(delivered);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
