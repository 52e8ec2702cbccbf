import { serverOptions } from '../../options/server-options.js';
import { flagOf } from '../../options/spec.js';
import { formatAmount, formatCount, formatDuration } from '../../text/units.js';
import { BEHAVIORS } from '../behaviors/behaviors.js';
import { FAULTS, type Fault, type Sighting } from '../measure/evidence.js';
import type { CohortMeasurement, Measurements } from '../measure/measurements.js';
import { isRefusalKey } from '../measure/tally.js';
import type { Outcome, Rule } from '../verdict/rule.js';

/**
 * For a rule about deliveries that went wrong, or about RFC 6455: of each cohort that had any, how many (of how many),
 * and the first.
 */
export function evidenceFor({ metric, cohort }: Rule, { cohorts }: Measurements): string[] {
  const fault = FAULTS.find((one) => metric === one || metric === `cursors.${one}`);
  if (fault === undefined) return [];
  return cohorts
    .filter(({ name, tally }) => (cohort === undefined || cohort === name) && tally.counters[fault] > 0)
    .map((one) => [shareOf(fault, one), ...firstOf(fault, one)].join(' '));
}

function shareOf(fault: Fault, { name, tally: { counters } }: CohortMeasurement): string {
  if (fault === 'protocolErrors')
    return `Cohort ${name} saw ${formatAmount(counters[fault], 'protocol error')}.`;
  const { expected, received, foreign } = counters;
  const all = { lost: expected, foreign: received + foreign }[fault as string] ?? received;
  const was = counters[fault] === 1 ? 'was' : 'were';
  return `${formatCount(counters[fault])} of ${formatAmount(all, 'delivery', 'deliveries')} to cohort ${name} ${was} ${WRONG[fault]}.`;
}

const WRONG: Readonly<Record<Exclude<Fault, 'protocolErrors'>, string>> = {
  lost: 'lost',
  duplicated: 'duplicated',
  reordered: 'out of order',
  leaked: 'leaked from another namespace',
  foreign: 'not sent by bench',
};

function firstOf(fault: Fault, { name, tally }: CohortMeasurement): string[] {
  return tally.evidence
    .entries()
    .flatMap(([one, sighting]) => (one === fault ? [`The first, ${inWords(fault, sighting, name)}.`] : []));
}

function inWords(fault: Fault, sighting: Sighting, cohort: string): string {
  const { atMs, client, namespace, cursor, emittedTo, after, breach } = sighting;
  // As the client calls itself in its hello.
  const who = `client bench-${cohort}-${client} of ${namespace}`;
  const at = formatDuration(atMs);
  const what = cursor === undefined ? 'a cursor too long to be shown' : `cursor ${cursor}`;
  switch (fault) {
    case 'lost':
      return `due at ${at}: ${who} never got ${what}`;
    case 'duplicated':
      return `at ${at}: ${who} got ${what} again`;
    case 'reordered':
      return `at ${at}: ${who} got ${what} after ${after}`;
    case 'leaked':
      return `at ${at}: ${who} got ${what}, which was emitted to ${emittedTo}`;
    case 'foreign':
      return `at ${at}: ${who} got ${what}, which bench did not emit`;
    case 'protocolErrors':
      return `at ${at}, to ${who}: ${breach}`;
  }
}

/** What lets clients in that a server has refused: by its close code and reason, its HTTP status or the error. */
const FIXES: readonly (readonly [RegExp, string])[] = [
  [
    /^4503 Namespace connection limit reached/,
    "raise the server's --max-connections-per-namespace, or spread the clients over more namespaces",
  ],
  [/^4503 Connection limit reached/, "raise the server's --max-connections, or connect fewer clients"],
  [/^4503/, "raise the server's connection limit, or connect fewer clients"],
  [
    /^(4401|HTTP 401|HTTP 403)/,
    'give each client a token that the server accepts, with --token-template, --tokens-file or --jwt-secret',
  ],
  [/^HTTP 404/, 'check the path in --url'],
  [/^HTTP 3/, 'set --url to the address it redirects to'],
  [/^HTTP 4(00|05|26)/, 'check that --url is a WebSocket endpoint'],
  [/^HTTP 429/, "connect at a lower rate, or raise the server's --max-connections-per-address"],
  [/^HTTP 50[24]/, 'check the server behind the proxy that answered'],
  [/^HTTP 503/, 'connect at a lower rate: the server is overloaded or shutting down'],
  [/^HTTP 5/, 'check the log of the server'],
  [/^EMFILE/, 'allow more file descriptors with ulimit -n'],
  [/^EADDRNOTAVAIL/, 'connect fewer clients to one address: its ports are used up'],
  [/^ECONNREFUSED/, 'check that the server is running: nothing listens there'],
  [/^(ECONNRESET|ERR_CLOSED_IN_HANDSHAKE)/, 'connect at a lower rate, or check the log of the server'],
  [/^ETIMEDOUT/, 'check that the server can be reached, or connect at a lower rate'],
];

const TIMEOUT_FIX = 'connect at a lower rate, or allow more time with the timeout of the connect phase';

/** Metrics that are too low, and those that are too high, when clients are refused. */
const LOW = /^(accepted|opened|open)$/;
const HIGH = /^(closed|rejected|errors|timeouts|refused\.late)$/;

