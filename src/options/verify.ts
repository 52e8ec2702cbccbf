import parseCommand from 'string-argv';
import { describeSecret, namespaceMismatch } from '../protocol/identifiers.js';
import { type Parsed, parseCount, parseDuration } from '../text/units.js';
import { benchOptions, outputFile } from './bench.js';
import { jsonObjectProblem, tokenProblem } from './checks.js';
import { adminTokenOption, trustOptions } from './emit.js';
import { duration, file, list, text, toggle } from './kinds.js';
import { tokenViaOption } from './listen.js';
import type { Resolved } from './spec.js';
import { apiUrlProblem, maskedUrl } from './urls.js';

const NONE = undefined as string | undefined;

/** How many clients a server takes: `namespace=10,global=500`, or one of the two. */
export function parseLimits(value: string): Parsed<{ namespace?: number; global?: number }> {
  const limits: { namespace?: number; global?: number } = {};
  for (const part of value.split(',')) {
    const [name = '', number = ''] = part.split('=').map((one) => one.trim());
    const parsed = parseCount(number);
    if ((name !== 'namespace' && name !== 'global') || !parsed.ok || parsed.value === 0)
      return { ok: false, expected: 'limits such as namespace=10,global=500' };
    limits[name] = parsed.value;
  }
  return { ok: true, value: limits };
}

/** An interval and a timeout: `30s/10s`. */
export function parseHeartbeat(value: string): Parsed<{ intervalMs: number; timeoutMs: number }> {
  const parts = value.split('/').map(parseDuration);
  const [interval, timeout] = parts;
  if (parts.length !== 2 || !interval?.ok || !timeout?.ok || interval.value === 0 || timeout.value === 0)
    return { ok: false, expected: 'an interval and a timeout such as 30s/10s' };
  return { ok: true, value: { intervalMs: interval.value, timeoutMs: timeout.value } };
}

function problemOf(parsed: Parsed<unknown>): string | undefined {
  return parsed.ok ? undefined : parsed.expected;
}

function commandProblem(value: string): string | undefined {
  return parseCommand(value)[0] ? undefined : 'a command such as "systemctl stop my-server"';
}

function triggerProblem(value: string): string | undefined {
  if (value === 'api' || value === 'push') return undefined;
  const command = /^command:(.*)$/s.exec(value)?.[1];
  return command !== undefined && commandProblem(command) === undefined
    ? undefined
    : 'api, push, or command: and a command such as "command:./emit.sh {namespace} {cursor}"';
}

const CLAUSES = /^[a-z0-9]+(?:\/(?:\d+|\*))?$/;

const token = (who: string) =>
  text({
    group: 'Tokens',
    placeholder: 'TOKEN',
    help: `${who}; prefer the environment variable.`,
    default: NONE,
    isSecret: true,
    check: tokenProblem,
  });

const namespace = (which: string) =>
  text({
    group: 'Tokens',
    placeholder: 'NS',
    help: `Namespace of --token-${which}, for triggers that name it. Default: the token.`,
    default: NONE,
    check: namespaceMismatch,
  });

