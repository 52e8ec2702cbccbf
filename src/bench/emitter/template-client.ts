import * as http from 'node:http';
import * as https from 'node:https';
import type { Emission, TlsTrust } from '../../emit/api-client.js';
import { EXCHANGE_TIMEOUT_MS, limitExchange, withoutSecrets } from '../../emit/http-exchange.js';
import { unreachable } from '../../emit/unreachable.js';
import { DatafnWsError } from '../../protocol/errors.js';
import type { Lane } from './lane.js';

/** An HTTP request that makes somebody's server broadcast a cursor. `{namespace}` and `{cursor}` are filled in. */
export interface EmitTemplate {
  readonly method: string;
  /** Filled in percent-encoded. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Filled in as JSON texts without their quotes. `undefined` for no body. */
  readonly body: string | undefined;
  readonly tls: TlsTrust | undefined;
}

/** Emits by way of a template, one request a cursor, one after the other on one kept-alive connection. */
export class TemplateClient implements Lane {
  readonly #template: EmitTemplate;
  readonly #transport: typeof http | typeof https;
  readonly #agent: http.Agent;

  /** @param timeoutMs milliseconds from the call after which an emit has failed, whatever the server says meanwhile. */
  constructor(
    template: EmitTemplate,
    private readonly timeoutMs = EXCHANGE_TIMEOUT_MS,
  ) {
    this.#template = template;
    this.#transport = /^https:/i.test(template.url) ? https : http;
    this.#agent = new this.#transport.Agent({ keepAlive: true, maxSockets: 1, ...template.tls });
  }

  async emit(emissions: readonly Emission[]): Promise<number> {
    const deadlineMs = performance.now() + this.timeoutMs;
    for (const emission of emissions) {
      await this.#request(emission, Math.max(1, Math.round(deadlineMs - performance.now())));
    }
    return 0;
  }

  close(): void {
    this.#agent.destroy();
  }

  /** A header may hold a secret, as a whole or behind a scheme. */
  #refused(url: string, words: string): DatafnWsError {
    const secrets = Object.values(this.#template.headers).flatMap((value) => [
      value,
      value.slice(value.indexOf(' ') + 1),
    ]);
    return new DatafnWsError(
      'ERR_REFUSED',
      `${new URL(url).origin} refused: ${withoutSecrets(words, secrets)}`,
    );
  }

  #request(emission: Emission, timeoutMs: number): Promise<void> {
    const { method, headers } = this.#template;
    const url = fillIn(this.#template.url, emission, encodeURIComponent);
    const body =
      this.#template.body &&
      fillIn(this.#template.body, emission, (text) => JSON.stringify(text).slice(1, -1));
    return new Promise((resolve, reject) => {
      const request = this.#transport.request(url, {
        method,
        agent: this.#agent,
        headers: { ...headers, ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }) },
      });
      const fail = (error: Error) => reject(unreachable(new URL(url).origin, error));
      limitExchange(request, timeoutMs, fail);
      request.on('error', fail);
      request.on('response', (response) => {
        response.resume();
        const { statusCode = 0, statusMessage = '' } = response;
        response.on('end', () => {
          if (statusCode >= 200 && statusCode < 300) resolve();
          else reject(this.#refused(url, `${statusCode} ${statusMessage}`));
        });
        response.on('error', fail);
      });
      request.end(body);
    });
  }
}

function fillIn(template: string, { namespace, cursor }: Emission, encode: (text: string) => string): string {
  return template.replace(/\{(namespace|cursor)\}/g, (_, name: string) =>
    encode(name === 'cursor' ? cursor : namespace),
  );
}
