import { availableParallelism } from 'node:os';
import type { Backplane } from '../../backplane/backplane.js';
import type { DatafnLogger } from '../../manager/types.js';
import type { ServeOptions } from '../../options/serve-flags.js';
import type { ServerSettings } from '../../options/server-options.js';
import type { ServerObserver } from '../../server/events/events.js';
import type { TlsPair } from '../../server/http/tls.js';
import { formatAmount, formatDuration } from '../../text/units.js';
import type { AuthSource, Reporting, TlsText } from '../../workers/messages.js';
import { Primary, type WorkerName } from '../../workers/primary.js';
import type { Io } from '../io.js';
import { version } from '../version.js';
import type { Log } from './log.js';
import type { RunningServer } from './running-server.js';

/** What the workers are made of, and where they report. */
export interface WorkersParts {
  readonly options: ServeOptions;
  readonly settings: ServerSettings;
  readonly workers: number | 'auto';
  readonly auth: AuthSource;
  readonly tls: TlsPair | undefined;
  /** With `--cluster`. */
  readonly backplane: Backplane | undefined;
  readonly logger: DatafnLogger;
  readonly observer: ServerObserver | undefined;
  readonly log: Log;
  readonly io: Pick<Io, 'stdout' | 'stderr'>;
}

/** Levels of a worker's logger that are heard. As in one process, `info` of the library is `debug` here. */
const LEVELS: Readonly<Record<ServeOptions['logLevel'], Reporting['levels']>> = {
  debug: ['debug', 'info', 'warn', 'error'],
  info: ['warn', 'error'],
  warn: ['warn', 'error'],
  error: ['error'],
  silent: [],
};

/** A server of several worker processes; this process owns its port and its log. */
export function withWorkers(parts: WorkersParts): RunningServer {
  const { options, settings, workers, auth, tls, backplane, logger, observer, log, io } = parts;
  const primary = new Primary({
    settings,
    workers: workers === 'auto' ? availableParallelism() : workers,
    version,
    auth,
    tls: tls && textOf(tls),
    cluster: backplane && { backplane, timeoutMs: options.clusterTimeout },
    logger,
    levels: LEVELS[options.logLevel],
    observer,
    onOutput: (stream, bytes) => io[stream].write(bytes),
    workerDied({ how, clients, delayMs, ...name }) {
      log.add({
        level: 'error',
        event: 'worker.died',
        text: `${nameOf(name)} ended with ${how}: ${formatAmount(clients, 'client')} disconnected; another starts in ${formatDuration(delayMs)}`,
        fields: { ...name, how, connections: clients, delayMs },
      });
    },
    workerCrashed({ stack, ...name }) {
      log.add({
        level: 'error',
        event: 'worker.crashed',
        text: `uncaught error in ${nameOf(name)} of datafn-ws ${version}, closing its clients with 1001; please report it unless the stack shows your own code`,
        fields: { ...name, stack },
        details: stack.split('\n'),
      });
    },
    workerReplaced(name) {
      log.add({
        level: 'info',
        event: 'worker.replaced',
        text: `${nameOf(name)} serves`,
        fields: { ...name },
      });
    },
  });
  return {
    get connectionCount() {
      return primary.connectionCount;
    },
    closed: primary.closed,
    listen: () => primary.listen(),
    close: (closing) => primary.close(closing),
    updateTls: (pair) => primary.updateTls(textOf(pair)),
    replaceTokens: (tokens) => primary.replaceTokens([...tokens]),
  };
}

function nameOf({ worker, pid }: WorkerName): string {
  return `worker ${worker} (process ${pid})`;
}

function textOf({ cert, key }: TlsPair): TlsText {
  return { cert: cert.toString(), key: key.toString() };
}