/** Every option of `datafn-ws verify`. */
export const verifyOptions = {
  tokenA: { ...token('Token of a first namespace'), group: undefined },
  tokenB: { ...token('Token of a second namespace'), group: undefined },
  trigger: text({
    placeholder: 'HOW',
    help: 'How to cause a cursor: api (the HTTP API of datafn-ws), push (a DataFn push) or command:COMMAND with {namespace}, {token} and {cursor}. Default: api if the server has it.',
    default: NONE,
    fromEnv: false,
    check: triggerProblem,
    // A command may have a key in it.
    shown: (value) => (/^command:/.test(value) ? describeSecret(value) : JSON.stringify(value)),
  }),
  limits: text({
    placeholder: 'LIMITS',
    help: 'Client limits of the server, such as namespace=10,global=500.',
    default: NONE,
    fromEnv: false,
    check: (value) => problemOf(parseLimits(value)),
  }),
  heartbeat: text({
    placeholder: 'TIMES',
    help: 'Ping interval and pong timeout of the server, such as 30s/10s.',
    default: NONE,
    fromEnv: false,
    check: (value) => problemOf(parseHeartbeat(value)),
  }),
  stopCommand: text({
    placeholder: 'COMMAND',
    help: 'Command that shuts the server down, to test its shutdown.',
    default: NONE,
    fromEnv: false,
    check: commandProblem,
  }),
  only: list({
    placeholder: 'CLAUSE',
    help: 'Test only this clause or group, such as auth/1 or rfc6455. Repeatable.',
    fromEnv: false,
    check: (value) => (CLAUSES.test(value) ? undefined : 'a clause such as auth/1, or a group such as auth'),
  }),
  expectedFailures: file({
    help: 'File with the ids of clauses that fail, one per line; verify then fails if one of them passes.',
    fromEnv: false,
  }),
  strict: toggle({ help: 'Fail for a SHOULD as well as for a MUST.', fromEnv: false }),
  list: toggle({ help: 'List the clauses and exit.', fromEnv: false }),
  namespaceA: namespace('a'),
  namespaceB: namespace('b'),
  badToken: token('Token that the server refuses (default: one that no server accepts)'),
  expiredToken: token('Token that has expired'),
  tokenTemplate: {
    ...benchOptions.tokenTemplate,
    group: 'Tokens',
    help: 'Template for tokens, such as user:{namespace}: each clause gets namespaces of its own.',
  },
  jwtSecret: {
    ...benchOptions.jwtSecret,
    group: 'Tokens',
    help: 'Sign JWTs (HS256) with this secret and --jwt-claims, expired ones too; prefer DATAFN_WS_JWT_SECRET.',
  },
  jwtClaims: { ...benchOptions.jwtClaims, group: 'Tokens' },
  tokenVia: { ...tokenViaOption('How clients send their token'), group: 'Tokens' },
  adminUrl: text({
    group: 'Your own server',
    placeholder: 'URL',
    help: 'HTTP API for --trigger api. Default: the host and port of the URL.',
    default: NONE,
    check: apiUrlProblem,
    masked: maskedUrl,
  }),
  adminToken: { ...adminTokenOption, group: 'Your own server' },
  remote: text({
    group: 'Your own server',
    placeholder: 'URL',
    help: 'DataFn remote, for the HTTP clauses and --trigger push. Default: the URL without its last part.',
    default: NONE,
    fromEnv: false,
    check: apiUrlProblem,
    masked: maskedUrl,
  }),
  pushResource: text({
    group: 'Your own server',
    placeholder: 'NAME',
    help: 'Table that --trigger push inserts rows into.',
    default: 'todos' as string,
    fromEnv: false,
  }),
  pushRecord: text({
    group: 'Your own server',
    placeholder: 'JSON',
    help: 'Fields of such a row.',
    default: '{"title":"datafn-ws verify"}' as string,
    fromEnv: false,
    check: jsonObjectProblem,
  }),
  serverCommand: {
    ...benchOptions.serverCommand,
    group: 'Your own server',
    help: 'Start this server instead of datafn-ws serve. It gets --port, --json, limits and heartbeat as flags of serve, must print {"wsUrl","apiUrl"} as a line of JSON when ready, and must exit on SIGTERM.',
  },
  header: { ...benchOptions.header, group: 'Your own server' },
  origin: { ...benchOptions.origin, group: 'Your own server' },
  subprotocol: { ...benchOptions.subprotocol, group: 'Your own server' },
  ca: { ...trustOptions.ca, group: 'Your own server' },
  insecure: { ...trustOptions.insecure, group: 'Your own server' },
  timeout: duration({
    group: 'How it runs',
    help: 'Time the server has for anything that it must do.',
    default: 2000,
    fromEnv: false,
  }),
  json: outputFile('JSON'),
  junit: { ...outputFile('JUnit XML'), group: 'Reports' },
  markdown: { ...outputFile('Markdown'), group: 'Reports' },
  html: { ...outputFile('an HTML page'), group: 'Reports' },
} as const;

export type VerifyOptions = Resolved<typeof verifyOptions>;
