import { settingsFrom } from '../../options/server.js';
import { createDatafnWsServer, type DatafnWsServer } from '../../server/create-server.js';
import { checkBindHost } from '../../server/http/listening.js';
import type { TlsPair } from '../../server/http/tls.js';
import type { ShutdownOutcome } from '../../server/shutdown.js';
import { printableJson } from '../../text/printable.js';
import { formatAmount, formatCount } from '../../text/units.js';
import { colorsFor } from '../color.js';
import { INTERNAL_ERROR, type Io, STOP_EXIT_CODES, type StopSignal } from '../io.js';
import { readAuth } from './auth.js';
import { banner } from './banner.js';
import { BoundedLines } from './bounded-lines.js';
import { readServeOptions, type TracedServeOptions } from './config.js';
import { limitedLogger } from './limited-log.js';
import { Log, type LogEvent } from './log.js';
import { narrate } from './narrate.js';
import { type Reloadable, reloadOnSignal } from './reload.js';
import { StopLines } from './stop-lines.js';
import { watchStrayErrors } from './stray-errors.js';
import { expiryWarning, readTlsPair, trustFlag } from './tls-files.js';

/** How long the last lines of the log wait to be read, when the server has ended. */
const LAST_LINES_MS = 2000;

/** Runs a server until it is asked to stop; the exit code. */
export async function serve(flags: Record<string, string>, io: Io): Promise<number> {
  const traced = await readServeOptions(flags, io);
  const options = traced.values;
  const colors = colorsFor(io, 'stderr');
  const log = new Log({
    level: options.logLevel,
    format: options.logFormat,
    colors,
    write: (line) => lines.write(line),
    now: () => new Date(),
  });
  const lines = new BoundedLines(io.stderr, (count) => log.add(dropped(count)));
  // A log that is not read does not keep the process alive.
  io.waitForReaders(Math.min(options.shutdownTimeout, LAST_LINES_MS));
  const strayErrors = watchStrayErrors(io, log);
  const isHeard = options.logLevel === 'debug' || options.logLevel === 'info';
  await checkBindHost(options.host);
  const tls = await readTlsPair(traced);
  const auth = await readAuth(traced, log);
  const narrator = narrate(log, colors);
  const logger = limitedLogger(log);
  const stops = new StopLines(options.drain, () => server.websocketHandler.connectionCount);
  const server = createDatafnWsServer({
    ...settingsFrom(options),
    tls,
    namespaceProvider: auth.provider,
    logger: options.logLevel === 'silent' ? undefined : logger,
    observer: isHeard ? { ...narrator, drainRequested: () => log.add(stops.asked()) } : undefined,
  });

  let hasCrashed = false;
  void strayErrors.crash.then(() => {
    hasCrashed = true;
    return server.close({ drainMs: 0 });
  });

  if (options.check) {
    const { optionsAsJson, optionsAsYaml } = await import('./show-options.js');
    io.stdout.write(options.json ? optionsAsJson(traced) : optionsAsYaml(traced));
    return 0;
  }

  const address = await server.listen();
  const stop = new StopRequests(io);
  const expired = tls === undefined ? undefined : expiryWarning(tls, new Date());
  if (expired !== undefined) log.add({ level: 'warn', event: 'tls.expired', text: expired });
  const stopReloads = reloadOnSignal(io, log, [
    ...(tls === undefined ? [] : [tlsReloadable(server, traced)]),
    ...(auth.reloadable === undefined ? [] : [auth.reloadable]),
  ]);
  if (options.json) {
    const { wsUrl, apiUrl } = address;
    // Who starts it by script reads the addresses and the process from this line.
    io.stdout.write(`${printableJson({ event: 'listening', wsUrl, apiUrl, pid: process.pid })}\n`);
  } else {
    const trust = tls === undefined ? '' : trustFlag(tls, options.tlsCert ?? '', options.host);
    io.stdout.write(banner(address, options, colorsFor(io, 'stdout'), auth.example, trust));
  }

  void stop.first.then((signal) => {
    log.add(stops.asked(signal));
    void server.close();
  });
  const outcome = await Promise.race([server.closed, stop.second]);
  stop.dispose();
  stopReloads();
  strayErrors.dispose();
  narrator.dispose();
  logger.dispose();
  if (hasCrashed) return INTERNAL_ERROR;
  if (typeof outcome === 'string') return STOP_EXIT_CODES[outcome];
  log.add(stopped(outcome, server));
  return 0;
}

function stopped({ left, cut }: ShutdownOutcome, server: DatafnWsServer): LogEvent {
  const { goneAway } = server.stats();
  const sockets = [
    ...(left > 0 ? [`${formatAmount(left, 'socket')} ended`] : []),
    ...(cut > 0 ? [`${formatCount(cut)} terminated`] : []),
  ].join(', ');
  const clients = goneAway > 0 ? `${formatAmount(goneAway, 'client')} left with 1001` : '';
  return {
    level: cut > 0 ? 'warn' : 'info',
    event: 'server.stopped',
    text: ['stopped', [sockets, clients].filter((part) => part !== '').join('; ')]
      .filter((part) => part !== '')
      .join(': '),
    fields: { left, goneAway, cut },
  };
}

function dropped(count: number): LogEvent {
  return {
    // Seen at every level: there may have been errors among them.
    level: 'error',
    event: 'log.dropped',
    text: `${formatAmount(count, 'line')} of this log ${count === 1 ? 'was' : 'were'} dropped: the reader was too slow`,
    fields: { lines: count },
  };
}

/** The certificate of a server, from the files that it was started with. */
function tlsReloadable(server: DatafnWsServer, traced: TracedServeOptions): Reloadable {
  return {
    what: 'the TLS certificate',
    files: [traced.values.tlsCert as string, traced.values.tlsKey as string],
    async read() {
      const pair = (await readTlsPair(traced)) as TlsPair;
      return () => server.updateTls(pair);
    },
  };
}

/** The first request to stop, and the second, which no longer waits. */
class StopRequests {
  readonly first: Promise<StopSignal>;
  readonly second: Promise<StopSignal>;
  readonly dispose: () => void;

  constructor(io: Io) {
    const waiting: ((signal: StopSignal) => void)[] = [];
    const next = () => new Promise<StopSignal>((resolve) => waiting.push(resolve));
    this.first = next();
    this.second = next();
    this.dispose = io.onStop((signal) => waiting.shift()?.(signal));
  }
}
