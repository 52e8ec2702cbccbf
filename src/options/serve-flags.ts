import {
  clusterPrefixProblem,
  DEFAULT_CLUSTER_PREFIX,
  DEFAULT_CLUSTER_TIMEOUT_MS,
} from '../backplane/redis/defaults.js';
import { redisUrlProblem } from '../backplane/redis/url.js';
import { jwtSecretProblem } from '../text/jwt.js';
import { claimProblem } from './checks.js';
import { choice, countOrAuto, duration, file, text, toggle } from './kinds.js';
import { DEFAULT_NAMESPACE_TEMPLATE, templateProblem } from './namespace-template.js';
import { serverFlags } from './server-options.js';
import type { Resolved } from './spec.js';
import { keysUrlProblem, maskedUrl } from './urls.js';

/** Words for `--log-level`, from most to least. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;

/** Words for `--auth`. */
export const AUTH_KINDS = ['dev', 'tokens', 'jwt', 'module'] as const;

/** Options that belong to a single `--auth` provider. */
const authOptions = {
  tokens: file({
    group: 'Authentication',
    help: 'With --auth tokens: YAML or JSON file that maps tokens to namespaces, or to a namespace with principals; reloaded on SIGHUP.',
  }),
  jwtSecret: text({
    group: 'Authentication',
    placeholder: 'SECRET',
    help: 'With --auth jwt: the HS256 secret, at least 32 bytes; prefer DATAFN_WS_JWT_SECRET.',
    default: undefined as string | undefined,
    isSecret: true,
    check: jwtSecretProblem,
  }),
  jwtSecretFile: file({
    group: 'Authentication',
    help: 'With --auth jwt: file with that secret, byte for byte; one trailing newline is ignored.',
  }),
  jwtPublicKey: file({
    group: 'Authentication',
    help: 'With --auth jwt: file with the public key (PEM). Its type sets the algorithm: RS256, ES256 or EdDSA.',
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
    help: 'Certificates (PEM) to trust at --jwt-jwks-url, and at --cluster rediss://.',
  }),
  jwtIssuer: text({
    group: 'Authentication',
    placeholder: 'TEXT',
    help: 'With --auth jwt: required value of the iss claim.',
    default: undefined as string | undefined,
    check: claimProblem,
  }),
  jwtAudience: text({
    group: 'Authentication',
    placeholder: 'TEXT',
    help: 'With --auth jwt: required audience, which the aud claim must be or contain.',
    default: undefined as string | undefined,
    check: claimProblem,
  }),
  jwtClockTolerance: duration({
    group: 'Authentication',
    zeroMeans: 'none',
    help: "With --auth jwt: how far the issuer's clock may be off.",
    default: 0,
  }),
  jwtNamespace: text({
    group: 'Authentication',
    placeholder: 'TEMPLATE',
    help: 'With --auth jwt: the namespace, with claims in braces, such as tenant:{tid}:user:{sub}.',
    default: DEFAULT_NAMESPACE_TEMPLATE as string,
    check: templateProblem,
  }),
  jwtActorClaim: text({
    group: 'Authentication',
    placeholder: 'CLAIM',
    help: 'With --auth jwt: claim with the actor of the client, such as sub; it gets the cursors for user:<actor>.',
    default: undefined as string | undefined,
    check: claimProblem,
  }),
  jwtPrincipalsClaim: text({
    group: 'Authentication',
    placeholder: 'CLAIM',
    help: 'With --auth jwt: claim with the principals of the client (strings); it gets the cursors for any of them.',
    default: undefined as string | undefined,
    check: claimProblem,
  }),
  authModule: file({
    group: 'Authentication',
    help: 'With --auth module: JavaScript file that exports getNamespace(request).',
  }),
} as const;

/** What makes a server one of several that act as one. */
const clusterOptions = {
  cluster: text({
    group: 'Cluster',
    placeholder: 'URL',
    help: 'Redis or Valkey by which several servers act as one: redis://[user:password@]host:port, or rediss:// with TLS; prefer DATAFN_WS_CLUSTER. Needs the package @redis/client.',
    default: undefined as string | undefined,
    isSecret: true,
    check: redisUrlProblem,
  }),
  clusterPrefix: text({
    group: 'Cluster',
    placeholder: 'TEXT',
    help: 'Prefix of every key and channel in the engine; servers with the same prefix form one cluster.',
    default: DEFAULT_CLUSTER_PREFIX as string,
    check: clusterPrefixProblem,
  }),
  clusterTimeout: duration({
    group: 'Cluster',
    help: 'Time the engine has to acknowledge a cursor or a client.',
    default: DEFAULT_CLUSTER_TIMEOUT_MS,
  }),
} as const;

/** Every option of `datafn-ws serve`. */
export const serveOptions = {
  ...serverFlags,
  adminTokenFile: file({
    group: 'HTTP API',
    help: 'File with the admin token, such as a mounted secret; one trailing newline is ignored.',
  }),
  ...clusterOptions,
  auth: choice(AUTH_KINDS, {
    placeholder: 'PROVIDER',
    help: 'How clients authenticate and get their namespace; with dev, the token is the namespace.',
    default: 'dev',
  }),
  ...authOptions,
  tlsCert: file({ group: 'Network', help: 'Certificate (PEM) for https: and wss:; reloaded on SIGHUP.' }),
  tlsKey: file({ group: 'Network', help: 'Private key (PEM) for --tls-cert.' }),
  workers: countOrAuto({
    group: 'Network',
    min: 1,
    max: 64,
    help: 'Serve with this many processes that act as one server; auto is one for each core. Default: one process.',
    // The variable is that of the option of bench.
    fromEnv: false,
  }),
  logLevel: choice(LOG_LEVELS, { placeholder: 'LEVEL', help: 'How much to log.', default: 'info' }),
  logFormat: choice(['pretty', 'json'], {
    group: 'Logging',
    placeholder: 'FORMAT',
    help: 'Format of the log on stderr.',
    default: 'pretty',
  }),
  json: toggle({
    help: 'Print a single JSON line to stdout once ready; the log goes to stderr.',
    fromEnv: false,
  }),
  config: file({
    help: 'YAML or JSON file with these options in camelCase, such as maxConnections: 500.',
    fromConfig: false,
  }),
  check: toggle({
    help: 'Validate the options, print each with its source, and exit.',
    fromEnv: false,
    fromConfig: false,
  }),
} as const;

export type ServeOptions = Resolved<typeof serveOptions>;
