import { randomBytes } from 'node:crypto';
import parseCommand from 'string-argv';
import { type Credentials, newRunId } from '../../bench/fleet/credentials.js';
import { apiUrlOf, type OwnServer, startOwnServer } from '../../bench/target/own-server.js';
import { checkEmits, checkReachable } from '../../bench/target/preflight.js';
import type { ApiClientOptions, TlsTrust } from '../../emit/api-client.js';
import type { UpgradeSettings } from '../../protocol/upgrade.js';
import { formatDurationFlag } from '../../text/units.js';
import { Backend } from './backend.js';
import { call } from './http-call.js';
import type { HeartbeatSettings, LimitSettings, TargetAccess } from './settings.js';
import { givenTenants, madeTenants, type Tenant, type Tenants } from './tenants.js';
import { apiTrigger, commandTrigger, pushTrigger, runCommand, type TriggerKind } from './triggers.js';

/** What is to be tested, as the flags have it. */
export interface TargetPlan {
  /** A WebSocket URL; `undefined` starts a server. */
  readonly url: string | undefined;
  /** What is started in place of `datafn-ws serve`. */
  readonly serverCommand: string | undefined;
  readonly upgrade: UpgradeSettings;
  readonly tls: TlsTrust | undefined;
  /** Tokens that somebody gave, of one or two namespaces. */
  readonly tenants: readonly Tenant[];
  /** How tokens are made; `undefined` where they are given. */
  readonly credentials: Exclude<Credentials, { kind: 'listed' }> | undefined;
  readonly badToken: string | undefined;
  readonly expiredToken: string | undefined;
  /** `api`, `push` or `command:…`; `undefined` finds out whether there is an API. */
  readonly trigger: string | undefined;
  readonly adminUrl: string | undefined;
  readonly adminToken: string | undefined;
  /** The DataFn remote. Default: the URL without its last part. */
  readonly remote: string | undefined;
  readonly resource: string;
  readonly record: Readonly<Record<string, unknown>>;
  readonly limits: LimitSettings;
  readonly heartbeat: HeartbeatSettings | undefined;
  readonly stopCommand: string | undefined;
  readonly patienceMs: number;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
}

export interface OpenTarget {
  readonly access: TargetAccess;
  readonly isOwn: boolean;
  close(): Promise<void>;
}

/** Of a server that verify starts: small enough to be filled, quick enough to be waited for. */
const OWN_LIMITS = { namespace: 8, global: 240 };
/** A timeout beyond the interval: several pings are unanswered at the same time. */
const OWN_HEARTBEAT: HeartbeatSettings = { intervalMs: 1000, timeoutMs: 2000 };

/**
 * Starts a server, or reaches the one that is given.
 *
 * @throws {DatafnWsError} `ERR_UNREACHABLE` when it cannot be started or reached.
 */
export function openTarget(plan: TargetPlan): Promise<OpenTarget> {
  return plan.url === undefined ? openOwn(plan) : openOther(plan, plan.url);
}

async function openOwn(plan: TargetPlan): Promise<OpenTarget> {
  const limits = {
    namespace: plan.limits.namespace ?? OWN_LIMITS.namespace,
    global: plan.limits.global ?? OWN_LIMITS.global,
  };
  const heartbeat = plan.heartbeat ?? OWN_HEARTBEAT;
  const auth = ownAuth(plan);
  const server = await startOwnServer({
    command: plan.serverCommand,
    env: plan.env,
    signal: plan.signal,
    flags: [
      ...['--max-connections', String(limits.global)],
      ...['--max-connections-per-namespace', String(limits.namespace)],
      ...['--heartbeat-interval', formatDurationFlag(heartbeat.intervalMs)],
      ...['--heartbeat-timeout', formatDurationFlag(heartbeat.timeoutMs)],
      ...['--shutdown-timeout', '2s'],
      ...auth.flags,
    ],
  });
  const api = { url: server.apiUrl, adminToken: plan.adminToken, tls: plan.tls };
  const access = await accessOf(plan, {
    ...{ url: server.wsUrl, limits, heartbeat, api },
    tenants: madeTenants(auth.credentials, newRunId(), givenOf(plan)),
    stop: () => server.stop(),
  }).catch(async (error: unknown) => {
    await server.stop();
    throw error;
  });
  return { access, isOwn: true, close: () => closeOwn(server) };
}

async function closeOwn(server: OwnServer): Promise<void> {
  await server.stop();
}

