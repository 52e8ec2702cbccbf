import type { Backplane } from '../../backplane/backplane.js';
import { isTlsRedisUrl } from '../../backplane/redis/url.js';
import type { DatafnLogger } from '../../manager/types.js';
import { hostAndPort } from '../../options/checks.js';
import type { ServeOptions } from '../../options/serve-flags.js';
import { settingsFrom } from '../../options/server-options.js';
import { invalidOption } from '../../protocol/errors.js';
import { createDatafnWsServer } from '../../server/create-server.js';
import { checkBindHost } from '../../server/http/listening.js';
import type { TlsPair } from '../../server/http/tls.js';
import { printableJson } from '../../text/printable.js';
import { formatAmount } from '../../text/units.js';
import { colorsFor } from '../color.js';
import { EXIT } from '../exit-codes.js';
import { readTrust } from '../input-files.js';
import { type Io, STOP_EXIT_CODES } from '../io.js';
import { StopRequests } from '../stop-requests.js';
import { readAuth, type TokensFile } from './auth.js';
import { banner } from './banner.js';
import { readServeOptions, readServerToken, type TracedServeOptions } from './config.js';
import { BoundedLines, Log, type LogEvent, limitedLogger } from './log.js';
import { logEvents } from './log-events.js';
import { type Reloadable, reloadOnSignal } from './reload.js';
import { inThisProcess, type RunningServer } from './running-server.js';
import { StopLines, stoppedLine, watchStrayErrors } from './shutdown.js';
import { expiryWarning, readTlsPair, trustFlag } from './tls-files.js';

/** How long the process waits at its end until the log is read. */
const LAST_LINES_MS = 2000;

