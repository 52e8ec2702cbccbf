import { ApiClient, type TlsTrust } from '../../emit/api-client.js';
import { DatafnWsError } from '../../protocol/errors.js';
import type { EmitTarget } from '../emitter/lane.js';
import type { EmitTemplate } from '../emitter/template-client.js';
import type { ServerMeasurement } from '../measure/measurements.js';
import { actionsOf, type Scenario } from '../scenario/model.js';
import { type OwnServer, startOwnServer } from './own-server.js';
import { apiUrlOf, checkEmits, checkReachable } from './reach.js';
import { readStats, type StatsAnswer } from './stats-answer.js';

export interface TargetOptions {
  /** Servers to test; empty starts one. */
  readonly urls: readonly string[];
  /** What is started in place of `datafn-ws serve`, when a server is started. */
  readonly serverCommand: string | undefined;
  /** Their HTTP APIs. Default: the host and port of each URL. */
  readonly adminUrls: readonly string[];
  readonly adminToken: string | undefined;
  /** How to emit on a server with an API of its own. */
  readonly emitTemplate: EmitTemplate | undefined;
  readonly tls: TlsTrust | undefined;
  /** Environment for a server that is started. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Ends the run early, a wait for its server included; what was measured until then is still reported. */
  readonly signal: AbortSignal;
}

/**
 * Finds out, without asking any server, whether a scenario can be run on such a target.
 *
 * @throws {DatafnWsError} `ERR_INVALID_OPTION` when not.
 */
export function checkTarget({ name, phases }: Scenario, { urls }: TargetOptions): void {
  if (urls.length === 0) return;
  const actions = phases.flatMap((phase) => [...actionsOf(phase)]);
  const needsOwn = actions.find(({ kind }) => kind === 'restart-server' || kind === 'shutdown-server');
  if (needsOwn !== undefined) {
    throw new DatafnWsError(
      'ERR_INVALID_OPTION',
      `The scenario ${name} has a phase ${needsOwn.kind}, which needs a server that bench starts itself: leave --url out.`,
    );
  }
}

/** What a run tests: a server that it starts and may restart, or servers that somebody else runs. */
export class Target {
  #own: OwnServer | undefined;
  #stats: ApiClient | undefined;
  /** A shutdown that the scenario asked for is no mishap. */
  #isShutDown = false;
  #baseRssBytes: number | undefined;
  #peakRssBytes = 0;
  #bytesPerConnection: number | undefined;
  #mostConnections = 0;

  private constructor(
    private readonly scenario: Scenario,
    private readonly options: TargetOptions,
    readonly urls: readonly string[],
    readonly emits: EmitTarget,
    own: OwnServer | undefined,
  ) {
    this.#own = own;
    if (emits.kind === 'api') {
      this.#stats = new ApiClient({
        url: emits.urls[0] as string,
        adminToken: emits.adminToken,
        tls: emits.tls,
        timeoutMs: 3000,
      });
    }
  }

  /**
   * Starts a server, or finds out whether those that are given can be tested with this scenario.
   *
   * @throws {DatafnWsError} `ERR_UNREACHABLE` or `ERR_INVALID_OPTION` when not.
   */
  static async open(scenario: Scenario, options: TargetOptions): Promise<Target> {
    const { urls, adminToken, tls, emitTemplate } = options;
    const actions = scenario.phases.flatMap((phase) => [...actionsOf(phase)]);
    if (urls.length === 0) {
      const own = await Target.#start(scenario, options);
      const emits = { kind: 'api', urls: [own.apiUrl], adminToken: undefined, tls: undefined } as const;
      try {
        const isForeign = options.serverCommand !== undefined;
        if (isForeign && actions.some(({ kind }) => kind === 'emit')) await checkEmits({ url: own.apiUrl });
      } catch (error) {
        await own.stop();
        throw error;
      }
      return new Target(scenario, options, [own.wsUrl], emits, own);
    }
    await Promise.all(urls.map((url) => checkReachable(url, tls)));
    if (emitTemplate !== undefined) {
      return new Target(scenario, options, urls, { kind: 'template', template: emitTemplate }, undefined);
    }
    const adminUrls = options.adminUrls.length === 0 ? urls.map(apiUrlOf) : options.adminUrls;
    if (actions.some(({ kind }) => kind === 'emit')) {
      await Promise.all(
        adminUrls.map((url) => checkEmits({ url, adminToken, ...(tls === undefined ? {} : { tls }) })),
      );
    }
    return new Target(scenario, options, urls, { kind: 'api', urls: adminUrls, adminToken, tls }, undefined);
  }

  get isOwn(): boolean {
    return this.#own !== undefined;
  }

  /** How a server of ours ended that should not have; `undefined` while all is well. */
  get mishap(): string | undefined {
    return this.#isShutDown ? undefined : this.#own?.ended;
  }

  /** Shuts our own server down; how long it took and how it exited. */
  async shutDown(): Promise<{ shutdownMs: number; exitCode: number }> {
    this.#isShutDown = true;
    const startMs = performance.now();
    await this.#own?.stop();
    const exitCode = Number(/^exit code (\d+)$/.exec(this.#own?.ended ?? '')?.[1] ?? 1);
    return { shutdownMs: performance.now() - startMs, exitCode };
  }

  /** Starts our own server again, where it was. */
  async startAgain(): Promise<void> {
    const port = new URL(this.urls[0] as string).port;
    this.#own = await Target.#start(this.scenario, this.options, Number(port));
    this.#isShutDown = false;
  }

  static #start(
    { serverFlags: flags }: Scenario,
    { env, serverCommand: command, signal }: TargetOptions,
    port?: number,
  ): Promise<OwnServer> {
    return startOwnServer({ flags, env, port, command, signal });
  }

  /** What the server says of itself now; empty when it does not say. */
  async measure(): Promise<ServerMeasurement> {
    if (this.#stats === undefined || this.#isShutDown) return {};
    let stats: StatsAnswer;
    try {
      stats = readStats(await this.#stats.get('/v1/stats'));
    } catch {
      // A server without our API, or one that is down: it says nothing, and rules about it find no samples.
      return {};
    }
    const { connections, accepted, rejected, conflated, closed, process } = stats;
    if (process === undefined) return { connections, accepted, rejected, conflated, closed };
    if (process.rssBytes !== undefined) this.#measureMemory(process.rssBytes, connections);
    return {
      connections,
      accepted,
      rejected,
      conflated,
      closed,
      cpuMs: process.cpuMs,
      rssBytes: this.#baseRssBytes === undefined ? undefined : this.#peakRssBytes,
      bytesPerConnection: this.#bytesPerConnection,
      delayP99Ms: process.eventLoopDelayP99Ms,
      delayMaxMs: process.eventLoopDelayMaxMs,
      recentDelayMaxMs: process.eventLoopDelayRecentMaxMs,
      rssNowBytes: process.rssBytes,
    };
  }

  #measureMemory(rssBytes: number, connections: number | undefined): void {
    this.#baseRssBytes ??= rssBytes;
    this.#peakRssBytes = Math.max(this.#peakRssBytes, rssBytes);
    if (connections === undefined || connections <= this.#mostConnections) return;
    this.#mostConnections = connections;
    this.#bytesPerConnection = Math.max(0, rssBytes - this.#baseRssBytes) / connections;
  }

  async close(): Promise<void> {
    this.#stats?.close();
    await this.#own?.stop();
  }
}
