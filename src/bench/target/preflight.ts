import { connect } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { ApiClient, type ApiClientOptions, refusedWith, type TlsTrust } from '../../emit/api-client.js';
import { withoutSecrets } from '../../emit/http-exchange.js';
import { unreachable } from '../../emit/unreachable.js';
import { maskedUrl } from '../../options/urls.js';
import { DatafnWsError, messageOf } from '../../protocol/errors.js';
import { Upgrade, type UpgradeSettings } from '../../protocol/upgrade.js';
import { printable } from '../../text/printable.js';
import { BEHAVIORS } from '../behaviors/behaviors.js';
import { type EmitTarget, openLane } from '../emitter/emitter.js';
import { type Credentials, tokenFor } from '../fleet/credentials.js';
import { serverOf } from '../fleet/wire.js';
import type { Cohort, Scenario } from '../model/scenario.js';
import { needsOf } from '../phases/index.js';
import { afterPatience, type TrialOutcome, tryClient } from './trial-client.js';

/** Most clients that are tried: few enough to stay below a server's limits on new connections. */
const MAX_CLIENTS = 16;
/** How long the server may take to answer the emit. */
const EMIT_MS = 5000;
/** Characters of the server's own words that are shown. */
const MAX_WORDS = 300;

export interface PreflightTarget {
  readonly urls: readonly string[];
  readonly credentials: Credentials;
  readonly upgrade: UpgradeSettings;
  readonly tls: TlsTrust | undefined;
}

/** A client that is tried. */
interface Trial {
  readonly given: string;
  readonly cohort: Cohort;
  readonly token: string;
}

/**
 * Tries one client of each kind that should be admitted, on every URL.
 *
 * @returns whether there was a client to try.
 * @throws {DatafnWsError} `ERR_UNREACHABLE` with what the server answered, and what to do about it.
 */
export async function tryClients(scenario: Scenario, target: PreflightTarget): Promise<boolean> {
  const trials = trialsOf(scenario, target);
  const outcomes = await Promise.all(trials.map((trial) => outcomeOf(trial, target)));
  for (const [index, first] of outcomes.entries()) {
    const trial = trials[index] as Trial;
    // Two clients of one namespace may be more than it takes: one alone must not be.
    const outcome = isFull(first) ? await outcomeOf(trial, target) : first;
    if (outcome.kind !== 'admitted') throw refusal(trial, outcome, target);
  }
  return trials.length > 0;
}

/**
 * Emits one cursor as the run will.
 *
 * @throws {DatafnWsError} `ERR_UNREACHABLE` when the server does not take it, `ERR_INVALID_OPTION` when there is no API
 *   that could.
 */
export async function tryEmit(scenario: Scenario, emits: EmitTarget, cursor: number): Promise<void> {
  const first = needsOf(scenario.phases).find((needs) => needs.emits !== undefined)?.emits;
  const namespace = scenario.namespaces[first?.namespaces[0] ?? -1];
  if (first === undefined || namespace === undefined) return;
  const lane = openLane(emits);
  let answered = () => {};
  try {
    await Promise.race([
      lane.emit([{ namespace, cursor: String(cursor).padStart(first.cursorLength, '0') }]),
      new Promise<never>((_, reject) => {
        answered = afterPatience(EMIT_MS, () =>
          reject(new DatafnWsError('ERR_UNREACHABLE', `no answer to an emit within ${EMIT_MS / 1000} s`)),
        );
      }),
    ]);
  } catch (error) {
    if (!(error instanceof DatafnWsError)) throw error;
    if (error.code === 'ERR_REFUSED' && emits.kind === 'api' && isNoApi(refusedWith(error)))
      throw noApi(error);
    const advice = error.code === 'ERR_REFUSED' ? ` ${hintFor.emit(refusedWith(error), emits.kind)}` : '';
    throw new DatafnWsError(
      'ERR_UNREACHABLE',
      `The server does not accept emits: ${inOneLine(error.message).replace(/\.$/, '')}.${advice}`,
      { cause: error },
    );
  } finally {
    answered();
    lane.close();
  }
}

/** Statuses of a server that knows no such path, and answers that are not those of our API. */
function isNoApi(status: number | undefined): boolean {
  return status === undefined || status === 404 || status === 405 || status === 501;
}

/**
 * Clients to try: of each behavior the first cohort, then further cohorts, rotating over all URLs; at least one for each URL.
 * Clients that are meant to be refused prove nothing.
 */