/** How clients of a server that verify starts prove who they are. JWTs, which can expire, unless it is another server. */
function ownAuth({ serverCommand, credentials }: TargetPlan): {
  readonly credentials: Exclude<Credentials, { kind: 'listed' }>;
  readonly flags: readonly string[];
} {
  if (serverCommand !== undefined) return { credentials: credentials ?? { kind: 'namespace' }, flags: [] };
  const secret = randomBytes(32).toString('hex');
  return {
    credentials: { kind: 'jwt', secret, claims: { sub: '{namespace}' } },
    flags: ['--auth', 'jwt', '--jwt-secret', secret, '--jwt-namespace', '{sub}', '--backend', 'memory'],
  };
}

async function openOther(plan: TargetPlan, url: string): Promise<OpenTarget> {
  await checkReachable(url, plan.tls);
  const { adminUrl = apiUrlOf(url), adminToken, tls, stopCommand, env } = plan;
  const access = await accessOf(plan, {
    ...{ url, limits: plan.limits, heartbeat: plan.heartbeat },
    api: { url: adminUrl, adminToken, tls },
    tenants: tenantsOf(plan, plan.credentials ?? { kind: 'namespace' }),
    stop: stopCommand === undefined ? undefined : once(() => runCommand(parseCommand(stopCommand), env)),
  });
  return { access, isOwn: false, close: async () => {} };
}

/** A server is stopped once, however many clauses ask for it. */
function once(stop: () => Promise<void>): () => Promise<void> {
  let stopped: Promise<void> | undefined;
  return () => {
    stopped ??= stop();
    return stopped;
  };
}

function tenantsOf(plan: TargetPlan, credentials: Exclude<Credentials, { kind: 'listed' }>): Tenants {
  const given = givenOf(plan);
  return plan.tenants.length > 0
    ? givenTenants(plan.tenants, given)
    : madeTenants(credentials, newRunId(), given);
}

function givenOf({ badToken: bad, expiredToken: expired, upgrade }: TargetPlan) {
  return { bad, expired, via: upgrade.tokenVia };
}

type Known = Pick<TargetAccess, 'url' | 'tenants' | 'limits' | 'heartbeat' | 'stop'> & {
  readonly api: ApiClientOptions;
};

async function accessOf(plan: TargetPlan, known: Known): Promise<TargetAccess> {
  const { upgrade, tls, patienceMs, trigger, env, remote, resource, record } = plan;
  const backend =
    trigger === 'push' || remote !== undefined
      ? new Backend({ remote: remote ?? remoteOf(known.url), resource, record, tls })
      : undefined;
  const hasApi = await isApi(known.api);
  // Asked for, it has to be there: this says what is wrong with it.
  if (!hasApi && (trigger === 'api' || plan.adminUrl !== undefined)) await checkEmits(known.api);
  const byApi = hasApi ? apiTrigger(known.api) : undefined;
  return {
    ...{ upgrade, tls, patienceMs, backend },
    ...known,
    api: byApi && known.api,
    trigger: triggerOf(trigger, byApi, backend, env),
    whyNoTrigger: 'there is no way to cause a cursor, and the server has no HTTP API of datafn-ws',
  };
}

function triggerOf(
  name: string | undefined,
  byApi: TriggerKind | undefined,
  backend: Backend | undefined,
  env: TargetPlan['env'],
): TriggerKind | undefined {
  if (name === 'push' && backend !== undefined) return pushTrigger(backend);
  if (name?.startsWith('command:')) return commandTrigger(name.slice('command:'.length), env);
  return byApi;
}

/**
 * Whether a server takes cursors from us as a datafn-ws server does. An empty list has no results, or is refused with a
 * problem document; many servers answer 400 to anything.
 */
async function isApi({ url, adminToken, tls }: ApiClientOptions): Promise<boolean> {
  const headers: Record<string, string> =
    adminToken === undefined ? {} : { authorization: `Bearer ${adminToken}` };
  try {
    const { status, json } = await call({
      method: 'POST',
      url: `${url.replace(/\/+$/, '')}/v1/cursors`,
      headers,
      body: [],
      tls,
    });
    const answer = (json ?? {}) as { results?: unknown; status?: unknown };
    return status === 200 ? Array.isArray(answer.results) : status === 400 && answer.status === 400;
  } catch {
    return false;
  }
}

/** `ws://host/datafn/ws` to `http://host/datafn`: DataFn clients connect to `<remote>/ws`. */
export function remoteOf(wsUrl: string): string {
  const { pathname } = new URL(wsUrl);
  return `${apiUrlOf(wsUrl)}${pathname.replace(/\/[^/]*\/?$/, '')}`;
}
