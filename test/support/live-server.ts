import { createDatafnWsServer } from '../../src/server/create-server.js';
import type { Closer, ConnectionInfo, RequestInfo, ServerObserver } from '../../src/server/events/events.js';
import type { DatafnWsServer, DatafnWsServerOptions, ListenAddress } from '../../src/server/server-types.js';
import { Waiters } from './deadline.js';
import { RawClient, type RawClientOptions } from './raw-client.js';
import { RecordingLogger } from './recording-logger.js';

/** Something that a server told its observer. */
export type ServerEvent =
  | { readonly event: 'connected'; readonly connection: ConnectionInfo; readonly connections: number }
  | { readonly event: 'hello'; readonly connection: ConnectionInfo }
  | {
      readonly event: 'refused';
      readonly connection: ConnectionInfo;
      readonly code: number;
      readonly reason: string;
      readonly why: string | undefined;
    }
  | {
      readonly event: 'rejectedUpgrade';
      readonly status: number;
      readonly detail: string;
      readonly why: string | undefined;
    }
  | {
      readonly event: 'rejectedRequest';
      readonly status: number;
      readonly detail: string;
      readonly request: RequestInfo | undefined;
    }
  | {
      readonly event: 'closed';
      readonly connection: ConnectionInfo;
      readonly code: number;
      readonly reason: string;
      readonly by: Closer;
    }
  | {
      readonly event: 'broadcast';
      readonly namespace: string;
      readonly cursor: string;
      readonly delivered: number;
    }
  | { readonly event: 'fault'; readonly fault: string; readonly connection: ConnectionInfo | undefined }
  | { readonly event: 'faultsSet'; readonly faults: readonly string[] };

/** An observer that keeps what it is told, and lets tests wait for it. */
export class RecordingObserver implements ServerObserver {
  readonly events: ServerEvent[] = [];
  readonly #waiters = new Waiters();

  connected(connection: ConnectionInfo, connections: number): void {
    this.#add({ event: 'connected', connection, connections });
  }

  hello(connection: ConnectionInfo): void {
    this.#add({ event: 'hello', connection });
  }

  refused(connection: ConnectionInfo, code: number, reason: string, why?: string): void {
    this.#add({ event: 'refused', connection, code, reason, why });
  }

  rejectedUpgrade(status: number, detail: string, why?: string): void {
    this.#add({ event: 'rejectedUpgrade', status, detail, why });
  }

  rejectedRequest(status: number, detail: string, request?: RequestInfo): void {
    this.#add({ event: 'rejectedRequest', status, detail, request });
  }

  closed(connection: ConnectionInfo, code: number, reason: string, by: Closer): void {
    this.#add({ event: 'closed', connection, code, reason, by });
  }

  broadcast(namespace: string, cursor: string, delivered: number): void {
    this.#add({ event: 'broadcast', namespace, cursor, delivered });
  }

  fault(fault: string, connection: ConnectionInfo | undefined): void {
    this.#add({ event: 'fault', fault, connection });
  }

  faultsSet(faults: readonly string[]): void {
    this.#add({ event: 'faultsSet', faults });
  }

  of<Name extends ServerEvent['event']>(name: Name): Extract<ServerEvent, { event: Name }>[] {
    return this.events.filter((one): one is Extract<ServerEvent, { event: Name }> => one.event === name);
  }

  /** Resolves with the events of a kind when there are at least `count`. */
  async until<Name extends ServerEvent['event']>(
    name: Name,
    count = 1,
  ): Promise<Extract<ServerEvent, { event: Name }>[]> {
    await this.#waiters.until(
      () => this.of(name).length >= count,
      () => `${count} × ${name}, got ${JSON.stringify(this.events)}`,
    );
    return this.of(name);
  }

  #add(event: ServerEvent): void {
    this.events.push(event);
    this.#waiters.changed();
  }
}

/** A server in this process, listening on a free port. */
export interface LiveServer extends ListenAddress {
  readonly server: DatafnWsServer;
  readonly events: RecordingObserver;
  readonly logger: RecordingLogger;
}

const servers = new Set<DatafnWsServer>();
const clients = new Set<RawClient>();

/** Starts a server in this process on a free port, without heartbeat unless the options say otherwise. */
export async function startServer(options: DatafnWsServerOptions = {}): Promise<LiveServer> {
  const events = new RecordingObserver();
  const logger = new RecordingLogger();
  const server = createDatafnWsServer({
    port: 0,
    heartbeatIntervalMs: 0,
    shutdownTimeoutMs: 1000,
    observer: events,
    logger,
    ...options,
  });
  servers.add(server);
  return { ...(await server.listen()), server, events, logger };
}

/** Connects a raw client and insists on being let in. */
export async function openClient(wsUrl: string, token?: string, options: RawClientOptions = {}) {
  return keep(await RawClient.open(wsUrl, { token, ...options }));
}

/** Connects a raw client; whatever the server answers is fine. */
export async function connectClient(wsUrl: string, options: RawClientOptions = {}) {
  return keep(await RawClient.connect(wsUrl, options));
}

/** Begins to connect a raw client, and waits for nothing. */
export function startClient(wsUrl: string, options: RawClientOptions = {}): RawClient {
  return keep(new RawClient(wsUrl, options));
}

function keep(client: RawClient): RawClient {
  clients.add(client);
  return client;
}

/** Ends every server and client that these helpers started. For `afterEach`. */
export async function disposeLive(): Promise<void> {
  const [leftClients, leftServers] = [[...clients], [...servers]];
  clients.clear();
  servers.clear();
  await Promise.all(leftClients.map((client) => client.destroy()));
  await Promise.all(leftServers.map((server) => server.close()));
}
