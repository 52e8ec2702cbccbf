import { ApiClient, type TlsTrust } from '../../emit/api-client.js';
import { invalidOption } from '../../protocol/errors.js';
import type { UpgradeSettings } from '../../protocol/upgrade.js';
import type { EmitTarget, EmitTemplate } from '../emitter/emitter.js';
import type { Credentials } from '../fleet/credentials.js';
import { monotonicMs } from '../measure/clock.js';
import type { ServerMeasurement } from '../measure/measurements.js';
import type { Member } from '../model/member.js';
import type { StartedCluster } from '../model/result.js';
import type { Scenario } from '../model/scenario.js';
import { needsOf } from '../phases/index.js';
import type { ClockSample } from '../shard/clock-offset.js';
import { firstCursorOf, isEmitter, type ShardOptions } from '../shard/shard.js';
import { OwnCluster } from './own-cluster.js';
import { apiUrlOf } from './own-server.js';
import { checkEmits, checkReachable, tryClients, tryEmit } from './preflight.js';
import { Statistics } from './statistics.js';

export interface TargetOptions {
  /** Servers to test; empty starts one. */
  readonly urls: readonly string[];
  /** Whether bench starts a Redis and nodes that share it, for a scenario with `cluster`. */
  readonly redis: boolean;
  /** What is started in place of `datafn-ws serve`, when a server is started. */
  readonly serverCommand: string | undefined;
  /** Their HTTP APIs. Default: the host and port of each URL. */
  readonly adminUrls: readonly string[];
  readonly adminToken: string | undefined;
  /** How to emit on a server with an API of its own. */
  readonly emitTemplate: EmitTemplate | undefined;
  readonly tls: TlsTrust | undefined;
  readonly credentials: Credentials;
  readonly upgrade: UpgradeSettings;
  /** Whether one client of each kind and one emit are tried first, on servers that run already. */
  readonly hasPreflight: boolean;
  /** The part of the run that this process makes; `undefined` for all of it. */
  readonly shard?: ShardOptions | undefined;
  /** Environment for a server that is started. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Ends the run early, a wait for its server included; what was measured until then is still reported. */
  readonly signal: AbortSignal;
}

/** Above it a run might get to numbers that a client cannot tell apart. */
const MAX_START = Number.MAX_SAFE_INTEGER / 2;

/** What a run tests: a server that it starts and may restart, or servers that are already running. */
export class Target {
  readonly #own: OwnCluster | undefined;
  readonly #statistics: Statistics;
  /** A shutdown that the scenario requested is not a problem. */
  #isShutDown = false;
  /**
   * The first cursor that a run may emit: just above the highest that the servers have broadcast. Where that is
   * not known, microseconds since 1970, so that a later run has greater ones.
   */
  firstCursor = Date.now() * 1000;

  private constructor(
    private readonly options: TargetOptions,
    readonly urls: readonly string[],
    readonly emits: EmitTarget,
    own: OwnCluster | undefined,
  ) {
    this.#own = own;
    this.#statistics = new Statistics(statsClients(emits, options), monotonicMs, own !== undefined);
  }

  /**
   * Starts a server, or finds out whether those that are given can be tested with this scenario.
   *
   * @throws {DatafnWsError} `ERR_UNREACHABLE` or `ERR_INVALID_OPTION` when not.
   */
  static async open(scenario: Scenario, options: TargetOptions): Promise<Target> {
    const target = await (options.urls.length === 0
      ? Target.#openOwn(scenario, options)
      : Target.#openOthers(scenario, options));
    try {
      await target.#statistics.begin();
      return target;
    } catch (error) {
      await target.close();
      throw error;
    }
  }

  static async #openOwn(scenario: Scenario, options: TargetOptions): Promise<Target> {
    const { env, serverCommand: command, signal, redis: hasEngine } = options;
    const own = await OwnCluster.start(scenario, { env, command, signal, hasEngine });
    const emits = { kind: 'api', urls: own.apiUrls, adminToken: undefined, tls: undefined } as const;
    try {
      if (command !== undefined && doesEmit(scenario))
        await Promise.all(own.apiUrls.map((url) => checkEmits({ url })));
    } catch (error) {
      await own.close();
      throw error;
    }
    return new Target(options, own.wsUrls, emits, own);
  }

