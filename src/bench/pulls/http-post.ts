import * as http from 'node:http';
import * as https from 'node:https';

/** Certificates for `https:` URLs. */
export interface PostTls {
  readonly ca: string | undefined;
  readonly rejectUnauthorized: boolean;
}

export type PostAnswer =
  | { readonly status: number; readonly text: string }
  /** No answer, and why: an error code, or `timeout`. */
  | { readonly error: string };

/** Posts JSON, each request on a connection of its own where none is free, as many clients do. */
export class HttpPost {
  readonly #transport: typeof http | typeof https;
  readonly #agent: http.Agent;

  constructor(
    private readonly url: URL,
    tls: PostTls | undefined,
    private readonly timeoutMs: number,
  ) {
    this.#transport = url.protocol === 'https:' ? https : http;
    this.#agent = new this.#transport.Agent({
      keepAlive: true,
      maxFreeSockets: Number.POSITIVE_INFINITY,
      ...tls,
    });
  }

  /** @param token sent as `Authorization: Bearer`; left out if it is `undefined`. */
  post(body: unknown, token: string | undefined, isRetry = false): Promise<PostAnswer> {
    const text = JSON.stringify(body);
    return new Promise((resolve) => {
      const request = this.#transport.request(this.url, {
        method: 'POST',
        agent: this.#agent,
        headers: {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(text),
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        },
      });
      const deadline = setTimeout(() => {
        resolve({ error: 'timeout' });
        request.destroy();
      }, this.timeoutMs);
      const fail = (error: NodeJS.ErrnoException) => {
        clearTimeout(deadline);
        // The server ended an idle connection just when it was used again; browsers repeat such a request.
        if (request.reusedSocket && !isRetry && /ECONNRESET|EPIPE/.test(error.code ?? ''))
          resolve(this.post(body, token, true));
        else resolve({ error: error.code ?? error.message });
      };
      request.on('error', fail);
      request.on('response', (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', fail);
        response.on('end', () => {
          clearTimeout(deadline);
          resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() });
        });
      });
      request.end(text);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}
