import * as http from 'node:http';
import * as https from 'node:https';
import { urlToHttpOptions } from 'node:url';
import { DatafnWsError } from '../protocol/errors.js';
import { formatSize } from '../text/units.js';
import { EXCHANGE_TIMEOUT_MS, limitExchange, problemWords, withoutSecrets } from './http-exchange.js';
import { unreachable } from './unreachable.js';

/** Largest answer that is read: several times the answer to the largest batch. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
/** Characters of a server's own words that an error shows. */
const MAX_WORDS = 500;

const IS_IT_OURS = 'is it a datafn-ws server?';

/** One cursor for one namespace. */
export interface Emission {
  readonly namespace: string;
  readonly cursor: string;
  /** Makes the cursor the newest of its namespace, however low it is. */
  readonly reset?: true;
  /** Whom it concerns; left out for everybody. */
  readonly affectedPrincipals?: readonly string[];
}

/** The server's answer to one emission. */
export interface EmissionResult extends Emission {
  /** Clients that were sent the cursor; in a cluster, those of this server. */
  readonly delivered: number;
  /** In a cluster: whether its engine has acknowledged the cursor. If not, the server sends it later. */
  readonly replicated?: boolean;
  /** In a cluster: servers that are alive, this one included. */
  readonly nodes?: number;
}

/** Which certificates to trust. */
export interface TlsTrust {
  /** PEM certificates to trust in place of all others. */
  readonly ca: string | undefined;
  /** False trusts any certificate. */
  readonly rejectUnauthorized: boolean;
}

export interface ApiClientOptions {
  /** Base URL of the HTTP API, such as `http://127.0.0.1:3001`. */
  readonly url: string;
  readonly adminToken?: string | undefined;
  /** Which certificates to trust for an `https:` URL. Default: those of this process, see `trustSystem`. */
  readonly tls?: TlsTrust | undefined;
  /**
   * Milliseconds from the call to the complete answer, the wait for earlier requests included. Default 10,000.
   */
  readonly timeoutMs?: number | undefined;
}

/**
 * A client of the HTTP API on one kept-alive connection: requests go out one after the other, so cursors stay in order.
 */
export class ApiClient {
  readonly #options: ApiClientOptions;
  readonly #transport: typeof http | typeof https;
  readonly #agent: http.Agent;
  readonly #base: string;
  /** The base URL, parsed once: parsing would be a good part of the cost of a request. */
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
   * Broadcasts cursors in one request, and so in one tick of the server's event loop.
   *
   * @throws {DatafnWsError} `ERR_UNREACHABLE` without an answer, `ERR_REFUSED` when the server refuses.
   */
  async emit(emissions: readonly Emission[]): Promise<EmissionResult[]> {
    const answer = await this.#request('POST', '/v1/cursors', JSON.stringify(emissions));
    const results = (answer as { results?: unknown } | undefined)?.results;
    if (!Array.isArray(results) || results.length !== emissions.length || !results.every(isResult))
      throw this.#refused(`an answer without \`results\`; ${IS_IT_OURS}`);
    const inCluster = clusterOf(answer);
    // Only the counts are the server's; the rest is known.
    return results.map(({ delivered }, index) => ({
      ...(emissions[index] as Emission),
      delivered,
      ...inCluster,
    }));
  }

  /** The answer to `GET` at a path of the API. Throws as {@link emit} does. */
  get(path: string): Promise<unknown> {
    return this.#request('GET', path);
  }

  /** The answer to `PUT` or `DELETE` at a path of the API. Throws as {@link emit} does. */
  call(method: 'PUT' | 'DELETE', path: string, body?: unknown): Promise<unknown> {
    return this.#request(method, path, body === undefined ? undefined : JSON.stringify(body));
  }

  /** Drops the connection and the request under way. */
  close(): void {
    this.#agent.destroy();
  }

  /** A hint for a URL whose path is wrong. */
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

/** The HTTP status of an `ERR_REFUSED`; `undefined` for other errors. */
export function refusedWith(error: unknown): number | undefined {
  const { cause } = error as { cause?: { status?: number } };
  return error instanceof DatafnWsError && error.code === 'ERR_REFUSED' ? cause?.status : undefined;
}

/** What a server of a cluster says of the rest of it. */
function clusterOf(answer: unknown): Pick<EmissionResult, 'replicated' | 'nodes'> {
  const { replicated, nodes } = answer as Record<string, unknown>;
  return typeof replicated === 'boolean' && isCount(nodes) ? { replicated, nodes } : {};
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
