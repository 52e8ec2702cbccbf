import type { Backplane } from '../backplane/backplane.js';
import type { DatafnLogger } from '../manager/types.js';
import type { ServerSettings } from '../options/server-options.js';
import { listenAddress } from '../server/create-server.js';
import type { ServerObserver } from '../server/events/events.js';
import type { ServerStats } from '../server/health/statistics.js';
import { closedError, takenLoopback } from '../server/http/listening.js';
import { MetricsPort } from '../server/http/metrics-port.js';
import type { ListenAddress } from '../server/server-types.js';
import { Gathering } from './gathering.js';
import { JointShutdown, type WorkersOutcome } from './joint-shutdown.js';
import type { AuthSource, Reporting, TlsText, ToPrimary, WorkerSetup } from './messages.js';
import { Restarts } from './restarts.js';
import { SharedCluster } from './shared-cluster.js';
import { EventExchange } from './shared-events.js';
import { bindSockets, type SharedSockets } from './shared-sockets.js';
import { WorkerProcess } from './worker-process.js';

export interface PrimaryOptions {
  readonly settings: ServerSettings;
  /** How many worker processes. */
  readonly workers: number;
  /** The version of this package, for `GET /v1/cluster`. */
  readonly version: string;
  readonly auth: AuthSource;
  readonly tls: TlsText | undefined;
  /** The cluster that the server is part of. This process has the one connection to it. */
  readonly cluster: { readonly backplane: Backplane; readonly timeoutMs: number } | undefined;
  readonly logger: DatafnLogger;
  /** Levels of the logger that are heard. */
  readonly levels: Reporting['levels'];
  readonly observer: ServerObserver | undefined;
  onOutput(stream: 'stdout' | 'stderr', bytes: Buffer): void;
  /** A worker ended, and is replaced after `delayMs`; its clients are gone. */
  workerDied(worker: WorkerName & { how: string; clients: number; delayMs: number }): void;
  /** A worker had an uncaught error. It closes its clients with 1001 and ends. */
  workerCrashed(worker: WorkerName & { stack: string }): void;
  /** A worker serves in place of one that ended. */
  workerReplaced(worker: WorkerName): void;
}

export interface WorkerName {
  /** Counts the workers from 1. */
  readonly worker: number;
  readonly pid: number | undefined;
}

/** The primary process of `serve --workers`: owns the port and what the workers share, and has no client itself. */
export class Primary {
  readonly #shared: SharedCluster;
  readonly #shutdown: JointShutdown;
  readonly #workers = new Set<WorkerProcess>();
  readonly #exchange = new EventExchange<WorkerProcess>(() => this.#workers);
  readonly #restarts: Restarts[] = [];
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #gathering: Gathering;
  #sockets: SharedSockets | undefined;
  #metricsPort: MetricsPort | undefined;
  #auth: AuthSource;
  #tls: TlsText | undefined;
  /** Whether all of the first workers serve. */
  #isUp = false;

