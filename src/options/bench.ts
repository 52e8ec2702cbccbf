import parseCommand from 'string-argv';
import { describeSecret } from '../protocol/identifiers.js';
import { orList } from '../text/or-list.js';
import type { Parsed } from '../text/units.js';
import {
  EMIT_PLACEHOLDERS,
  hostAndPort,
  hostAndPortProblem,
  jsonObjectProblem,
  namespacePrefixProblem,
  placeholderProblem,
  sentOriginProblem,
  subprotocolProblem,
  TOKEN_PLACEHOLDERS,
} from './checks.js';
import { adminTokenOption, trustOptions } from './emit.js';
import { count, duration, eitherWay, list, text, toggle } from './kinds.js';
import { tokenViaOption } from './listen.js';
import { type GivenShard, parseShard, parseTime } from './shard.js';
import type { OptionSpec, Resolved } from './spec.js';
import { apiUrlProblem, emitUrlProblem, maskedUrl, webSocketUrlProblem } from './urls.js';

/** Rules about durations, sizes and rates that fail a comparison; `bench --baseline` has them too. */
export const failOnOption = list({
  placeholder: 'RULE',
  help: "Exit with 4 when a metric changes by more than this, such as 'fanout.p99 +20% +10ms' or 'api.rate -20%'. Repeatable.",
  fromEnv: false,
});

/** Writes something to a file. */
export const outputFile = (what: string) =>
  text({
    placeholder: 'FILE',
    help: `Write the result as ${what} to a file; - for stdout.`,
    default: undefined as string | undefined,
    fromEnv: false,
    check: (value) => (value === '' ? 'a file name, or -' : undefined),
  });

/** Every option of `datafn-ws compare`. */
export const compareOptions = {
  failOn: failOnOption,
  history: text({
    placeholder: 'DIR',
    help: 'Show how the metrics of all JSON reports in this folder developed, and where one changed its level.',
    default: undefined as string | undefined,
    fromEnv: false,
  }),
  json: outputFile('JSON'),
  markdown: outputFile('Markdown'),
  html: outputFile('an HTML page (with --history)'),
} as const;

