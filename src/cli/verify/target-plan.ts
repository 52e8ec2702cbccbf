import type { Credentials } from '../../bench/fleet/credentials.js';
import { listenUrlProblem } from '../../options/urls.js';
import { parseHeartbeat, parseLimits, type VerifyOptions } from '../../options/verify.js';
import { webSocketUrlOf } from '../../options/websocket-url.js';
import { invalidOption } from '../../protocol/errors.js';
import { printableJson } from '../../text/printable.js';
import type { TargetPlan } from '../../verify/target/open.js';
import type { Tenant } from '../../verify/target/tenants.js';
import { readTrust } from '../input-files.js';
import type { Io } from '../io.js';

/**
 * What the arguments say of the server.
 *
 * @throws {DatafnWsError} `ERR_INVALID_OPTION` for arguments that do not go together.
 */
export async function targetPlan(
  given: string | undefined,
  options: VerifyOptions,
  io: Io,
  signal: AbortSignal,
): Promise<TargetPlan> {
  const url = given === undefined ? undefined : checkedUrl(given);
  if (url !== undefined && options.serverCommand !== undefined)
    throw invalidOption('Pass either a URL or --server-command, not both.');
  const { header: headers, origin, subprotocol: subprotocols, tokenVia } = options;
  const credentials = credentialsOf(options);
  const tenants = tenantsOf(options);
  if (tenants.length > 0 && credentials !== undefined)
    throw invalidOption('Pass either --token-a and --token-b, or a way to make tokens, not both.');
  if (url !== undefined && tenants.length === 0 && credentials === undefined)
    io.stderr.write(
      'No token was passed, so verify sends a namespace as the token. Only a server with --auth dev accepts that.\n',
    );
  return {
    url,
    serverCommand: options.serverCommand,
    upgrade: { headers, origin, subprotocols, tokenVia },
    tls: await readTrust(options, [url, options.adminUrl, options.remote]),
    tenants,
    credentials,
    badToken: options.badToken,
    expiredToken: options.expiredToken,
    trigger: options.trigger,
    adminUrl: options.adminUrl,
    adminToken: options.adminToken,
    remote: options.remote,
    resource: options.pushResource,
    record: JSON.parse(options.pushRecord),
    limits: { namespace: undefined, global: undefined, ...parsed(options.limits, parseLimits) },
    heartbeat: parsed(options.heartbeat, parseHeartbeat),
    stopCommand: options.stopCommand,
    patienceMs: options.timeout,
    env: io.env,
    signal,
  };
}

function checkedUrl(given: string): string {
  const problem = listenUrlProblem(given);
  if (problem !== undefined) throw invalidOption(`Expected ${problem}, got ${printableJson(given)}.`);
  return webSocketUrlOf(given);
}

/** The value of a text that its option has checked. */
function parsed<Value>(
  text: string | undefined,
  parse: (text: string) => { readonly ok: boolean; readonly value?: Value },
): Value | undefined {
  return text === undefined ? undefined : parse(text).value;
}

function tenantsOf({ tokenA, tokenB, namespaceA, namespaceB }: VerifyOptions): Tenant[] {
  if (tokenA === undefined && tokenB !== undefined)
    throw invalidOption('--token-b needs --token-a: add the token of a first namespace.');
  return [
    { token: tokenA, namespace: namespaceA ?? tokenA },
    { token: tokenB, namespace: namespaceB ?? tokenB },
  ].flatMap(({ token, namespace }) => (token === undefined ? [] : [{ token, namespace }]));
}

function credentialsOf(options: VerifyOptions): Exclude<Credentials, { kind: 'listed' }> | undefined {
  const { tokenTemplate, jwtSecret, jwtClaims } = options;
  if (tokenTemplate !== undefined && jwtSecret !== undefined)
    throw invalidOption('Pass only one of --token-template and --jwt-secret.');
  if (tokenTemplate !== undefined) return { kind: 'template', template: tokenTemplate };
  return jwtSecret === undefined
    ? undefined
    : { kind: 'jwt', secret: jwtSecret, claims: JSON.parse(jwtClaims) };
}
