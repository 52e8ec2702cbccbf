import { DEFAULT_WS_MANAGER_CONFIG } from '../manager/config.js';
import { namespaceMismatch } from '../protocol/identifiers.js';
import { templateProblem } from '../protocol/namespace-template.js';
import { formatDurationFlag, formatSizeFlag, type Parsed } from '../protocol/units.js';
import { claimProblem, jwtSecretProblem, originProblem, proxyProblem, tokenProblem } from './checks.js';
import { SERVER_DEFAULTS } from './defaults.js';
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

/** The options that say how the server behaves, whoever starts it: `serve` as flags, a scenario under `server:`. */
export const serverOptions = {
  maxConnections: count({
    help: 'How many clients in all; more are closed with 4503.',
    default: DEFAULT_WS_MANAGER_CONFIG.maxConnections,
  }),
  maxConnectionsPerNamespace: count({
    help: 'How many clients of one namespace; more are closed with 4503.',
    default: DEFAULT_WS_MANAGER_CONFIG.maxConnectionsPerNamespace,
  }),
  heartbeatInterval: duration({
    help: 'Time from one ping to the next; 0 switches the heartbeat off.',
    ...milliseconds(DEFAULT_WS_MANAGER_CONFIG.heartbeatIntervalMs),
  }),
  heartbeatTimeout: duration({
    help: 'Time a client has to answer a ping before it is closed with 1001; 0 never closes.',
    ...milliseconds(DEFAULT_WS_MANAGER_CONFIG.heartbeatTimeoutMs),
  }),
  drain: duration({
    help: 'Time over which a shutdown spreads its closes, so that clients do not all come back together; 0: at once.',
    ...milliseconds(SERVER_DEFAULTS.drainMs),
  }),
  shutdownTimeout: duration({
    help: 'Time clients have to leave on shutdown before they are cut.',
    ...milliseconds(SERVER_DEFAULTS.shutdownTimeoutMs),
  }),
  closeTimeout: duration({
    help: 'Time a client has to answer a close before it is cut; 0 waits for ever.',
    ...milliseconds(SERVER_DEFAULTS.closeTimeoutMs),
  }),
  clientBuffer: size({
    help: 'Bytes that may wait for a client that reads slowly; beyond it only its newest cursor is kept.',
    ...bytes(SERVER_DEFAULTS.clientBufferBytes),
  }),
  slowClientTimeout: duration({
    help: 'Time a client may stay backed up before it is closed with 1013; 0 leaves it to the heartbeat.',
    ...milliseconds(SERVER_DEFAULTS.slowClientTimeoutMs),
  }),
  handshakeBacklog: count({
    help: 'Handshakes that may wait for their turn; more are told to come back, with 503.',
    default: SERVER_DEFAULTS.handshakeBacklog as number,
  }),
  shedAbove: duration({
    help: 'Delay of the event loop above which new clients are turned away with 503; 0: never.',
    ...milliseconds(SERVER_DEFAULTS.shedAboveMs),
  }),
  resume: toggle({
    help: 'Send a client whose hello shows that it is behind the newest cursor at once; a restart forgets it.',
  }),
  monotonic: toggle({
    help: 'Refuse a cursor that is lower than the newest of its namespace, by the whole number it begins with, with 409.',
  }),
  rememberNamespaces: count({
    min: 1,
    help: 'Namespaces whose newest cursor is kept for --resume and --monotonic; the one unused for longest goes.',
    default: SERVER_DEFAULTS.rememberNamespaces as number,
  }),
  path: text({
    placeholder: 'PATH',
    help: 'URL path of the WebSocket endpoint.',
    default: SERVER_DEFAULTS.path as string,
    check: (value) => (/^\/[^?#\s]*$/.test(value) ? undefined : 'a path such as /datafn/ws'),
  }),
  maxMessageSize: size({
    min: 1,
    help: 'Largest message of a client; a larger one closes it with 1009.',
    ...bytes(SERVER_DEFAULTS.maxMessageBytes),
  }),
  maxMessageRate: rate({
    orNone: true,
    help: 'Messages of a client in the long run, pings included, a long one once for each KiB; one more closes it with 1008; 0 is no limit.',
    default: SERVER_DEFAULTS.messagesPerSecond as number,
    defaultText: `${SERVER_DEFAULTS.messagesPerSecond}/s`,
  }),
  maxMessageBurst: count({
    min: 1,
    help: 'Messages that a client may send at once.',
    default: SERVER_DEFAULTS.messageBurst as number,
  }),
  helloTimeout: duration({
    help: 'Time a client has to say hello before it is closed with 1008; 0 is no limit.',
    ...milliseconds(SERVER_DEFAULTS.helloTimeoutMs),
  }),
  maxConnectionsPerAddress: count({
    help: 'How many clients of one address, of IPv6 one /64; more are answered 429. Default: no limit.',
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
  tokens: file({ help: 'With --auth tokens: YAML or JSON file of token: namespace; read again on SIGHUP.' }),
  jwtSecret: text({
    placeholder: 'SECRET',
    help: 'With --auth jwt: the secret of HS256, at least 32 bytes; better in the environment than here.',
    default: undefined as string | undefined,
    isSecret: true,
    check: jwtSecretProblem,
  }),
  jwtSecretFile: file({
    help: 'With --auth jwt: a file that holds that secret; its bytes count as they are, less one line end.',
  }),
  jwtPublicKey: file({
    help: 'With --auth jwt: the public key (PEM) of RS256, ES256 or EdDSA, whichever it is for.',
  }),
  jwtJwksUrl: text({
    placeholder: 'URL',
    help: 'With --auth jwt: where the issuer publishes its keys.',
    default: undefined as string | undefined,
    check: keysUrlProblem,
    masked: maskedUrl,
  }),
  jwtIssuer: text({
    placeholder: 'TEXT',
    help: 'With --auth jwt: what the claim iss must be.',
    default: undefined as string | undefined,
    check: claimProblem,
  }),
  jwtAudience: text({
    placeholder: 'TEXT',
    help: 'With --auth jwt: what the claim aud must be or contain.',
    default: undefined as string | undefined,
    check: claimProblem,
  }),
  jwtClockTolerance: duration({
    help: "With --auth jwt: how much the issuer's clock may differ.",
    ...milliseconds(0),
  }),
  jwtNamespace: text({
    placeholder: 'TEMPLATE',
    help: 'With --auth jwt: the namespace, with claims in braces, such as tenant:{tid}:user:{sub}.',
    default: SERVER_DEFAULTS.jwtNamespace as string,
    check: templateProblem,
  }),
  authModule: file({ help: 'With --auth module: JavaScript module that exports getNamespace(request).' }),
} as const;

/** Every option of `datafn-ws serve`. */
export const serveOptions = {
  port: count({
    short: 'p',
    placeholder: 'PORT',
    max: 65_535,
    help: 'TCP port; 0 takes a free one.',
    default: SERVER_DEFAULTS.port as number,
  }),
  host: text({
    short: 'H',
    placeholder: 'HOST',
    help: 'Address to listen on. Any other than a loopback one wants --admin-token.',
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
    help: 'Time the provider may take before the client is closed with 4401; 0 waits for ever.',
    ...milliseconds(SERVER_DEFAULTS.authTimeoutMs),
  }),
  maxPendingAuth: count({
    min: 1,
    help: 'How many clients may wait for the provider at a time; more are answered 503.',
    default: SERVER_DEFAULTS.maxPendingAuth as number,
  }),
  adminToken: text({
    placeholder: 'TOKEN',
    help: 'Bearer token that the HTTP API asks for; better in the environment than here. For the network, at least 16 bytes.',
    default: undefined as string | undefined,
    isSecret: true,
    check: tokenProblem,
  }),
  allowOrigin: list({
    placeholder: 'ORIGIN',
    help: 'Let pages of this origin in, such as https://app.example.com, or * for all. Repeatable. Default: pages of this machine.',
    parse: separated(originProblem),
  }),
  cors: toggle({ help: 'Let those pages read what the HTTP API answers.' }),
  trustProxy: list({
    placeholder: 'PROXY',
    help: 'Believe the X-Forwarded-For of this proxy: an address, a subnet, loopback or private. Repeatable.',
    parse: separated(proxyProblem),
  }),
  tlsCert: file({ help: 'Certificate (PEM) to serve https: and wss: with; read again on SIGHUP.' }),
  tlsKey: file({ help: 'Its private key (PEM).' }),
  handshakeTimeout: duration({
    help: 'Time a connection has for its TLS handshake, and then for the head of its request; 0 is no limit.',
    ...milliseconds(SERVER_DEFAULTS.handshakeTimeoutMs),
  }),
  maxPendingConnections: count({
    min: 1,
    help: 'How many connections may be open that are not clients; the one that has waited longest is terminated for a new one.',
    default: SERVER_DEFAULTS.maxPendingConnections as number,
  }),
  requestTimeout: duration({
    help: 'Time an API request has to arrive whole, and its answer to be read; 0 is no limit.',
    ...milliseconds(SERVER_DEFAULTS.requestTimeoutMs),
  }),
  maxBodySize: size({
    min: 1,
    help: 'Largest body of an API request; a larger one is answered 413.',
    ...bytes(SERVER_DEFAULTS.maxBodyBytes),
  }),
  maxBatchItems: count({
    min: 1,
    help: 'Most cursors in one API request; more are answered 413.',
    default: SERVER_DEFAULTS.maxBatchItems as number,
  }),
  logLevel: choice(LOG_LEVELS, { placeholder: 'LEVEL', help: 'How much to log.', default: 'info' }),
  logFormat: choice(['pretty', 'json'], {
    placeholder: 'FORMAT',
    help: 'How to log, to stderr.',
    default: 'pretty',
  }),
  json: toggle({ help: 'Print one JSON line to stdout when ready, and nothing else there.', fromEnv: false }),
  config: file({
    help: 'YAML or JSON file of these options by their names in camelCase, such as maxConnections: 500.',
    fromConfig: false,
  }),
  check: toggle({
    help: 'Check the options, print them with their origins, and serve nothing.',
    fromEnv: false,
    fromConfig: false,
  }),
} as const;

export type ServeOptions = Resolved<typeof serveOptions>;