/** A rule of a scenario, and its outcome. */
interface Judged extends Outcome {
  readonly rule: Rule;
}

/** Connections that the server did not accept, as one of their metrics counts them. */
interface Refusal {
  readonly metric: string;
  readonly key: string;
  readonly count: number;
  readonly text: string;
  readonly fix: string | undefined;
}

/**
 * For a rule that does not hold because clients were refused: of each cohort, how many, why, and what lets them in.
 * What another rule asks for, and got, is not among them.
 */
export function refusalsFor(judged: Judged, all: readonly Judged[], { cohorts }: Measurements): string[] {
  const { rule, actual } = judged;
  if (!isShort(judged)) return [];
  return cohorts
    .filter(({ name, behavior }) =>
      rule.cohort === undefined ? BEHAVIORS[behavior].token === 'own' : rule.cohort === name,
    )
    .filter(({ tally }) => actual !== undefined || (tally.counters.attempts > 0 && tally.accepted === 0))
    .flatMap((cohort) =>
      refusalsOf(cohort)
        .filter((one) => LOW.test(rule.metric) || actual === undefined || isCountedBy(rule, one))
        .filter((one) => !all.some((other) => isAskedFor(other, cohort.name, one)))
        .map((one) => sentence(cohort.name, one)),
    );
}

/** Whether too few clients were accepted, too many were refused, or none was there to measure. */
function isShort({ rule: { metric, value }, actual }: Judged): boolean {
  if (actual === undefined) return !metric.startsWith('server.');
  return LOW.test(metric) ? actual < value : HIGH.test(metric) && actual > value;
}

function refusalsOf({ tally }: CohortMeasurement): Refusal[] {
  const { timeouts } = tally.counters;
  const refusals = [
    ...tally.closed
      .entries()
      .filter(([key]) => isRefusalKey(key))
      .map(([key, count]) => ({ metric: 'closed', key, count, text: `refused with ${key}` })),
    ...tally.rejected
      .entries()
      .map(([key, count]) => ({ metric: 'rejected', key, count, text: `answered with HTTP ${key}` })),
    ...tally.errors
      .entries()
      .map(([key, count]) => ({ metric: 'errors', key, count, text: `ended by ${key}` })),
  ].map((one) => ({ ...one, fix: fixFor(one.metric === 'rejected' ? `HTTP ${one.key}` : one.key) }));
  if (timeouts === 0) return refusals;
  const late = {
    metric: 'timeouts',
    key: '',
    count: timeouts,
    text: 'not answered in time',
    fix: TIMEOUT_FIX,
  };
  return [...refusals, late];
}

function fixFor(key: string): string | undefined {
  return FIXES.find(([start]) => start.test(key))?.[1];
}

function sentence(cohort: string, { count, text, fix }: Refusal): string {
  const was = count === 1 ? 'was' : 'were';
  const what = `${formatAmount(count, 'connection')} in cohort ${cohort} ${was} ${text}`;
  return fix === undefined ? `${what}.` : `${what}. To let ${count === 1 ? 'it' : 'them'} in, ${fix}.`;
}

function isCountedBy({ metric, key }: Rule, refusal: Refusal): boolean {
  if (metric === 'refused.late') return refusal.metric === 'closed';
  if (metric !== refusal.metric) return false;
  return key === undefined || key === refusal.key || refusal.key.startsWith(`${key} `);
}

/** Whether the scenario wants connections of a cohort to be refused so, and they were. */
function isAskedFor({ rule, passed }: Judged, cohort: string, refusal: Refusal): boolean {
  return (
    passed && rule.cohort === cohort && rule.operator === '==' && rule.value > 0 && isCountedBy(rule, refusal)
  );
}

type ServerKey = keyof typeof serverOptions;

/** Settings of the server that decide whether a rule holds, by its metric and what stands in its brackets. */
const ASKED: readonly (readonly [RegExp, readonly ServerKey[]])[] = [
  [/^closed\[4503 Namespace/, ['maxConnectionsPerNamespace']],
  [/^closed\[4503 Connection/, ['maxConnections']],
  [/^(closed\[4503|accepted$|open$)/, ['maxConnections', 'maxConnectionsPerNamespace']],
  [/^closed\[1009/, ['maxMessageSize']],
  [/^(heartbeat\.|closed\[1001)/, ['heartbeatInterval', 'heartbeatTimeout']],
];

/**
 * Which settings of a server that runs already a rule counts on, and what the scenario has them at; `undefined` for a
 * rule that holds on a right server whatever its settings are.
 */
export function settingsAsked({ metric, key }: Rule, serverFlags: readonly string[]): string | undefined {
  const asked = key === undefined ? metric : `${metric}[${key}`;
  const [, keys] = ASKED.find(([pattern]) => pattern.test(asked)) ?? [];
  if (keys === undefined) return undefined;
  const settings = keys.map((one) => {
    const at = serverFlags.indexOf(`--${flagOf(one)}`);
    return `${one}: ${at === -1 ? (serverOptions[one].defaultText ?? serverOptions[one].default) : serverFlags[at + 1]}`;
  });
  return `The rule assumes that the server has ${settings.join(' and ')}.`;
}
