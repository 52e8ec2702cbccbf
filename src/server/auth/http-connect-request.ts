import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { AddressOf } from '../limits/client-address.js';
import type { ConnectRequest } from './provider.js';
import { tokenOf } from './token-source.js';

/** What the provider is asked about: an upgrade, or a request of a client. */
export class HttpConnectRequest implements ConnectRequest {
  readonly token: string | undefined;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly #request: IncomingMessage;
  readonly #addressOf: AddressOf;

  constructor(request: IncomingMessage, addressOf: AddressOf) {
    this.token = tokenOf(request);
    this.url = request.url ?? '';
    this.headers = request.headers;
    this.#request = request;
    this.#addressOf = addressOf;
  }

  /** A getter, since it takes a system call, and few providers need it. */
  get remoteAddress(): string | undefined {
    return this.#addressOf(this.#request);
  }
}
