import { DEFAULT_WS_MANAGER_CONFIG } from '../manager/config.js';
import { namespaceMismatch } from '../protocol/identifiers.js';
import { backendTable } from './backend.js';
import { hostAndPortProblem, originProblem, proxyProblem, tokenProblem } from './checks.js';
import { withoutUnit, withoutUnits } from './complete.js';
import { faultPresetOption } from './faults.js';
import { choice, commaList, count, duration, rate, size, text, toggle } from './kinds.js';
import { proxyTable } from './proxy.js';
import type { Resolved } from './spec.js';

const KIB = 1024;
const MIB = 1024 * KIB;

/**
 * The options of `attachWebSocketManager`, and with {@link serverTable} those of `createDatafnWsServer`: each with its
 * default, check, help and group, written here and nowhere else. A key is the name in the library; the flag, the
 * environment variable and the key in a file are the same without its unit, so `heartbeatIntervalMs` is
 * `--heartbeat-interval`.
 */
export const connectionTable = {
  /** Maximum clients; 0 admits none, `Infinity` is no limit. */
  maxConnections: count({
    group: 'Limits',
    help: 'Maximum clients; extra clients are refused (4503). 0 admits none.',
    default: DEFAULT_WS_MANAGER_CONFIG.maxConnections,
    orInfinity: true,
  }),
  /** Maximum clients per namespace; 0 admits none, `Infinity` is no limit. */
  maxConnectionsPerNamespace: count({
    help: 'Maximum clients per namespace; extra clients are refused (4503). 0 admits none.',
    default: DEFAULT_WS_MANAGER_CONFIG.maxConnectionsPerNamespace,
    orInfinity: true,
  }),
  /** Milliseconds between pings; 0 turns the heartbeat off. */
  heartbeatIntervalMs: duration({
    group: 'Heartbeat',
    help: 'Time between pings; 0 turns the heartbeat off.',
    default: DEFAULT_WS_MANAGER_CONFIG.heartbeatIntervalMs,
  }),
  /** Milliseconds a client has to answer a ping before it is closed with 1001; 0 never closes. */
  heartbeatTimeoutMs: duration({
    group: 'Heartbeat',
    help: 'Time a client has to answer a ping before it is closed with 1001; 0 never closes.',
    default: DEFAULT_WS_MANAGER_CONFIG.heartbeatTimeoutMs,
  }),
  /** Milliseconds a client has to answer a close frame before its socket is terminated; 0 waits forever. */
  closeTimeoutMs: duration({
    group: 'Shutdown',
    help: 'Time a client has to answer a close before its socket is terminated; 0 waits forever.',
    default: 2000,
  }),
  /** Bytes buffered for a slow client; beyond this, only its newest cursor is kept. 0 buffers nothing but that cursor. */
  clientBufferBytes: size({
    group: 'Slow clients',
    help: 'Bytes buffered for a slow client; beyond this, only its newest cursor is kept.',
    default: 64 * KIB,
  }),
  /** Milliseconds a client may stay backed up before it is closed with 1013; 0 leaves it to the heartbeat. */
  slowClientTimeoutMs: duration({
    group: 'Slow clients',
    zeroMeans: 'off',
    help: 'Time a client may stay backed up before it is closed with 1013; 0 leaves it to the heartbeat.',
    default: 0,
  }),
  /** Maximum queued handshakes; each tick of the event loop completes a few. More get 503. */
  handshakeBacklog: count({
    group: 'Limits',
    help: 'Maximum queued handshakes; more get 503.',
    default: 4096,
    orInfinity: true,
  }),
  /**
   * How to refuse a client without a valid token or beyond a limit: `close` upgrades it and closes it with 4401 or
   * 4503, as the DataFn reference has it; `http` answers 401 or 503 instead, after which DataFn clients back off.
   */
  refuseWith: choice(['close', 'http'], {
    group: 'Limits',
    placeholder: 'WAY',
    help: 'How to refuse clients: with close codes 4401 and 4503 (close), or with HTTP 401 and 503 before the upgrade (http).',
    default: 'close',
  }),
  /** Whether to send the newest cursor to a client whose hello shows that it is behind. */
  resume: toggle({
    group: 'Cursors',
    help: 'On hello, send the newest cursor to a client that is behind. A restart loses the cursors.',
  }),
  /** Whether cursor messages say whom they were sent to, in a field `targeting`, as newer DataFn servers do. */
  cursorTargeting: toggle({
    group: 'Cursors',
    help: 'Say in each cursor message whom it was sent to (targeting), as newer DataFn servers do.',
  }),
  /** Number of namespaces whose newest cursor is kept; the least recently used is evicted. */
  rememberNamespaces: count({
    group: 'Cursors',
    min: 1,
    help: 'Namespaces whose newest cursor is kept for --resume and --monotonic; the least recently used is evicted.',
    default: 100_000,
  }),
  /**
   * Clients per second that each server sends the cursors they missed while the engine of the cluster was away; 0 is no
   * limit.
   */
  catchUpRate: rate({
    group: 'Cluster',
    orNone: true,
    help: 'Clients per second that each server sends the cursors they missed while the engine was away; 0 is no limit.',
    default: 2000,
  }),
  /** URL path of the WebSocket endpoint: `<remote>/ws`, with the DataFn remote at `/datafn`. */
  path: text({
    group: 'Network',
    placeholder: 'PATH',
    help: 'URL path of the WebSocket endpoint.',
    default: '/datafn/ws' as string,
    check: (value) => (/^\/[^?#\s]*$/.test(value) ? undefined : 'a path such as /datafn/ws'),
  }),
  /** Maximum size of a message from a client, in bytes; a larger one closes it with 1009. */
  maxMessageSizeBytes: size({
    group: 'Limits',
    min: 1,
    help: 'Maximum size of a message from a client; a larger one closes it with 1009.',
    default: 64 * KIB,
  }),
  /**
   * Sustained rate of messages from a client per second, pings and unsolicited pongs included; a higher rate closes it
   * with 1008. A long message counts once per KiB. 0 is no limit.
   */
  maxMessageRate: rate({
    group: 'Limits',
    orNone: true,
    help: 'Sustained rate of messages from a client, pings included; a long message counts once per KiB. A higher rate closes it with 1008; 0 is no limit.',
    default: 50,
  }),
  /** Messages a client may send in one burst. */
  maxMessageBurst: count({
    group: 'Limits',
    min: 1,
    help: 'Messages a client may send in one burst.',
    default: 100,
  }),
  /** Milliseconds a client has to say hello before it is closed with 1008; 0 is no limit. */
  helloTimeoutMs: duration({
    group: 'Limits',
    zeroMeans: 'off',
    help: 'Time a client has to say hello before it is closed with 1008; 0 is no limit.',
    default: 0,
  }),
  /** Maximum clients per address (IPv6: per /64); more get 429. Default: no limit. */
  maxConnectionsPerAddress: count<number | undefined>({
    group: 'Limits',
    help: 'Maximum clients per address (IPv6: per /64); more get 429. Default: no limit.',
    default: undefined,
    orInfinity: true,
  }),
  /** Milliseconds the namespace provider may take before the client is closed with 4401; 0 waits forever. */
  authTimeoutMs: duration({
    group: 'Authentication',
    help: 'Time the namespace provider may take before the client is closed with 4401; 0 waits forever.',
    default: 5000,
  }),
  /** Maximum clients waiting for the namespace provider; more get 503. Each holds a file descriptor, but no slot. */
  maxPendingAuth: count({
    group: 'Authentication',
    min: 1,
    help: 'Maximum clients waiting for the namespace provider; more get 503.',
    default: 1000,
  }),
  /**
   * Origins whose pages are admitted, such as `https://app.example.com`; `null` for pages without one, `*` for all.
   * Empty admits pages on this machine, on any port. Requests without an Origin pass.
   */
  allowOrigin: commaList({
    placeholder: 'ORIGIN',
    help: 'Allow browser connections from this origin, such as https://app.example.com, or * for any. Repeatable. Default: loopback origins.',
    check: originProblem,
  }),
  /** Proxies whose X-Forwarded-For is trusted: addresses, subnets, `loopback`, `private`. Default: none. */
  trustProxy: commaList({
    group: 'Network',
    placeholder: 'PROXY',
    help: 'Trust the X-Forwarded-For of this proxy: an address, a subnet, loopback or private. Repeatable.',
    check: proxyProblem,
  }),
} as const;

/** The table of server options: those of `createDatafnWsServer`. See {@link connectionTable}. */
export const serverTable = {
  /** TCP port; 0 picks a free port. */
  port: count({
    short: 'p',
    placeholder: 'PORT',
    max: 65_535,
    help: 'TCP port; 0 picks a free port.',
    default: 3001,
  }),
  /** Address to listen on. Non-loopback addresses need an `adminToken` of at least 16 bytes. */
  host: text({
    short: 'H',
    placeholder: 'HOST',
    help: 'Address to listen on. A non-loopback address needs --admin-token and --auth.',
    default: '127.0.0.1' as string,
    check: (value) => (value === '' ? 'a host name or address' : undefined),
  }),
  ...connectionTable,
  /** Milliseconds over which `close()` spreads its closes, so that clients do not all reconnect at once; 0 is at once. */
  drainMs: duration({
    group: 'Shutdown',
    zeroMeans: 'at once',
    help: 'Time over which a shutdown spreads its closes, so that clients do not all reconnect at once.',
    default: 0,
  }),
  /** Milliseconds clients have to disconnect on `close()`, after any drain, before their sockets are terminated. */
  shutdownTimeoutMs: duration({
    group: 'Shutdown',
    help: 'Time clients have to disconnect on shutdown before their sockets are terminated.',
    default: 10_000,
  }),
  /** Milliseconds of event-loop delay above which new clients get 503; 0 turns this off. */
  shedAboveMs: duration({
    group: 'Limits',
    zeroMeans: 'off',
    help: 'Event-loop delay above which new clients get 503; 0 turns this off.',
    default: 0,
  }),
  /** Whether the HTTP API answers 409 to a cursor lower than the newest of its namespace. */
  monotonic: toggle({
    group: 'Cursors',
    help: 'Refuse with 409 a cursor lower than the newest of its namespace. Cursors are compared by their leading whole number.',
  }),
  /** Whether the HTTP API answers 503, and delivers nothing, when the engine of the cluster does not acknowledge a batch. */
  clusterRequired: toggle({
    group: 'Cluster',
    help: 'Answer 503 and deliver nothing when the engine does not acknowledge a cursor in time.',
  }),
  /** Namespace for clients without a token under the `dev` provider; left out, they are refused. */
  anonymousNamespace: text<string | undefined>({
    placeholder: 'NS',
    help: 'Admit clients without a token into this namespace (a stock DataFn client sends none).',
    default: undefined,
    check: namespaceMismatch,
  }),
  /** Bearer token that the HTTP API requires, except for the two probes. Without it, only this machine may call the API. */
  adminToken: text<string | undefined>({
    placeholder: 'TOKEN',
    help: 'Bearer token that the HTTP API requires; prefer DATAFN_WS_ADMIN_TOKEN. At least 16 bytes if --host is not loopback.',
    default: undefined,
    isSecret: true,
    check: tokenProblem,
  }),
  /** Address with a port of its own for `GET /metrics`, such as `127.0.0.1:9464`. Default: the metrics are on the port of the API. */
  metricsListen: text<string | undefined>({
    group: 'HTTP API',
    placeholder: 'HOST:PORT',
    help: 'Serve GET /metrics on this address, such as 127.0.0.1:9464, in place of the port of the API.',
    default: undefined,
    check: hostAndPortProblem,
  }),
  /** Whether `/v1/faults` makes connections go wrong on request. Always on with the `dev` provider. For tests only. */
  enableFaults: toggle({
    group: 'Faults',
    help: 'Let /v1/faults and the fault command make connections go wrong, for tests. On with the dev provider.',
  }),
  /** A preset of faults that is in force from the start. For tests only. */
  faults: faultPresetOption,
  /** Whether pages from allowed origins may read HTTP API responses (CORS). */
  cors: toggle({ group: 'HTTP API', help: 'Let pages from allowed origins read HTTP API responses.' }),
  /**
   * Whether `/dashboard` is there, a page that shows what happens, with the last 1,000 events from before it was opened. What
   * it shows needs the `adminToken`, or without one this machine. With the `dev` provider the page is always there.
   */
  dashboard: toggle({
    group: 'HTTP API',
    help: 'Serve /dashboard, a page that shows what happens. Always on with the dev provider.',
  }),
  /** Milliseconds a connection has for its TLS handshake, and then for its request headers; 0 is no limit. */
  handshakeTimeoutMs: duration({
    group: 'Limits',
    help: 'Time a connection has for its TLS handshake, and then for its request headers; 0 is no limit.',
    default: 10_000,
  }),
  /** Maximum open connections that are not clients; beyond this, the one that has waited longest is terminated. */
  maxPendingConnections: count({
    group: 'Limits',
    min: 1,
    help: 'Maximum open connections that are not clients; beyond this, the one that has waited longest is terminated.',
    default: 5000,
    orInfinity: true,
  }),
  /** Milliseconds to receive an API request in full and to deliver its response; 0 is no limit. */
  requestTimeoutMs: duration({
    group: 'HTTP API',
    help: 'Time to receive an API request in full and to deliver its response; 0 is no limit.',
    default: 30_000,
  }),
  /** Maximum body size of an API request, in bytes; a larger one gets 413. */
  maxBodySizeBytes: size({
    group: 'HTTP API',
    min: 1,
    help: 'Maximum body size of an API request; a larger one gets 413.',
    default: 4 * MIB,
  }),
  /** Maximum cursors in one API request; more get 413. */
  maxBatchItems: count({
    group: 'HTTP API',
    min: 1,
    help: 'Maximum cursors in one API request; more get 413.',
    default: 10_000,
  }),
  ...backendTable,
  ...proxyTable,
} as const;

/** Complete, checked values of `attachWebSocketManager`. */
export type ConnectionSettings = Resolved<typeof connectionTable>;
/** Complete, checked values of `createDatafnWsServer`. */
export type ServerSettings = Resolved<typeof serverTable>;

/** {@link serverTable} for texts with units: what flags, variables and files are called. */
export const serverFlags = withoutUnits(serverTable);

/** What a scenario may set for a server that bench starts itself; where it listens and who may call is up to bench. */
const { backendFile, demo, dashboard, proxy, probe, inspectLimit, ...otherFlags } = serverFlags;
const { port, host, adminToken, metricsListen, allowOrigin, trustProxy, ...scenarioFlags } = otherFlags;
export const serverOptions = scenarioFlags;

/** The library's names for values that came as texts. */
export function settingsFrom(values: Resolved<typeof serverFlags>): ServerSettings {
  const byName: Readonly<Record<string, unknown>> = values;
  return Object.fromEntries(
    Object.keys(serverTable).map((key) => [key, byName[withoutUnit(key)]]),
  ) as unknown as ServerSettings;
}
