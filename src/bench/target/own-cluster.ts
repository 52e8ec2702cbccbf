import { setTimeout as sleep } from 'node:timers/promises';
import { ApiClient } from '../../emit/api-client.js';
import { DatafnWsError } from '../../protocol/errors.js';
import { type Member, memberText } from '../model/member.js';
import type { StartedCluster } from '../model/result.js';
import type { Scenario } from '../model/scenario.js';
import { needsOf } from '../phases/index.js';
import { OwnEngine } from './own-engine.js';
import { type OwnServer, type OwnServerOptions, startOwnServer } from './own-server.js';
import { signalProcess } from './started-process.js';
import { readWorkers, type WorkerOfServer } from './workers-of-server.js';

export type OwnClusterOptions = Pick<OwnServerOptions, 'env' | 'command' | 'signal'> & {
  /** Whether it is nodes with an engine, if the scenario is for a cluster. */
  readonly hasEngine: boolean;
};

/** A server that a phase may end, and start again where it was. */
class OwnNode {
  #isDown = false;

  constructor(
    private server: OwnServer,
    private readonly startAt: (port: number) => Promise<OwnServer>,
  ) {}

  get wsUrl(): string {
    return this.server.wsUrl;
  }

  get apiUrl(): string {
    return this.server.apiUrl;
  }

  /** How it ended, if no phase asked for that. */
  get mishap(): string | undefined {
    return this.#isDown ? undefined : this.server.ended;
  }

  get exitCode(): number {
    return Number(/^exit code (\d+)$/.exec(this.server.ended ?? '')?.[1] ?? 1);
  }

  signal(name: NodeJS.Signals): void {
    this.server.signal(name);
  }

  async kill(): Promise<void> {
    this.#isDown = true;
    this.server.signal('SIGKILL');
    await this.server.exited;
  }

  async shutDown(): Promise<void> {
    this.#isDown = true;
    await this.server.stop();
  }

  async start(): Promise<void> {
    this.server = await this.startAt(Number(new URL(this.wsUrl).port));
    this.#isDown = false;
  }
}

const REPLACED_MS = 15_000;
const POLL_MS = 50;

/** What bench starts to test it: a server, one with workers, or several nodes and their engine. */
export class OwnCluster {
  private constructor(
    private readonly nodes: readonly OwnNode[],
    private readonly engine: OwnEngine | undefined,
    /** Of the one server. */
    private readonly workers: number,
  ) {}

  /** @throws {DatafnWsError} `ERR_UNREACHABLE` when a process does not come up. */
  static async start(
    { serverFlags, cluster, phases }: Scenario,
    { env, command, signal, hasEngine }: OwnClusterOptions,
  ): Promise<OwnCluster> {
    const engine = hasEngine && cluster !== undefined ? await OwnEngine.start(env) : undefined;
    const flags = [
      ...serverFlags,
      ...(engine === undefined ? [] : ['--cluster', engine.url]),
      ...(engine === undefined && cluster !== undefined ? ['--workers', String(cluster.workers)] : []),
    ];
    const mayStop = needsOf(phases).some(({ member }) => member !== undefined);
    const startAt = (port: number) =>
      startOwnServer({ flags, env, port, command, mayStop, ...(signal && { signal }) });
    const count = engine === undefined ? 1 : (cluster?.nodes ?? 1);
    const started = await Promise.allSettled(Array.from({ length: count }, () => startAt(0)));
    const servers = started.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    const failed = started.find((one) => one.status === 'rejected');
    if (failed !== undefined) {
      await Promise.all(servers.map((server) => server.stop()));
      await engine?.close();
      throw failed.reason;
    }
    return new OwnCluster(
      servers.map((server) => new OwnNode(server, startAt)),
      engine,
      cluster?.workers ?? 0,
    );
  }

  /** `undefined` for a single process. */
  get size(): StartedCluster | undefined {
    const [nodes, engine] = [this.nodes.length, this.engine !== undefined];
    return engine || this.workers > 0 ? { nodes, workers: engine ? 0 : this.workers, engine } : undefined;
  }