function trialsOf(scenario: Scenario, { urls, credentials }: PreflightTarget): Trial[] {
  const admitted = scenario.cohorts.filter(
    ({ behavior, name }) => BEHAVIORS[behavior].token === 'own' && !isMeantToBeRefused(scenario, name),
  );
  const isFirst = ({ behavior }: Cohort, index: number) =>
    admitted.findIndex((other) => other.behavior === behavior) === index;
  const kinds = admitted.filter(isFirst);
  const others = admitted.filter((cohort) => !kinds.includes(cohort));
  const cohorts = [...kinds, ...others].slice(0, MAX_CLIENTS);
  if (cohorts.length === 0) return [];
  return Array.from({ length: Math.max(cohorts.length, urls.length) }, (_, index) => {
    const cohort = cohorts[index % cohorts.length] as Cohort;
    const namespaceIndex = cohort.namespaces[0] as number;
    const holder = {
      namespace: scenario.namespaces[namespaceIndex] as string,
      namespaceIndex,
      cohort: cohort.name,
      index: 0,
    };
    return { given: urls[index % urls.length] as string, cohort, token: tokenFor(credentials, holder) };
  });
}

/** Whether the scenario expects the server to refuse every client of a cohort. */
function isMeantToBeRefused({ expectations }: Scenario, cohort: string): boolean {
  return expectations.some(
    ({ rule }) =>
      rule.cohort === cohort &&
      (rule.metric === 'accepted' || rule.metric === 'opened') &&
      rule.operator === '==' &&
      rule.value === 0,
  );
}

async function outcomeOf(
  { given, cohort, token }: Trial,
  { upgrade, tls }: PreflightTarget,
): Promise<TrialOutcome> {
  try {
    return await tryClient({
      url: new URL(given),
      upgrade: new Upgrade(given, upgrade),
      token,
      hello:
        cohort.hello === undefined
          ? undefined
          : { type: 'hello', clientId: `bench-${cohort.name}-0`, cursors: {} },
      tls,
    });
  } catch (error) {
    throw unreachable(maskedUrl(given), error);
  }
}

function isFull(outcome: TrialOutcome): boolean {
  return outcome.kind === 'closed' && outcome.code === 4503;
}

/** Why a client was not admitted, in one line. */
function refusal(trial: Trial, outcome: TrialOutcome, target: PreflightTarget): DatafnWsError {
  const secrets = secretsOf(trial, target);
  // A server may say the token that it does not take.
  const words = (text: string) => withoutSecrets(inOneLine(text), secrets).slice(0, MAX_WORDS);
  const cause = causeOf(outcome, words);
  const hint = hintFor.client(outcome, trial.given, target);
  return new DatafnWsError(
    'ERR_UNREACHABLE',
    `${maskedUrl(trial.given)} did not admit a client of ${trial.cohort.name}: ${cause}${hint === '' ? '' : `. ${hint}`}`,
  );
}

/** What a server must not be quoted with. */
function secretsOf({ given, token }: Trial, { credentials, upgrade }: PreflightTarget): string[] {
  const tokens = credentials.kind === 'namespace' ? [] : [token, encodeURIComponent(token)];
  const headers = upgrade.headers.map((line) => line.slice(line.indexOf(':') + 1).trim());
  const query = given
    .split('?')
    .slice(1)
    .flatMap((text) => text.split('&').map((pair) => pair.slice(pair.indexOf('=') + 1)));
  return [...tokens, ...headers, ...query];
}

function causeOf(outcome: TrialOutcome, words: (text: string) => string): string {
  switch (outcome.kind) {
    case 'answered': {
      const { status, statusText, location, detail } = outcome;
      const to = location === undefined ? '' : `, Location: ${maskedUrl(words(location))}`;
      const said = detail === undefined ? '' : `: ${words(detail).replace(/\.$/, '')}`;
      return `it answered ${`${status} ${words(statusText)}`.trim()}${to}${said}`;
    }
    case 'closed':
      return outcome.code === 1006
        ? 'it ended the connection at once, without a close frame'
        : `it closed the connection with ${`${outcome.code} ${words(outcome.reason)}`.trim()}`;
    case 'silence':
      return `it did not answer the upgrade within ${outcome.afterMs / 1000} s`;
    case 'admitted':
      return 'it did';
  }
}

function inOneLine(text: string): string {
  return printable(text.replace(/\s+/g, ' ').trim());
}

