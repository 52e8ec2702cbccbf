import { refusedWith, type TlsTrust } from '../../emit/api-client.js';
import { withoutSecrets } from '../../emit/http-exchange.js';
import { unreachable } from '../../emit/unreachable.js';
import { maskedUrl } from '../../options/urls.js';
import { DatafnWsError } from '../../protocol/errors.js';
import { Upgrade, type UpgradeSettings } from '../../protocol/upgrade.js';
import { printable } from '../../text/printable.js';

import { BEHAVIORS } from '../behaviors/behaviors.js';

import { type EmitTarget, openLane } from '../emitter/lane.js';
import { type Credentials, tokenFor } from '../fleet/credentials.js';
import { actionsOf, type Cohort, type EmitPhase, type Scenario } from '../scenario/model.js';
import { hintFor, noApi } from './hints.js';
import { afterPatience } from './patience.js';
import { type TrialOutcome, tryClient } from './trial-client.js';

/** Clients that are tried at most, so that a server's limits on new connections are not in question. */
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
 * Tries one client of each kind that is to be let in, on every URL.
 *
 * @returns whether there was anybody to try.
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
  const phase = scenario.phases
    .flatMap((one) => [...actionsOf(one)])
    .find((action): action is EmitPhase => action.kind === 'emit');
  const namespace = scenario.namespaces[phase?.namespaces[0] ?? -1];
  if (phase === undefined || namespace === undefined) return;
  const lane = openLane(emits);
  let answered = () => {};
  try {
    await Promise.race([
      lane.emit([{ namespace, cursor: String(cursor).padStart(phase.cursorLength, '0') }]),
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
      `The server does not take emits: ${inOneLine(error.message).replace(/\.$/, '')}.${advice}`,
      {
        cause: error,
      },
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
 * Whom to try: of each behavior the first cohort, then further cohorts, in turns on all URLs; at least one for each URL.
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

/** Whether the scenario expects that nobody of a cohort is let in. */
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

/** Why a client was not let in, in one line. */
function refusal(trial: Trial, outcome: TrialOutcome, target: PreflightTarget): DatafnWsError {
  const secrets = secretsOf(trial, target);
  // A server may say the token that it does not take.
  const words = (text: string) => withoutSecrets(inOneLine(text), secrets).slice(0, MAX_WORDS);
  const cause = causeOf(outcome, words);
  const hint = hintFor.client(outcome, trial.given, target);
  return new DatafnWsError(
    'ERR_UNREACHABLE',
    `${maskedUrl(trial.given)} did not let a client of ${trial.cohort.name} in: ${cause}. ${hint}`,
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
