import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Address } from '../../../options/bench.js';
import { DatafnWsError } from '../../../protocol/errors.js';
import {
  hasLoopbackHost,
  hasSeveralHosts,
  hostOf,
  hostRefusal,
  isLoopback,
} from '../../../server/http/hosts-and-origins.js';
import { closeHttpServer, listen, listenError } from '../../../server/http/listening.js';
import { ProblemError } from '../../../server/http/problem.js';
import { type Routes, routeRequests } from '../../../server/http/router.js';

/** Connections at a time. */
const MAX_CONNECTIONS = 64;
/** How long a connection may take for a request. */
const REQUEST_MS = 10_000;

/**
 * An HTTP server beside a run, for those who watch it. On loopback it answers only requests for a loopback name, so that no
 * page reads it by rebinding its own; elsewhere it answers anybody.
 */
export class LivePort {
  readonly #server: Server;

  /** @param flag the flag that chose the address, for messages. */
  constructor(
    routes: Routes,
    private readonly address: Address,
    private readonly flag: string,
  ) {
    const isLocal = isLoopback(address.host);
    const answer = routeRequests(
      routes,
      () => {},
      (request, response) => {
        if (isLocal && (hasSeveralHosts(request) || !hasLoopbackHost(hostOf(request)))) {
          throw new ProblemError(403, hostRefusal(hostOf(request)), {
            field: 'Host',
            fix: 'Call it as http://127.0.0.1 or http://localhost.',
          });
        }
        response.setHeader('x-content-type-options', 'nosniff');
        response.setHeader('cross-origin-resource-policy', 'same-origin');
        return false;
      },
    );
    this.#server = createServer({ headersTimeout: REQUEST_MS, requestTimeout: REQUEST_MS }, answer);
    this.#server.maxConnections = MAX_CONNECTIONS;
  }

  /**
   * @returns the URL of its root.
   * @throws {DatafnWsError} `ERR_INVALID_OPTION` when the address cannot be listened on.
   */
  async listen(): Promise<string> {
    const { host, port } = this.address;
    try {
      await listen(this.#server, host, port);
    } catch (error) {
      // Not the exit code of a target that cannot be reached: this is about a flag, and nothing was run.
      const { message } = listenError(error, host, port, { host: this.flag, port: this.flag });
      throw new DatafnWsError('ERR_INVALID_OPTION', message, { cause: error });
    }
    const { port: bound } = this.#server.address() as AddressInfo;
    return `http://${host.includes(':') ? `[${host}]` : host}:${bound}/`;
  }

  /** Idempotent. */
  close(): Promise<void> {
    return closeHttpServer(this.#server);
  }
}
