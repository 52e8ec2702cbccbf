import { IpcBackplane } from '../backplane/ipc.js';
import { createServer } from '../server/create-server.js';
import type { ApiBackend } from '../server/http/api.js';
import type { DatafnWsServer, ShutdownStage } from '../server/server-types.js';
import { Answers } from './answers.js';
import type { Batches } from './batches.js';
import { BroadcastReports } from './broadcast-reports.js';
import type { Ask, ToPrimary, ToWorker, WorkerSetup } from './messages.js';
import { type WorkerAuth, workerAuth } from './namespace-source.js';
import { Reports } from './reporting.js';
import { RoomWatch } from './room-watch.js';
import { SharedEvents } from './shared-events.js';
import { listenAtShared, type SharedSocket } from './shared-sockets.js';

/** From one report of counts to the next, at least; none when nothing has happened. */
const STATS_MS = 1000;

/** The server of a worker: serves its clients, and leaves to the primary what concerns all of them. */
export class WorkerServer {
  /** Called when the server cannot be set up. */
  onFailed: (error: unknown) => void = () => {};
  readonly #answers: Answers;
  /** Sockets to accept from that have come; complete, they are used and forgotten. */
  #sockets: SharedSocket[] = [];
  #listenAt: ((sockets: readonly SharedSocket[]) => Promise<void>) | undefined;
  #stopListening: () => void = () => {};
  readonly #room: RoomWatch;
  #isLeaving = false;
  #setup: WorkerSetup | undefined;
  #backplane: IpcBackplane | undefined;
  #server: DatafnWsServer | undefined;
  #auth: WorkerAuth = {};
  /** What the API of this process alone would call. */
  #own: ApiBackend | undefined;

  /** Goes on with the shutdown. */
  readonly #waiting = new Map<ShutdownStage, () => void>();

  readonly #events: SharedEvents;