const CLOSED_QUOTES = /^(?:[^'"]|'[^']*'|"[^"]*")*$/;

const EMIT_METHODS = ['POST', 'PUT', 'PATCH', 'DELETE', 'GET'];

function methodProblem(value: string): string | undefined {
  return EMIT_METHODS.includes(value) ? undefined : orList(EMIT_METHODS);
}

/** Headers that say where the body ends, which is not for the user to say. */
const FRAMING = /^(content-length|transfer-encoding|connection|upgrade)$/i;

/** Headers of the handshake, and those that have a flag of their own. */
const UPGRADE_FLAGS: readonly (readonly [RegExp, string])[] = [
  [/^sec-websocket-protocol$/i, 'use --subprotocol'],
  [/^origin$/i, 'use --origin'],
  [/^sec-websocket-/i, 'the handshake sets it'],
];

function parseUpgradeHeader(value: string): Parsed<readonly string[]> {
  const [name = ''] = value.split(':', 1);
  const [, advice] = UPGRADE_FLAGS.find(([pattern]) => pattern.test(name)) ?? [];
  if (advice !== undefined)
    return { ok: false, expected: `a header other than ${name.toLowerCase()} (${advice})` };
  return parseHeader(value);
}

function parseHeader(value: string): Parsed<readonly string[]> {
  // As RFC 9110 has it: a token, a colon, and visible characters of Latin-1.
  const [, name = ''] =
    /^([\w!#$%&'*+.^`|~-]+):[ \t]*[\x21-\x7e\xa0-\xff](?:[\x20-\x7e\xa0-\xff]|\t)*$/.exec(value) ?? [];
  if (name === '') return { ok: false, expected: 'a header such as "authorization: Bearer …"' };
  if (FRAMING.test(name)) return { ok: false, expected: `a header other than ${name.toLowerCase()}` };
  return { ok: true, value: [value] };
}

/** Where to listen. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

function parseAddress(given: string): Parsed<Address | undefined> {
  const expected = hostAndPortProblem(given);
  return expected === undefined ? { ok: true, value: hostAndPort(given) } : { ok: false, expected };
}

function parseLive(given: string): Parsed<Address | undefined> {
  const parsed = parseAddress(/^\d+$/.test(given) ? `127.0.0.1:${given}` : given);
  return parsed.ok
    ? parsed
    : { ok: false, expected: 'a port such as 8080, or a host and a port such as 0.0.0.0:8080' };
}

/** Every option of `datafn-ws bench`. */
export const benchOptions = {
  url: list({
    placeholder: 'URL',
    help: 'WebSocket URL of the server to test; without it, bench starts one. Repeat it for a cluster: clients are spread evenly over all of its servers.',
    fromEnv: false,
    check: webSocketUrlProblem,
    masked: maskedUrl,
  }),
  adminUrl: list({
    placeholder: 'URL',
    help: 'HTTP API of the server. Default: the host and port of each --url. Of several, emits go to the first unless the scenario says otherwise, and statistics are summed.',
    check: apiUrlProblem,
    masked: maskedUrl,
  }),
  adminToken: { ...adminTokenOption, group: 'Your own server' },
  redis: toggle({
    group: 'How it runs',
    help: 'For a scenario with `cluster`: start a Redis (redis-server or valkey-server from the PATH) and several nodes that share it, in place of one server with workers.',
    fromEnv: false,
  }),
  serverCommand: text({
    group: 'Your own server',
    placeholder: 'COMMAND',
    help: 'Start this server instead of datafn-ws serve. It gets --port, --json and the server flags of the scenario, must print {"wsUrl","apiUrl"} as a line of JSON when ready, and must exit on SIGTERM.',
    default: undefined as string | undefined,
    fromEnv: false,
    check: (value) =>
      CLOSED_QUOTES.test(value) && parseCommand(value)[0]
        ? undefined
        : 'a command such as "node server.js", with closed quotes',
  }),
  header: list({
    group: 'Your own server',
    placeholder: 'NAME: VALUE',
    help: 'Send this header with every upgrade request. Repeatable.',
    fromEnv: false,
    isSecret: true,
    parse: parseUpgradeHeader,
  }),
  origin: text({
    group: 'Your own server',
    placeholder: 'ORIGIN',
    help: 'Send this Origin with every upgrade request, as a browser does.',
    default: undefined as string | undefined,
    check: sentOriginProblem,
  }),
  subprotocol: list({
    group: 'Your own server',
    placeholder: 'NAME',
    help: 'Offer this subprotocol. Repeatable.',
    check: subprotocolProblem,
  }),
  tokenVia: { ...tokenViaOption('How clients send their token'), group: 'Your own server' },
  namespacePrefix: text({
    group: 'Your own server',
    placeholder: 'TEXT',
    help: "Prefix of every namespace; {run} is unique to each run, none means no prefix. Default: the scenario's, else bench-{run}: with --url if tokens are namespaces.",
    default: undefined as string | undefined,
    check: namespacePrefixProblem,
  }),
  preflight: eitherWay({
    group: 'Your own server',
    help: 'With --url, try one client of each kind and one emit before the run (the default).',
    negatedHelp: 'With --url, start without trying a client or an emit.',
    fromEnv: false,
  }),
  strict: toggle({
    group: 'How it runs',
    help: 'Fail rules that cannot be measured, such as server.* without GET /v1/stats.',
  }),
  tokenTemplate: text({
    group: 'Your own server',
    placeholder: 'TEXT',
    help: 'Token of each client, with {namespace}, {cohort}, {i} (its number in the cohort) and {run}. Default: {namespace}.',
    default: undefined as string | undefined,
    check: (value) => placeholderProblem(value, TOKEN_PLACEHOLDERS),
    // What is in it beside the placeholders may be a key.
    isSecret: true,
  }),
  tokensFile: text({
    group: 'Your own server',
    placeholder: 'FILE',
    help: 'YAML or JSON file that maps tokens to the namespaces of the scenario.',
    default: undefined as string | undefined,
  }),
  jwtSecret: text({
    group: 'Your own server',
    placeholder: 'SECRET',
    help: 'Sign a JWT (HS256) for each client with this secret and --jwt-claims; prefer DATAFN_WS_JWT_SECRET.',
    default: undefined as string | undefined,
    isSecret: true,
  }),
  jwtClaims: text({
    group: 'Your own server',
    placeholder: 'JSON',
    help: 'Claims of that JWT, with the placeholders of --token-template.',
    default: '{"sub":"{namespace}"}',
    check: (value) => jsonObjectProblem(value) ?? placeholderProblem(value, TOKEN_PLACEHOLDERS),
    shown: describeSecret,
  }),
  emitUrl: text({
    group: 'Emits through your own API',
    placeholder: 'URL',
    help: 'URL to emit through your own API, with {namespace} and {cursor}.',
    default: undefined as string | undefined,
    check: (value) => emitUrlProblem(value) ?? placeholderProblem(value, EMIT_PLACEHOLDERS),
    masked: maskedUrl,
  }),
  emitMethod: text({
    group: 'Emits through your own API',
    placeholder: 'METHOD',
    help: 'HTTP method for --emit-url.',
    default: 'POST',
    check: methodProblem,
  }),
  emitBody: text({
    group: 'Emits through your own API',
    placeholder: 'TEXT',
    help: 'Request body for --emit-url, with {namespace} and {cursor}.',
    default: undefined as string | undefined,
    check: (value) => placeholderProblem(value, EMIT_PLACEHOLDERS),
  }),
  emitHeader: list({
    group: 'Emits through your own API',
    placeholder: 'NAME: VALUE',
    help: 'Header for --emit-url. Repeatable.',
    fromEnv: false,
    isSecret: true,
    parse: parseHeader,
  }),
  ca: { ...trustOptions.ca, group: 'Your own server' },
  insecure: { ...trustOptions.insecure, group: 'Your own server' },
  set: list({
    placeholder: 'PATH=VALUE',
    help: 'Change a value of the scenario, such as cohorts.steady.clients=500. Repeatable.',
    fromEnv: false,
  }),
  workers: count({
    group: 'How it runs',
    min: 1,
    max: 64,
    help: 'Worker processes to spread the clients over. Default: by cores and file descriptors.',
    default: undefined as number | undefined,
  }),
  seed: count({
    help: "Seed of every random choice. Default: the scenario's.",
    default: undefined as number | undefined,
  }),
  baseline: text({
    placeholder: 'FILE',
    help: 'Compare with the JSON report of an earlier run; exit with 4 when this one is worse.',
    default: undefined as string | undefined,
    fromEnv: false,
    check: (value) => (value === '' ? 'a file name' : undefined),
  }),
  failOn: { ...failOnOption, group: 'Reports' },
  revision: text({
    group: 'Reports',
    placeholder: 'TEXT',
    help: 'The commit that is tested, for the JSON report. Default: that of the CI (GITHUB_SHA, CI_COMMIT_SHA) or of the git checkout.',
    default: undefined as string | undefined,
  }),
  repeat: count({
    min: 1,
    max: 1000,
    help: 'Run each scenario N times and report medians; every rule must hold in each run.',
    default: 1,
    fromEnv: false,
  }),
  live: {
    ...text({
      placeholder: 'PORT',
      alone: '0',
      help: 'Show the HTML report in a browser during the run, at http://127.0.0.1:PORT. Without PORT, bench picks a free port; HOST:PORT sets another address. bench ends without waiting for the page to be closed.',
      default: undefined as string | undefined,
      fromEnv: false,
    }),
    parse: parseLive,
  } as OptionSpec<Address | undefined>,
  metricsListen: {
    ...text({
      group: 'Reports',
      placeholder: 'HOST:PORT',
      help: 'Serve the figures of the run for Prometheus, at http://HOST:PORT/metrics, until bench ends (port 0 picks a free one).',
      default: undefined as string | undefined,
      fromEnv: false,
    }),
    parse: parseAddress,
  } as OptionSpec<Address | undefined>,
  progress: eitherWay({
    group: 'How it runs',
    help: 'Show live progress even if stderr is not a terminal.',
    negatedHelp: 'Print one line per phase even if stderr is a terminal.',
    fromEnv: false,
  }),
  shard: {
    ...text({
      group: 'Several machines',
      placeholder: 'I/N',
      help: 'Make part I of N of the run, each on a machine of its own; datafn-ws merge adds up their JSON reports. Needs --url and --start-at. The first part emits.',
      default: undefined as string | undefined,
      fromEnv: false,
    }),
    parse: parseShard,
  } as OptionSpec<GivenShard | undefined>,
  startAt: {
    ...text({
      group: 'Several machines',
      placeholder: 'TIME',
      help: 'When all parts begin, by the clock of the target: ISO 8601 with a time zone, or seconds since 1970 (date +%s). Leave time to start: some 10 s.',
      default: undefined as string | undefined,
      fromEnv: false,
    }),
    parse: parseTime,
  } as OptionSpec<number | undefined>,
  slack: duration({
    group: 'Several machines',
    help: 'How much longer than planned each phase may take in any part. Every part needs the same.',
    default: 3000,
    fromEnv: false,
  }),
  list: toggle({
    help: 'List the shipped scenarios, or those named, and how long each takes.',
    fromEnv: false,
  }),
  validate: toggle({ help: 'Check the scenarios and exit.', fromEnv: false }),
} as const;

export type BenchOptions = Resolved<typeof benchOptions>;

/** The options of a run, whichever command makes it. */
export type RunTable = Omit<
  typeof benchOptions,
  'list' | 'validate' | 'repeat' | 'shard' | 'startAt' | 'slack'
>;
export type RunFlags = Resolved<RunTable>;
