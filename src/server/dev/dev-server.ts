import { checkOptions, DELAY_MS, FUNCTION, OBJECT, requireOption } from '../../manager/checks.js';
import type { FaultPreset } from '../../options/fault-presets.js';
import { cursorNumber } from '../../protocol/client.js';
import { invalidOption } from '../../protocol/errors.js';
import { cursorProblem, namespaceProblem } from '../../protocol/identifiers.js';
import { createServer } from '../create-server.js';
import { type ConnectionInfo, connectionInfo, joinObservers } from '../events/events.js';
import type { FaultControl, FaultsView } from '../faults/active-rule.js';
import type { FaultPlan, FaultRule } from '../faults/plan.js';
import type { DatafnWsServerOptions, ListenAddress } from '../server-types.js';
import { type DevServerEvents, EventLog } from './event-log.js';

/** A preset, rules, or rules with a seed. */
export type Faulty = FaultPreset | readonly FaultRule[] | FaultPlan;

/** The options of {@link startDevServer}: those of `createDatafnWsServer`, on a free port by default. */
export type DevServerOptions = Omit<DatafnWsServerOptions, 'faults' | 'enableFaults'> & {
  /** In force before the first client comes. */
  readonly faults?: Faulty | undefined;
};

/** How long {@link DevServer.until} waits. */
export interface UntilOptions {
  /** Milliseconds until it gives up. Default 5,000. */
  readonly timeoutMs?: number | undefined;
}

/** A server in the process of a test. */
export interface DevServer extends ListenAddress {
  /** What a DataFn client takes as its `remote`, such as `http://127.0.0.1:40123/datafn`. */
  readonly remote: string;
  /**
   * Broadcasts a cursor, by default one more than the highest so far in its namespace. `delivered` clients were handed it,
   * whatever a fault does to it then.
   */
  emit(namespace: string, cursor?: string | number): { readonly cursor: string; readonly delivered: number };
  /** The clients that are connected now, of one namespace or of all, oldest first. */
  clients(namespace?: string): ConnectionInfo[];
  /** What goes wrong. */
  readonly faults: {
    /** @throws {DatafnWsError} `ERR_INVALID_OPTION` for rules that are not valid; nothing is changed then. */
    set(faults: Faulty): void;
    clear(): void;
    /** The rules in force, and how often each has struck. */
    list(): FaultsView;
  };
  /**
   * Resolves with the next event of a kind, one that has happened already included: each is handed out once, oldest first.
   *
   * @param matches picks the event; by default any.
   * @throws {DatafnWsError} `ERR_UNREACHABLE` when none comes in time, or the server is closed.
   */
  until<Name extends keyof DevServerEvents>(
    name: Name,
    matches?: (event: DevServerEvents[Name]) => boolean,
    options?: UntilOptions,
  ): Promise<DevServerEvents[Name]>;
  /** Closes all clients with 1001 and frees the port. Leaves no timer behind. Idempotent. */
  close(): Promise<void>;
}

/** How long {@link DevServer.until} waits by default. */
const UNTIL_MS = 5000;
/** Clients of a test that do not answer their close are terminated after this. */
const SHUTDOWN_MS = 500;

/**
 * Starts a server for a test: in its process, on a free port, with faults.
 *
 * @throws {DatafnWsError} `ERR_INVALID_OPTION` for options or faults that are not valid.
 */
export async function startDevServer(options: DevServerOptions = {}): Promise<DevServer> {
  checkOptions('the options', options, { observer: OBJECT });
  const { faults: given, observer, ...others } = options;
  const log = new EventLog();
  let load!: () => Promise<FaultControl | undefined>;
  let admitted!: () => Iterable<ConnectionInfo>;
  const server = createServer(
    {
      port: 0,
      shutdownTimeoutMs: SHUTDOWN_MS,
      ...others,
      enableFaults: true,
      observer: observer === undefined ? log.observer : joinObservers(log.observer, observer),
    },
    {
      share(parts) {
        load = () => parts.loadFaults();
        admitted = () => parts.admitted();
      },
    },
  );
  const faults = (await load()) as FaultControl;
  if (given !== undefined) faults.set(planOf(given));
  const address = await server.listen();
  const highest = new Map<string, number>();

  return {
    ...address,
    remote: address.wsUrl.replace(/^ws/, 'http').replace(/\/ws$/, ''),
    emit(namespace, given) {
      const cursor = String(given ?? (highest.get(namespace) ?? 0) + 1);
      const problem = namespaceProblem(namespace) ?? cursorProblem(cursor);
      if (problem !== undefined) throw invalidOption(`Expected a namespace and a cursor, got ${problem}`);
      const number = cursorNumber(cursor);
      if (Number.isSafeInteger(number)) highest.set(namespace, Math.max(number, highest.get(namespace) ?? 0));
      const { delivered } = server.websocketHandler.broadcastCursor(cursor, namespace);
      log.observer.broadcast(namespace, cursor, delivered);
      return { cursor, delivered };
    },
    clients: (namespace) =>
      [...admitted()]
        .filter((client) => namespace === undefined || client.namespace === namespace)
        .map(connectionInfo),
    faults: {
      set: (faulty) => faults.set(planOf(faulty)),
      clear: () => faults.clear(),
      list: () => faults.view(),
    },
    until(name, matches = () => true, { timeoutMs = UNTIL_MS } = {}) {
      requireOption('matches', matches, FUNCTION);
      requireOption('timeoutMs', timeoutMs, DELAY_MS);
      return log.until(name, matches, timeoutMs);
    },
    async close() {
      await server.close({ drainMs: 0 });
      log.close();
    },
  };
}

function planOf(faulty: Faulty): unknown {
  if (typeof faulty === 'string') return { preset: faulty };
  return Array.isArray(faulty) ? { rules: faulty } : faulty;
}
