import { DEFAULT_WS_MANAGER_CONFIG } from '../manager/config.js';
import { namespaceMismatch } from '../protocol/identifiers.js';
import { formatDurationFlag, formatSizeFlag, type Parsed } from '../text/units.js';
import { claimProblem, jwtSecretProblem, originProblem, proxyProblem, tokenProblem } from './checks.js';
import { SERVER_DEFAULTS } from './defaults.js';
import { templateProblem } from './namespace-template.js';
import { choice, count, duration, file, list, type Resolved, rate, size, text, toggle } from './spec.js';
import { keysUrlProblem, maskedUrl } from './urls.js';

const bytes = (value: number) => ({ default: value, defaultText: formatSizeFlag(value) });
const milliseconds = (value: number) => ({ default: value, defaultText: formatDurationFlag(value) });

/** Several texts with commas between them, since a variable of the environment cannot be repeated. */
function separated(problem: (value: string) => string | undefined) {
  return (value: string): Parsed<readonly string[]> => {
    const texts = value.split(',').map((one) => one.trim());
    const wrong = texts.map(problem).find((one) => one !== undefined);
    return wrong === undefined ? { ok: true, value: texts } : { ok: false, expected: wrong };
  };
}

/** Words for `--log-level`, from most to least. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;

/** The options for how the server behaves, however it is started: `serve` as flags, a scenario under `server:`. */
export const serverOptions = {
  maxConnections: count({
    group: 'Limits',
    help: 'Most clients at a time; more are closed with 4503.',
    default: DEFAULT_WS_MANAGER_CONFIG.maxConnections,
  }),
  maxConnectionsPerNamespace: count({
    help: 'Most clients of one namespace; more are closed with 4503.',
    default: DEFAULT_WS_MANAGER_CONFIG.maxConnectionsPerNamespace,
  }),
  heartbeatInterval: duration({
    group: 'Heartbeat',
    help: 'Time from one ping to the next; 0 turns the heartbeat off.',
    ...milliseconds(DEFAULT_WS_MANAGER_CONFIG.heartbeatIntervalMs),
  }),
  heartbeatTimeout: duration({
    group: 'Heartbeat',
    help: 'Time a client has to answer a ping before it is closed with 1001; 0 never closes.',
    ...milliseconds(DEFAULT_WS_MANAGER_CONFIG.heartbeatTimeoutMs),
  }),
  drain: duration({
    group: 'Shutdown',
    zeroMeans: 'at once',
    help: 'Time over which a shutdown spreads its closes, so that clients do not all reconnect at once.',
    ...milliseconds(SERVER_DEFAULTS.drainMs),
  }),
  shutdownTimeout: duration({
    group: 'Shutdown',
    help: 'Time clients have to leave on shutdown before their sockets are terminated.',
    ...milliseconds(SERVER_DEFAULTS.shutdownTimeoutMs),
  }),
  closeTimeout: duration({
    group: 'Shutdown',
    help: 'Time a client has to answer a close before its socket is terminated; 0 waits forever.',
    ...milliseconds(SERVER_DEFAULTS.closeTimeoutMs),
  }),
  clientBuffer: size({
    group: 'Slow clients',
    help: 'Bytes buffered for a client that reads slowly; beyond this only its newest cursor is kept.',
    ...bytes(SERVER_DEFAULTS.clientBufferBytes),
  }),
  slowClientTimeout: duration({
    group: 'Slow clients',
    zeroMeans: 'off',
    help: 'Time a client may stay backed up before it is closed with 1013; 0 leaves it to the heartbeat.',
    ...milliseconds(SERVER_DEFAULTS.slowClientTimeoutMs),
  }),
  handshakeBacklog: count({
    group: 'Limits',
    help: 'Most handshakes that may wait; more get 503.',
    default: SERVER_DEFAULTS.handshakeBacklog as number,
  }),
  refuseWith: choice(['close', 'http'], {
    group: 'Limits',
    placeholder: 'WAY',
    help: 'Refuse with 4401 and 4503 (close), or before the upgrade with 401 and 503 (http).',
    default: SERVER_DEFAULTS.refuseWith,
  }),
  shedAbove: duration({
    group: 'Limits',
    zeroMeans: 'off',
    help: 'Event-loop delay above which new clients get 503; 0 turns this off.',
    ...milliseconds(SERVER_DEFAULTS.shedAboveMs),
  }),
  resume: toggle({
    group: 'Cursors',
    help: 'On hello, send the newest cursor at once to a client that is behind it. A restart forgets the cursors.',
  }),
  monotonic: toggle({
    group: 'Cursors',
    help: 'Refuse a cursor lower than the newest of its namespace with 409. Cursors compare by the whole number that they begin with.',
  }),
  rememberNamespaces: count({
    group: 'Cursors',
    min: 1,
    help: 'Namespaces whose newest cursor is kept for --resume and --monotonic; the least recently used is evicted.',
    default: SERVER_DEFAULTS.rememberNamespaces as number,
  }),
  path: text({
    group: 'Network',
    placeholder: 'PATH',
    help: 'URL path of the WebSocket endpoint.',
    default: SERVER_DEFAULTS.path as string,
    check: (value) => (/^\/[^?#\s]*$/.test(value) ? undefined : 'a path such as /datafn/ws'),
  }),
  maxMessageSize: size({
    group: 'Limits',
    min: 1,
    help: 'Largest message from a client; a larger one closes it with 1009.',
    ...bytes(SERVER_DEFAULTS.maxMessageBytes),
  }),
  maxMessageRate: rate({
    group: 'Limits',
    orNone: true,
    help: 'Messages a client may send in the long run, pings included, a long one counting once for each KiB; more close it with 1008; 0 is no limit.',
    default: SERVER_DEFAULTS.messagesPerSecond as number,
    defaultText: `${SERVER_DEFAULTS.messagesPerSecond}/s`,
  }),
  maxMessageBurst: count({
    group: 'Limits',
    min: 1,
    help: 'Messages that a client may send at once.',
    default: SERVER_DEFAULTS.messageBurst as number,
  }),
  helloTimeout: duration({
    group: 'Limits',
    zeroMeans: 'off',
    help: 'Time a client has to say hello before it is closed with 1008; 0 is no limit.',
    ...milliseconds(SERVER_DEFAULTS.helloTimeoutMs),
  }),
  maxConnectionsPerAddress: count({
    group: 'Limits',
    help: 'Most clients from one address (IPv6: one /64); more get 429. Default: no limit.',
    default: undefined as number | undefined,
  }),
  anonymousNamespace: text({
    placeholder: 'NS',
    help: 'Admit clients without a token into this namespace (a stock DataFn client sends none).',
    default: undefined as string | undefined,
    check: namespaceMismatch,
  }),
} as const;

/** Words for `--auth`. */
export const AUTH_KINDS = ['dev', 'tokens', 'jwt', 'module'] as const;

/** The options of one `--auth` each. */
const authOptions = {
  tokens: file({
    group: 'Authentication',
    help: 'With --auth tokens: YAML or JSON file of token: namespace; read again on SIGHUP.',
  }),
  jwtSecret: text({
    group: 'Authentication',
    placeholder: 'SECRET',
    help: 'With --auth jwt: the HS256 secret, at least 32 bytes; better in the environment than here.',
    default: undefined as string | undefined,
    isSecret: true,
    check: jwtSecretProblem,
  }),
  jwtSecretFile: file({
    group: 'Authentication',
    help: 'With --auth jwt: a file with that secret, byte for byte; one line end at its end is dropped.',
  }),
  jwtPublicKey: file({
    group: 'Authentication',
    help: 'With --auth jwt: the public key (PEM). Its type decides the algorithm: RS256, ES256 or EdDSA.',
  }),
  jwtJwksUrl: text({
    group: 'Authentication',
    placeholder: 'URL',
    help: "With --auth jwt: the URL of the issuer's keys (JWKS).",
    default: undefined as string | undefined,
    check: keysUrlProblem,
    masked: maskedUrl,
  }),
  ca: file({
    group: 'Authentication',
    help: 'Certificates (PEM) to trust at --jwt-jwks-url.',
  }),
  jwtIssuer: text({
    group: 'Authentication',
    placeholder: 'TEXT',
    help: 'With --auth jwt: the value that the claim iss must have.',
    default: undefined as string | undefined,
    check: claimProblem,
  }),
  jwtAudience: text({
    group: 'Authentication',
    placeholder: 'TEXT',
    help: 'With --auth jwt: the value that the claim aud must be or contain.',
    default: undefined as string | undefined,
    check: claimProblem,
  }),
  jwtClockTolerance: duration({
    group: 'Authentication',
    zeroMeans: 'none',
    help: "With --auth jwt: how far the issuer's clock may be off.",
    ...milliseconds(0),
  }),
  jwtNamespace: text({
    group: 'Authentication',
    placeholder: 'TEMPLATE',
    help: 'With --auth jwt: the namespace, with claims in braces, such as tenant:{tid}:user:{sub}.',
    default: SERVER_DEFAULTS.jwtNamespace as string,
    check: templateProblem,
  }),
  authModule: file({
    group: 'Authentication',
    help: 'With --auth module: JavaScript module that exports getNamespace(request).',
  }),
} as const;

/** Every option of `datafn-ws serve`. */
export const serveOptions = {
  port: count({
    short: 'p',
    placeholder: 'PORT',
    max: 65_535,
    help: 'TCP port; 0 picks a free one.',
    default: SERVER_DEFAULTS.port as number,
  }),
  host: text({
    short: 'H',
    placeholder: 'HOST',
    help: 'Address to listen on. Any but a loopback address needs --admin-token.',
    default: SERVER_DEFAULTS.host as string,
    check: (value) => (value === '' ? 'a host name or address' : undefined),
  }),
  ...serverOptions,
  auth: choice(AUTH_KINDS, {
    placeholder: 'PROVIDER',
    help: 'Where namespaces come from. dev: the token is the namespace.',
    default: 'dev',
  }),
  ...authOptions,
  authTimeout: duration({
    group: 'Authentication',
    help: 'Time the provider may take before the client is closed with 4401; 0 waits forever.',
    ...milliseconds(SERVER_DEFAULTS.authTimeoutMs),
  }),
  maxPendingAuth: count({
    group: 'Authentication',
    min: 1,
    help: 'Most clients that may wait for the provider at a time; more get 503.',
    default: SERVER_DEFAULTS.maxPendingAuth as number,
  }),
  adminToken: text({
    placeholder: 'TOKEN',
    help: 'Bearer token that the HTTP API requires; better in the environment than here. At least 16 bytes if --host is not loopback.',
    default: undefined as string | undefined,
    isSecret: true,
    check: tokenProblem,
  }),
  allowOrigin: list({
    placeholder: 'ORIGIN',
    help: 'Admit pages of this origin, such as https://app.example.com, or * for all. Repeatable. Default: pages of this machine.',
    parse: separated(originProblem),
  }),
  cors: toggle({ group: 'HTTP API', help: 'Let pages of allowed origins read the answers of the HTTP API.' }),
  trustProxy: list({
    group: 'Network',
    placeholder: 'PROXY',
    help: 'Trust the X-Forwarded-For of this proxy: an address, a subnet, loopback or private. Repeatable.',
    parse: separated(proxyProblem),
  }),
  tlsCert: file({ group: 'Network', help: 'Certificate (PEM) for https: and wss:; read again on SIGHUP.' }),
  tlsKey: file({ group: 'Network', help: 'Private key (PEM) of --tls-cert.' }),
  handshakeTimeout: duration({
    group: 'Limits',
    help: 'Time a connection has for its TLS handshake, and again for the head of its request; 0 is no limit.',
    ...milliseconds(SERVER_DEFAULTS.handshakeTimeoutMs),
  }),
  maxPendingConnections: count({
    group: 'Limits',
    min: 1,
    help: 'Most open connections that are not clients; beyond this the one that has waited longest is terminated.',
    default: SERVER_DEFAULTS.maxPendingConnections as number,
  }),
  requestTimeout: duration({
    group: 'HTTP API',
    help: 'Time an API request has to arrive in full, and its answer to be read; 0 is no limit.',
    ...milliseconds(SERVER_DEFAULTS.requestTimeoutMs),
  }),
  maxBodySize: size({
    group: 'HTTP API',
    min: 1,
    help: 'Largest body of an API request; a larger one gets 413.',
    ...bytes(SERVER_DEFAULTS.maxBodyBytes),
  }),
  maxBatchItems: count({
    group: 'HTTP API',
    min: 1,
    help: 'Most cursors in one API request; more get 413.',
    default: SERVER_DEFAULTS.maxBatchItems as number,
  }),
  logLevel: choice(LOG_LEVELS, { placeholder: 'LEVEL', help: 'How much to log.', default: 'info' }),
  logFormat: choice(['pretty', 'json'], {
    group: 'Logging',
    placeholder: 'FORMAT',
    help: 'Format of the log on stderr.',
    default: 'pretty',
  }),
  json: toggle({ help: 'When ready, print one JSON line to stdout, and nothing else.', fromEnv: false }),
  config: file({
    help: 'YAML or JSON file with these options by their names in camelCase, such as maxConnections: 500.',
    fromConfig: false,
  }),
  check: toggle({
    help: 'Check the options, print each with its origin, and exit.',
    fromEnv: false,
    fromConfig: false,
  }),
} as const;

export type ServeOptions = Resolved<typeof serveOptions>;