  static async #openOthers(scenario: Scenario, options: TargetOptions): Promise<Target> {
    const { urls, adminUrls, adminToken, tls, emitTemplate, shard } = options;
    const emits: EmitTarget =
      emitTemplate === undefined
        ? { kind: 'api', urls: adminUrls.length === 0 ? urls.map(apiUrlOf) : adminUrls, adminToken, tls }
        : { kind: 'template', template: emitTemplate };
    const areTried = options.hasPreflight && (await tryClients(scenario, options));
    if (!areTried) await Promise.all(urls.map((url) => checkReachable(url, tls)));
    const target = new Target(options, urls, emits, undefined);
    try {
      const highest = await target.#statistics.highestCursor();
      if (shard !== undefined) target.#beginCursorsOf(shard, highest);
      else if (highest !== undefined && highest < MAX_START) target.firstCursor = highest + 1;
      if (!doesEmit(scenario) || (shard !== undefined && !isEmitter(shard))) return target;
      if (options.hasPreflight) {
        await tryEmit(scenario, emits, target.firstCursor - (shard === undefined ? 0 : 1));
        if (shard === undefined) target.firstCursor += 1;
      } else if (emits.kind === 'api')
        await Promise.all(emits.urls.map((url) => checkEmits({ url, adminToken, ...(tls && { tls }) })));
      return target;
    } catch (error) {
      await target.close();
      throw error;
    }
  }

  /** Every shard emits, or expects, the same cursors. */
  #beginCursorsOf(shard: ShardOptions, highest: number | undefined): void {
    this.firstCursor = firstCursorOf(shard);
    if (highest !== undefined && highest < MAX_START && highest >= this.firstCursor) {
      throw invalidOption(
        `Expected the cursors of the target to be below ${this.firstCursor}, the first of this run, got ${highest}: restart the server, or run a single bench without --shard.`,
      );
    }
  }

  /** See {@link Statistics.readClock}. */
  readClock(times: number): Promise<readonly ClockSample[]> {
    return this.#statistics.readClock(times);
  }

  /** Counts what the servers do from here on. */
  beginStatistics(): Promise<void> {
    return this.#statistics.begin();
  }

  /** The cluster that bench started, if it did. */
  get cluster(): StartedCluster | undefined {
    return this.#own?.size;
  }

  get isOwn(): boolean {
    return this.#own !== undefined;
  }

  /** How bench's own server ended unexpectedly; `undefined` while it runs. */
  get mishap(): string | undefined {
    return this.#isShutDown ? undefined : this.#own?.mishap;
  }

  /** Shuts our own server down; how long it took and how it exited. */
  async shutDown(): Promise<{ shutdownMs: number; exitCode: number }> {
    this.#isShutDown = true;
    const startMs = performance.now();
    const exitCode = await this.#faults().shutDown();
    return { shutdownMs: performance.now() - startMs, exitCode };
  }

  /** Starts our own server again, where it was. */
  async startAgain(): Promise<void> {
    await this.#faults().startAgain();
    this.#isShutDown = false;
  }

  kill(member: Member): Promise<void> {
    return this.#faults().kill(member);
  }

  stop(member: Member): Promise<() => void> {
    return this.#faults().stop(member);
  }

  restart(member: Member): Promise<void> {
    return this.#faults().restart(member);
  }

  #faults(): OwnCluster {
    if (this.#own === undefined) throw new Error('the server is not of bench');
    return this.#own;
  }

  /** What the servers say of the run until now; empty when they do not say. */
  async measure(): Promise<ServerMeasurement> {
    return this.#isShutDown ? {} : this.#statistics.measure();
  }

  /** Why the servers say nothing about a measurement; `undefined` when they do. */
  whyNotMeasured(what: keyof ServerMeasurement): string | undefined {
    // Those that bench takes itself.
    if (what === 'shutdownMs' || what === 'exitCode') return undefined;
    // Of the server that ships all is known: what it does not say is a failure.
    if (this.isOwn && this.options.serverCommand === undefined) return undefined;
    return this.#statistics.whyNot(what);
  }

  /** Whether the servers are datafn-ws servers, as far as is known: bench started them, or they have our statistics. */
  get hasOurSettings(): boolean {
    return this.isOwn || this.#statistics.whyNot('closed') === undefined;
  }

  async close(): Promise<void> {
    this.#statistics.close();
    await this.#own?.close();
  }
}

function doesEmit({ phases }: Scenario): boolean {
  return needsOf(phases).some(({ emits }) => emits !== undefined);
}

/** Clients for the APIs that may have statistics: without our API, only those that `--admin-url` names. */
function statsClients(emits: EmitTarget, { adminUrls, adminToken, tls }: TargetOptions): ApiClient[] {
  const target = emits.kind === 'api' ? emits : { urls: adminUrls, adminToken, tls };
  return target.urls.map(
    (url) => new ApiClient({ url, adminToken: target.adminToken, tls: target.tls, timeoutMs: 3000 }),
  );
}