/** Runs a server until it is asked to stop. Returns the exit code. */
export async function serve(flags: Record<string, string>, io: Io): Promise<number> {
  const traced = await readServeOptions(flags, io);
  const options = { ...traced.values, adminToken: await readServerToken(traced) };
  const colors = colorsFor(io, 'stderr');
  const log = new Log({
    level: options.logLevel,
    format: options.logFormat,
    colors,
    write: (line) => lines.write(line),
    now: () => new Date(),
  });
  const lines = new BoundedLines(io.stderr, (count) => log.add(dropped(count)));
  // An unread log does not keep the process alive.
  io.waitForReaders(Math.min(options.shutdownTimeout, LAST_LINES_MS));
  const strayErrors = watchStrayErrors(io, log);
  const isHeard = options.logLevel === 'debug' || options.logLevel === 'info';
  await checkBindHost(options.host);
  if (options.metricsListen !== undefined)
    await checkBindHost(hostAndPort(options.metricsListen).host, '--metrics-listen');
  const tls = await readTlsPair(traced);
  const auth = await readAuth(traced, log);
  const eventLog = logEvents(log, colors);
  const logger = limitedLogger(log);
  const stops = new StopLines(options.drain, () => server.connectionCount);
  const observer = isHeard
    ? { ...eventLog, drainRequested: () => log.add(stops.asked()) }
    : { faultsSet: eventLog.faultsSet };
  refuseProxyOptions(traced);
  const settings = settingsFrom({ ...options, dashboard: options.dashboard || options.auth === 'dev' });
  const backplane = await clusterOf(options, logger);
  // With workers, it never listens: it checks the options.
  const own = createDatafnWsServer({
    ...settings,
    tls,
    namespaceProvider: auth.provider,
    backplane,
    logger: options.logLevel === 'silent' ? undefined : logger,
    observer,
  });
  const { workers } = options;
  for (const key of ['faults', 'enableFaults'] as const) {
    if (workers === undefined || !options[key]) continue;
    throw invalidOption(
      `Expected ${traced.origins.workers.from} without ${traced.origins[key].from}: faults are those of one process`,
    );
  }
  const forOneProcess = (['backend', 'backendFile', 'demo'] as const).find((key) =>
    key === 'backend' ? options.backend === 'memory' : options[key],
  );
  if (workers !== undefined && forOneProcess !== undefined) {
    throw invalidOption(
      `Expected ${traced.origins.workers.from} without ${traced.origins[forOneProcess].from}: the memory backend keeps its data in one process`,
    );
  }
  const server: RunningServer =
    workers === undefined
      ? inThisProcess(own, (tokens) => auth.replaceTokens?.(tokens))
      : (await import('./workers.js')).withWorkers({
          options,
          settings,
          workers,
          auth: auth.source,
          tls,
          backplane,
          logger,
          observer,
          log,
          io,
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
  for (const key of ['maxConnections', 'maxConnectionsPerNamespace'] as const)
    if (options[key] === 0)
      log.add({
        level: 'warn',
        event: 'limit.zero',
        text: `${traced.origins[key].from} is 0: no client can connect`,
      });
  const stopReloads = reloadOnSignal(io, log, [
    ...(tls === undefined ? [] : [tlsReloadable(server, traced)]),
    ...(auth.tokens === undefined ? [] : [tokensReloadable(server, auth.tokens)]),
  ]);
  if (options.json) {
    const { wsUrl, apiUrl, metricsUrl } = address;
    // For scripts that start the server.
    io.stdout.write(
      `${printableJson({ event: 'listening', wsUrl, apiUrl, metricsUrl, pid: process.pid })}\n`,
    );
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
  eventLog.dispose();
  logger.dispose();
  if (hasCrashed) return EXIT.bug.code;
  if (typeof outcome === 'string') return STOP_EXIT_CODES[outcome];
  log.add(stoppedLine(outcome));
  return 0;
}

/** Refuses options of a proxy where there is none, except those of the environment: they may be for another server. */
function refuseProxyOptions({ values, origins }: TracedServeOptions): void {
  if (values.proxy !== undefined) return;
  for (const key of ['probe', 'inspectLimit'] as const) {
    const { kind, from } = origins[key];
    if (kind === 'flag' || kind === 'config')
      throw invalidOption(`${from} needs --proxy URL: add it, or drop ${from}.`);
  }
}

/** The backplane that `--cluster` asks for. */
async function clusterOf(options: ServeOptions, logger: DatafnLogger): Promise<Backplane | undefined> {
  const { cluster: url, clusterPrefix: prefix, clusterTimeout: timeoutMs, rememberNamespaces } = options;
  if (url === undefined) return undefined;
  const trust = isTlsRedisUrl(url) ? await readTrust({ ca: options.ca, insecure: false }, [url]) : undefined;
  // Loaded on demand: few servers are part of a cluster.
  const { redisBackplane } = await import('../../backplane/redis.js');
  return redisBackplane({ url, ca: trust?.ca, prefix, timeoutMs, maxNamespaces: rememberNamespaces, logger });
}

function dropped(count: number): LogEvent {
  return {
    // Shown at every level: errors may be among them.
    level: 'error',
    event: 'log.dropped',
    text: `${formatAmount(count, 'line')} of this log ${count === 1 ? 'was' : 'were'} dropped: the reader was too slow`,
    fields: { lines: count },
  };
}

/** Reloads the certificate of a server from its files. */
function tlsReloadable(server: RunningServer, traced: TracedServeOptions): Reloadable {
  return {
    what: 'the TLS certificate',
    files: [traced.values.tlsCert as string, traced.values.tlsKey as string],
    async read() {
      const pair = (await readTlsPair(traced)) as TlsPair;
      return () => server.updateTls(pair);
    },
  };
}

/** Reloads the tokens of a server from their file. */
function tokensReloadable(server: RunningServer, { file, read }: TokensFile): Reloadable {
  return {
    what: 'the tokens file',
    files: [file],
    async read() {
      const tokens = await read();
      return () => server.replaceTokens(tokens);
    },
  };
}