  constructor(private readonly options: PrimaryOptions) {
    this.#auth = options.auth;
    this.#tls = options.tls;
    this.#shared = new SharedCluster({
      ...options,
      backplane: options.cluster?.backplane,
      kick: (kick) => this.#gathering.kick(kick),
    });
    this.#gathering = new Gathering(this.#shared, () => [...this.#workers].filter((one) => one.isListening));
    this.#shutdown = new JointShutdown({
      settings: options.settings,
      workers: this.#workers,
      stopListening: () => this.#sockets?.close(),
      release: () => this.#release(),
    });
  }

  /** Resolves when all workers have shut down, by {@link close} or `POST /v1/drain`. */
  get closed(): Promise<WorkersOutcome> {
    return this.#shutdown.closed;
  }

  /** Clients of all workers: those that the log has named, or, without such a log, as of a moment ago. */
  get connectionCount(): number {
    return [...this.#workers].reduce((sum, worker) => sum + this.#clientsOf(worker), 0);
  }

  #clientsOf(worker: WorkerProcess): number {
    return this.options.observer?.connected ? worker.openClients : this.#shared.hub.connectionsOf(worker);
  }

  /**
   * Binds the port and starts the workers.
   *
   * @throws {DatafnWsError} `ERR_LISTEN` when the port cannot be had, or a worker cannot be started.
   */
  async listen(): Promise<ListenAddress> {
    const { settings, workers, logger } = this.options;
    this.#sockets = await bindSockets(settings.host, settings.port, (other, at) =>
      logger.warn(takenLoopback(at, other)),
    );
    const { port } = this.#sockets;
    let metricsUrl: string | undefined;
    try {
      if (settings.metricsListen !== undefined) {
        this.#metricsPort = new MetricsPort(settings, this.#tls, () => this.#gathering.snapshot());
        metricsUrl = await this.#metricsPort.listen();
      }
      if (this.#shutdown.hasBegun) throw closedError();
      this.#shared.start();
      const started = Array.from({ length: workers }, (_, index) => {
        this.#restarts.push(new Restarts());
        return this.#start(index, index + 1);
      });
      await Promise.all(started.map((worker) => worker.listening));
      this.#isUp = true;
    } catch (error) {
      this.#stopAtOnce();
      throw error;
    }
    return listenAddress(settings, port, this.#tls !== undefined, metricsUrl);
  }

  stats(): Promise<ServerStats> {
    return this.#gathering.stats();
  }

  /** Uses another certificate for new connections; open ones are unaffected. Resolves when all workers do. */
  async updateTls(tls: TlsText): Promise<void> {
    this.#tls = tls;
    this.#metricsPort?.updateTls(tls);
    await this.#gathering.all('tls', tls);
  }

  /** Takes other tokens for clients that connect from here on. Resolves when all workers do. */
  async replaceTokens(tokens: Extract<AuthSource, { kind: 'tokens' }>['tokens']): Promise<void> {
    this.#auth = { kind: 'tokens', tokens };
    await this.#gathering.all('tokens', tokens);
  }

  /** Shuts down all workers. Idempotent; a `drainMs` of 0 also ends the current drain. */
  close(options: { readonly drainMs?: number | undefined } = {}): Promise<WorkersOutcome> {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    this.#shutdown.begin(options.drainMs);
    return this.closed;
  }

  /** Ends all workers without a close frame. */
  #stopAtOnce(): void {
    this.#shutdown.stopAtOnce();
    void this.#release();
  }

  /** Lets go of what the workers shared; how many clients left with 1001 before the shutdown. */
  async #release(): Promise<number> {
    this.#sockets?.close();
    void this.#metricsPort?.close();
    await this.#shared.close();
    return this.#gathering.goneAway;
  }

  #start(index: number, firstConnectionId: number): WorkerProcess {
    const { version } = this.options;
    const worker = new WorkerProcess(
      index,
      (one) => this.#setupOf(one, firstConnectionId),
      this.#sockets?.sockets ?? [],
      {
        version,
        joined: (one) => {
          this.#shared.hub.add(one);
          this.#exchange.begin(one);
        },
        take: (one, message) => this.#take(one, message),
        onOutput: this.options.onOutput,
        exited: (one) => this.#exited(one),
      },
    );
    worker.firstConnectionId = firstConnectionId;
    worker.lastConnectionId = firstConnectionId - this.options.workers;
    this.#workers.add(worker);
    return worker;
  }

  #setupOf(worker: WorkerProcess, firstConnectionId: number): WorkerSetup {
    const { settings, levels, observer, workers, cluster } = this.options;
    return {
      id: worker.id,
      workers,
      cluster: cluster && { id: cluster.backplane.id, timeoutMs: cluster.timeoutMs },
      settings,
      auth: this.#auth,
      tls: this.#tls,
      reporting: { events: Object.keys(observer ?? {}) as (keyof ServerObserver)[], levels },
      ids: { first: firstConnectionId, step: workers },
      sockets: this.#sockets?.sockets.length ?? 0,
    };
  }

  #take(worker: WorkerProcess, message: ToPrimary): void {
    const { logger, observer } = this.options;
    switch (message.type) {
      case 'backplane':
        this.#shared.hub.receive(worker, message.message);
        break;
      case 'event':
        this.#event(worker, observer, message.name, message.args);
        break;
      case 'log':
        logger[message.level](message.message, message.context);
        break;
      case 'stats':
        worker.stats = message.stats;
        break;
      case 'ask':
        void this.#gathering.answer(message).then((value) => worker.answer(message.id, value));
        break;
      case 'follow':
        this.#exchange.follow(worker, message.on);
        break;
      case 'recorded':
        this.#exchange.recorded(message.event);
        break;
      case 'drain':
        void this.close();
        break;
      case 'room':
        worker.hasRoom = message.hasRoom;
        if (!message.hasRoom) this.#stoppedAccepting(worker);
        this.#spreadConnections();
        break;
      case 'crashed':
        this.options.workerCrashed({ ...nameOf(worker), stack: message.stack });
        break;
      case 'reached':
        this.#shutdown.reached(worker, message.stage);
        break;
      case 'closed':
        worker.hasClosed = true;
        worker.stats = message.stats;
        this.#shutdown.add(message.outcome);
        worker.disconnect();
        break;
    }
  }

  #stoppedAccepting(worker: WorkerProcess): void {
    worker.isAccepting = false;
    this.options.logger.warn(
      'A worker has hardly a file descriptor left: new connections go to the others; raise the limit with ulimit -n',
      { ...nameOf(worker) },
    );
  }

  /** New connections go to workers that have room for them; where none has, to one that can only drop them. */
  #spreadConnections(): void {
    if (this.#shutdown.hasBegun) return;
    const serving = [...this.#workers].filter((one) => one.isListening);
    const hasRoom = serving.some((one) => one.hasRoom);
    for (const worker of serving) {
      if (worker.hasRoom && !worker.isAccepting) worker.acceptAgain();
      // It accepted while nobody had room.
      else if (hasRoom && !worker.hasRoom && worker.isAccepting) worker.stopAccepting();
    }
    if (!serving.some((one) => one.isAccepting)) serving[0]?.acceptAgain();
  }

  #event(
    worker: WorkerProcess,
    observer: ServerObserver | undefined,
    name: keyof ServerObserver,
    args: readonly unknown[],
  ): void {
    const id = (args[0] as { id?: number } | undefined)?.id;
    if (id !== undefined) worker.lastConnectionId = Math.max(worker.lastConnectionId, id);
    worker.openClients += name === 'connected' ? 1 : name === 'closed' ? -1 : 0;
    // A value that is undefined comes as null.
    const more = name === 'connected' ? [args[0], this.connectionCount] : args;
    const shown = more.map((arg) => arg ?? undefined);
    (observer?.[name] as ((...event: readonly unknown[]) => void) | undefined)?.(...shown);
  }

  #exited(worker: WorkerProcess): void {
    const clients = this.#clientsOf(worker);
    this.#workers.delete(worker);
    this.#exchange.follow(worker, false);
    this.#shared.hub.remove(worker);
    this.#gathering.ended(worker);
    if (this.#shutdown.hasBegun) {
      this.#shutdown.exited(worker, clients);
      return;
    }
    // The start of the whole server has failed with it.
    if (!worker.isListening && !this.#isUp) return;
    const livedMs = performance.now() - worker.startedAtMs;
    const delayMs = this.#restarts[worker.index]?.delayMs(livedMs) ?? 0;
    this.options.workerDied({ ...nameOf(worker), how: worker.ended ?? '', clients, delayMs });
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#replace(worker);
    }, delayMs);
    this.#timers.add(timer);
  }

  #replace({ index, firstConnectionId, lastConnectionId, stats }: WorkerProcess): void {
    const { workers } = this.options;
    // Without a log of connections, it has not named them.
    const counted = firstConnectionId + workers * numberedIn(stats);
    const worker = this.#start(index, Math.max(lastConnectionId + workers, counted));
    worker.listening.then(
      () => this.options.workerReplaced(nameOf(worker)),
      // It could not be set up: it is ended, and replaced in turn.
      (error: Error) => {
        if (worker.ended !== undefined) return;
        this.options.logger.error('A worker could not be started', { error: error.message });
        worker.kill();
      },
    );
  }
}

/** Connections that have had an id: those that were accepted, or refused with a close code. */
function numberedIn(stats: ServerStats | undefined): number {
  const refused = Object.entries(stats?.refused ?? {}).filter(([code]) => Number(code) >= 1000);
  return refused.reduce((sum, [, count]) => sum + count, stats?.accepted ?? 0);
}

function nameOf({ index, pid }: WorkerProcess): WorkerName {
  return { worker: index + 1, pid };
}