  get wsUrls(): readonly string[] {
    return this.nodes.map(({ wsUrl }) => wsUrl);
  }

  get apiUrls(): readonly string[] {
    return this.nodes.map(({ apiUrl }) => apiUrl);
  }

  /** How a process ended that no phase has ended; `undefined` while there is none. */
  get mishap(): string | undefined {
    const index = this.nodes.findIndex(({ mishap }) => mishap !== undefined);
    const node = this.nodes[index]?.mishap;
    if (node !== undefined) return this.nodes.length === 1 ? node : `node ${index + 1}, ${node}`;
    return this.engine?.mishap === undefined ? undefined : `its engine, ${this.engine.mishap}`;
  }

  /** Shuts all servers down; the worst of their exit codes. */
  async shutDown(): Promise<number> {
    await Promise.all(this.nodes.map((node) => node.shutDown()));
    return Math.max(...this.nodes.map(({ exitCode }) => exitCode));
  }

  /** Starts all servers again, where they were. */
  async startAgain(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.start()));
  }

  /** Kills a process. Resolves when it is gone. */
  async kill(member: Member): Promise<void> {
    if (member.what === 'engine') return this.#engine().kill();
    if (member.what === 'node') return this.#node(member).kill();
    const { pid } = await this.#worker(member);
    signalProcess(pid, 'SIGKILL');
    // A worker is no child of this process: it is gone when its server no longer has it.
    await this.#untilWorkers((workers) => workers.every((worker) => worker.pid !== pid));
  }

  /** Makes a process stand still; returns what makes it go on. */
  async stop(member: Member): Promise<() => void> {
    if (member.what === 'engine') return this.#engine().stop();
    const node = member.what === 'node' ? this.#node(member) : undefined;
    const pid = node === undefined ? (await this.#worker(member)).pid : 0;
    const send = (name: NodeJS.Signals) =>
      node === undefined ? signalProcess(pid, name) : node.signal(name);
    send('SIGSTOP');
    return () => send('SIGCONT');
  }

  /** Ends a process where it runs, and starts it. Resolves when it serves. */
  async restart(member: Member): Promise<void> {
    if (member.what === 'engine') return this.#engine().restart();
    if (member.what === 'worker') {
      const { number } = await this.#worker(member);
      await this.kill(member);
      await this.#untilWorkers((workers) => workers.some((worker) => worker.number === number));
      return;
    }
    const node = this.#node(member);
    await node.shutDown();
    await node.start();
  }

  async close(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.shutDown()));
    await this.engine?.close();
  }

  #engine(): OwnEngine {
    if (this.engine === undefined) throw new Error('there is no engine');
    return this.engine;
  }

  #node({ number = this.nodes.length }: Member): OwnNode {
    const node = this.nodes[number - 1];
    if (node === undefined) throw new Error(`there is no node ${number}`);
    return node;
  }

  async #worker(member: Member): Promise<WorkerOfServer> {
    const { number = this.workers } = member;
    let found: WorkerOfServer | undefined;
    await this.#untilWorkers((workers) => {
      found = workers.find((worker) => worker.number === number);
      return found !== undefined;
    });
    if (found === undefined) throw notThere(memberText(member));
    return found;
  }

  /** Asks for the workers of the server until they are as they should be. */
  async #untilWorkers(areRight: (workers: readonly WorkerOfServer[]) => boolean): Promise<void> {
    const deadlineMs = performance.now() + REPLACED_MS;
    const [url = ''] = this.apiUrls;
    while (performance.now() < deadlineMs) {
      // A connection for each: one may be to the very worker that has ended.
      const api = new ApiClient({ url, timeoutMs: 1000 });
      try {
        if (areRight(await readWorkers(api))) return;
      } catch (error) {
        if (!(error instanceof DatafnWsError)) throw error;
      } finally {
        api.close();
      }
      await sleep(POLL_MS);
    }
    throw notThere('the workers of the server');
  }
}

function notThere(what: string): DatafnWsError {
  return new DatafnWsError(
    'ERR_UNREACHABLE',
    `Waited ${REPLACED_MS / 1000} s for ${what}: GET /v1/cluster does not show what it should.`,
  );
}