  constructor(private readonly batches: Batches<ToPrimary>) {
    this.#events = new SharedEvents(batches);
    this.#answers = new Answers((question) => batches.send(question));
    this.#room = new RoomWatch((hasRoom) => {
      if (!hasRoom) this.#stopListening();
      batches.send({ type: 'room', hasRoom });
    });
  }

  /** Takes a socket to listen at. The server begins with the last one, or accepts again. */
  addSocket(socket: SharedSocket): void {
    this.#sockets.push(socket);
    const [setup, backplane] = [this.#setup, this.#backplane];
    if (setup === undefined || backplane === undefined || this.#sockets.length < setup.sockets) return;
    const sockets = this.#sockets;
    this.#sockets = [];
    if (this.#isLeaving) for (const one of sockets) one.close();
    else if (this.#listenAt !== undefined) this.#listenAt(sockets).catch(this.onFailed);
    else
      this.#begin(setup, backplane, sockets).then(() => {
        this.batches.send({ type: 'listening' });
        this.#room.start();
      }, this.onFailed);
  }

  take(message: Exclude<ToWorker, { readonly type: 'socket' }>): void {
    switch (message.type) {
      case 'setup':
        this.#setup = message.setup;
        this.#backplane = new IpcBackplane(
          { send: (said) => this.batches.send({ type: 'backplane', message: said }) },
          {
            id: message.setup.id,
            workers: message.setup.workers,
            cluster: message.setup.cluster,
            maxConnections: message.setup.settings.maxConnections,
          },
        );
        break;
      case 'backplane':
        this.#backplane?.receive(message.message);
        break;
      case 'pass':
        this.#waiting.get(message.stage)?.();
        break;
      case 'stopAccepting':
        this.#stopListening();
        break;
      case 'close':
        void this.close(message.drainMs);
        break;
      case 'ask':
        void this.#answer(message);
        break;
      case 'answer':
        this.#answers.heard(message);
        break;
      case 'record':
      case 'recorded':
        this.#events.take(message);
        break;
    }
  }

  /** Leaves new connections to the other workers, and closes all clients with 1001. */
  async crash(): Promise<void> {
    this.#stopListening();
    await this.close(0);
  }

  /** Shuts down; see `DatafnWsServer.close`. */
  async close(drainMs?: number): Promise<void> {
    this.#isLeaving = true;
    this.#room.stop();
    await this.#server?.close({ drainMs });
  }

  async #begin(
    { settings, auth, tls, reporting, ids }: WorkerSetup,
    backplane: IpcBackplane,
    sockets: readonly SharedSocket[],
  ): Promise<void> {
    const reports = new Reports(this.batches, reporting);
    const broadcasts = new BroadcastReports(backplane, reports.broadcast);
    this.#auth = await workerAuth(auth, (message, context) => reports.logger?.warn(message, context));
    const server = createServer(
      {
        ...settings,
        tls,
        namespaceProvider: this.#auth.provider,
        logger: reports.logger,
        observer: {
          ...reports.observer,
          ...(reports.broadcast && {
            broadcast: (namespace, cursor, delivered) => broadcasts.delivered(namespace, cursor, delivered),
          }),
        },
        backplane: broadcasts,
      },
      {
        numbers: ids,
        reached: (stage) =>
          new Promise((resolve) => {
            this.#waiting.set(stage, resolve);
            this.batches.send({ type: 'reached', stage });
          }),
        listenAt: async (httpServer) => {
          httpServer.on('connection', this.#room.onConnection);
          this.#listenAt = async (at) => {
            this.#stopListening = await listenAtShared(httpServer, at);
          };
          await this.#listenAt(sockets);
          return () => this.#stopListening();
        },
        shareApi: (own) => this.#shareApi(own),
        recordFrom: (stream) => this.#events.recordFrom(stream),
      },
    );
    this.#server = server;
    await server.listen();
    const reported = setInterval(() => this.#reportStats(server), STATS_MS);
    reported.unref();
    void server.closed.then((outcome) => {
      clearInterval(reported);
      this.batches.send({ type: 'closed', outcome, stats: server.stats() });
    });
  }

  #lastCounts = '';

  /** The primary keeps the last counts of a worker that dies. */
  #reportStats(server: DatafnWsServer): void {
    const stats = server.stats();
    const { process, uptimeMs, timeMs, ...counts } = stats;
    const text = JSON.stringify(counts);
    if (text === this.#lastCounts) return;
    this.#lastCounts = text;
    this.batches.send({ type: 'stats', stats });
  }

  /** What the API of this process calls: the primary answers for all workers. */
  #shareApi(own: ApiBackend): ApiBackend {
    this.#own = own;
    const { shutdown } = own;
    return {
      ...own,
      stats: async () => (await this.#answers.ask('stats')) ?? own.stats(),
      snapshot: async () => (await this.#answers.ask('snapshot')) ?? own.snapshot(),
      namespaces: async () => (await this.#answers.ask('namespaces')) ?? own.namespaces(),
      clients: async (query) => (await this.#answers.ask('clients', query)) ?? own.clients(query),
      kick: async (kick) => (await this.#answers.ask('kick', kick)) ?? own.kick(kick),
      clusterView: async () => (await this.#answers.ask('cluster')) ?? own.clusterView(),
      shutdown: {
        get isReady() {
          return shutdown.isReady;
        },
        get takesCursors() {
          return shutdown.takesCursors;
        },
        get drainLeftMs() {
          return shutdown.drainLeftMs;
        },
        announce: async () => (await this.#answers.ask('announce')) ?? shutdown.announce(),
        begin: () => this.batches.send({ type: 'drain' }),
      },
    };
  }

  async #answer(question: Ask): Promise<void> {
    // The primary answers with what it knows of all workers, too.
    this.#backplane?.tell();
    this.batches.send({ type: 'answer', id: question.id, value: await this.#valueOf(question) });
  }

  async #valueOf(question: Ask): Promise<unknown> {
    const own = this.#own;
    if (own === undefined) return undefined;
    switch (question.name) {
      case 'stats':
        return this.#server?.stats();
      case 'snapshot':
        return own.snapshot();
      case 'namespaces':
        return [...(await own.namespaces())];
      case 'clients':
        return question.argument && own.clients(question.argument);
      case 'kick':
        return question.argument && own.kick(question.argument);
      case 'cluster':
        return own.clusterView();
      case 'announce':
        return own.shutdown.announce();
      case 'tls':
        if (question.argument !== undefined) this.#server?.updateTls(question.argument);
        return undefined;
      case 'tokens':
        this.#auth.tokens?.replace(new Map(question.argument));
        return undefined;
    }
  }
}