/** What to do about a server that refuses a client, or an emit. */
export const hintFor = {
  client(
    outcome: TrialOutcome,
    given: string,
    { credentials }: { readonly credentials: Credentials },
  ): string {
    if (outcome.kind === 'answered') {
      const { status, location } = outcome;
      if (location !== undefined && status >= 300 && status < 400) return redirectHint(given, location);
      if (status === 401 || status === 403) return `${tokenHint(credentials)} ${PROXY_HINT}`;
      if (status === 404 || status === 405 || status === 426 || (status >= 200 && status < 300))
        return pathHint(given, outcome.detail);
      if (status === 400 || status === 421)
        return "Does it serve this host? To send another Host, use --header 'Host: NAME'.";
      if (status === 429) return 'It accepts no more connections from this address.';
      if (status >= 500) return 'The server, or a proxy in front of it, is not ready.';
      return PREFLIGHT_HINT;
    }
    if (outcome.kind === 'closed') {
      if (outcome.code === 4401 || outcome.code === 4403) return tokenHint(credentials);
      if (outcome.code === 4503) return 'It has reached its client limit.';
      if (outcome.code === 1001) return 'It is shutting down.';
    }
    return PREFLIGHT_HINT;
  },

  emit(status: number | undefined, kind: 'api' | 'template'): string {
    const [token, url] = kind === 'api' ? ['--admin-token', '--admin-url'] : ['--emit-header', '--emit-url'];
    if (status === 401 || status === 403) return `Does it need another token? See ${token}.`;
    if (status !== undefined && status >= 300 && status < 400)
      return `It redirects: set ${url} to the URL that it redirects to.`;
    if (status !== undefined && status >= 500) return 'The server, or a proxy in front of it, is not ready.';
    return `See ${url}.`;
  },
} as const;

const PREFLIGHT_HINT = 'To run anyway, use --no-preflight.';
const PROXY_HINT = "For a proxy in front of it, see --header 'Name: value' and --origin.";

function tokenHint(credentials: Credentials): string {
  switch (credentials.kind) {
    case 'namespace':
      return "Clients send their namespace as the token: pass real tokens with --token-template, --tokens-file or --jwt-secret (or keep the scenario's namespaces with --namespace-prefix none).";
    case 'template':
      return 'Check --token-template, and that --token-via is where the server reads the token.';
    case 'listed':
      return 'Check the tokens of --tokens-file, and that --token-via is where the server reads them.';
    case 'jwt':
      return 'Check --jwt-secret and --jwt-claims, and that --token-via is where the server reads the JWT.';
  }
}

/** What to do about an upgrade that a server does not know; nothing more where the server has named the path itself. */
export function pathHint(given: string, detail: string | undefined): string {
  const { pathname } = new URL(given);
  return detail?.includes(JSON.stringify(pathname))
    ? ''
    : `Check the path of --url: datafn-ws serve uses /datafn/ws, got ${pathname}.`;
}

/** Names the URL that a server redirects an upgrade to. */
export function redirectHint(given: string, location: string): string {
  if (!URL.canParse(location, given)) return 'Use the URL that it redirects to.';
  const to = new URL(location, given);
  to.search = '';
  to.protocol = /^(https|wss):$/.test(to.protocol) ? 'wss:' : 'ws:';
  return `It redirects: use --url ${to.href}`;
}

/** The error for a scenario that emits, where there is no API that takes cursors. */
export function noApi(cause: unknown): DatafnWsError {
  return new DatafnWsError(
    'ERR_INVALID_OPTION',
    `The scenario emits cursors, but the HTTP API does not accept them: ${messageOf(cause)}. Pass --admin-url (and --admin-token, if it needs one) for a datafn-ws server, or --emit-url for a server with its own API.`,
    { cause },
  );
}

const REACH_MS = 5000;

/** @throws {DatafnWsError} `ERR_UNREACHABLE` when nothing listens at a WebSocket URL, or not with TLS for `wss:`. */
export async function checkReachable(wsUrl: string, tls: TlsTrust | undefined): Promise<void> {
  const { isSecure, servername, host, port } = serverOf(new URL(wsUrl));
  const where = { host, port, timeout: REACH_MS };
  const socket = isSecure
    ? connectTls({ ...where, servername, ...tls } as ConnectionOptions)
    : connect(where);
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once(isSecure ? 'secureConnect' : 'connect', resolve);
      socket.once('timeout', () => reject(new Error(`no answer within ${REACH_MS / 1000} s`)));
      socket.once('error', reject);
      socket.once('close', () => reject(new Error('the connection was closed')));
    });
  } catch (error) {
    throw unreachable(maskedUrl(wsUrl), error);
  } finally {
    socket.on('error', () => {}).destroy();
  }
}

/** @throws {DatafnWsError} when a server's HTTP API cannot be reached, or would not take emits from us. */
export async function checkEmits(target: ApiClientOptions): Promise<void> {
  const client = new ApiClient({ ...target, timeoutMs: REACH_MS });
  try {
    // An empty list: a server that takes cursors answers 400. It may have no statistics to ask for instead.
    await client.emit([]);
  } catch (error) {
    if (refusedWith(error) === 400) return;
    if (!(error instanceof DatafnWsError) || error.code !== 'ERR_REFUSED') throw error;
    throw noApi(error);
  } finally {
    client.close();
  }
}
