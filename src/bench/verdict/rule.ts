import { didYouMean } from '../../text/nearest.js';
import { orList } from '../../text/or-list.js';
import {
  formatCount,
  formatDuration,
  formatSize,
  parseCount,
  parseDuration,
  parseRate,
  parseSize,
} from '../../text/units.js';
import type { Measurements } from '../measure/measurements.js';
import { type KeyKind, type MetricKind, scopeOf } from './metric-kinds.js';
import { METRICS } from './metrics.js';

const COMPARISONS = {
  '==': (actual: number, wanted: number) => actual === wanted,
  '!=': (actual: number, wanted: number) => actual !== wanted,
  '<=': (actual: number, wanted: number) => actual <= wanted,
  '>=': (actual: number, wanted: number) => actual >= wanted,
  '<': (actual: number, wanted: number) => actual < wanted,
  '>': (actual: number, wanted: number) => actual > wanted,
} as const;

export type Operator = keyof typeof COMPARISONS;

/** `hot.closed[4503] == 200`, taken apart. */
export interface Rule {
  /** `undefined` for all cohorts together. */
  readonly cohort: string | undefined;
  readonly metric: string;
  readonly key: string | undefined;
  readonly operator: Operator;
  /** In milliseconds for a duration, events a second for a rate. */
  readonly value: number;
}

/** What became of a rule. */
export interface Outcome {
  /** Whether it did not fail: one that is not measurable has not, unless the run is strict. */
  readonly passed: boolean;
  /** `undefined` when nothing was measured that it could speak of; it has failed then. */
  readonly actual: number | undefined;
  /** The actual value for people, with its unit. */
  readonly shown: string;
  /** Why this target says nothing about it; `undefined` for a rule that holds or does not. */
  readonly notMeasurable?: string;
  /** Whether it is judged when all shards are merged: what one of them has measured is a part of the truth. */
  readonly isDeferred?: true;
}

const RULE = /^([A-Za-z][\w.-]*?)\s*(?:\[\s*([^\]]*?)\s*\])?\s*([=!<>~]+)\s*([^=!<>~\s].*)$/;
const KEYS: Readonly<Record<KeyKind, { code: RegExp; hasReason: boolean; examples: string }>> = {
  // RFC 6455 section 7.4.2: what a peer may send, 1005 and 1006 for what it did not.
  'close codes': { code: /^[1-4]\d{3}$/, hasReason: true, examples: '[4503] or [4503 "a reason"]' },
  'HTTP statuses': { code: /^[1-5]\d{2}$/, hasReason: false, examples: '[503]' },
  reasons: { code: /^[\w: .-]+$/, hasReason: false, examples: '[timeout]' },
  'error codes': { code: /^[A-Z][A-Z0-9_]+$/, hasReason: false, examples: '[ECONNREFUSED]' },
};
const KEY = /^([A-Za-z0-9_]+)(?:\s+"([^"]*)")?$/;

const UNITS: Readonly<Record<MetricKind, (text: string) => ReturnType<typeof parseCount>>> = {
  count: parseCount,
  duration: (text) =>
    text === '0' ? { ok: false, expected: 'a duration such as 500ms or 2s' } : parseDuration(text),
  rate: parseRate,
  size: (text) => (text === '0' ? { ok: false, expected: 'a size such as 64KiB' } : parseSize(text)),
};

/**
 * Reads a rule: a metric (of one cohort, when its name stands before it), a comparison and a value with its unit.
 *
 * @returns the rule, or what is wrong with the text.
 */
export function parseRule(text: string, cohorts: readonly string[]): Rule | string {
  if (/\p{Cc}/u.test(text.trim())) return 'expected a rule without control characters, got one';
  const match = RULE.exec(text.trim());
  if (match === null)
    return `expected a rule such as \`cursors.lost == 0\` or \`fanout.p99 < 2s\`, got \`${text.trim()}\``;
  const [, path = '', bracket, operator = '', valueText = ''] = match;
  if (!isOperator(operator))
    return `unknown comparison \`${operator}\`: expected ${orList(Object.keys(COMPARISONS))}`;
  const named = findMetric(path, bracket, cohorts);
  if (typeof named === 'string') return named;
  const value = parseMetricValue(named.metric, valueText.trim());
  if (!value.ok)
    return `expected \`${named.metric}\` to be compared with ${value.expected}, got \`${valueText.trim()}\``;
  return { ...named, operator, value: value.value };
}

function isOperator(text: string): text is Operator {
  return Object.hasOwn(COMPARISONS, text);
}

/** A metric as a rule names it. */
export type NamedMetric = Pick<Rule, 'cohort' | 'metric' | 'key'>;

/** For a `p99` of nothing: metrics that have one. */
function endingsLike(path: string): string {
  const [first, ...others] = Object.keys(METRICS).filter((name) => name.endsWith(`.${path}`));
  if (first === undefined) return '';
  return ` Did you mean ${[...others.slice(0, 2), first]
    .map((name) => `\`${name}\``)
    .join(', ')
    .replace(/, ([^,]*)$/, ' or $1')}?`;
}

/**
 * Finds the metric that a path such as `hot.closed` and the text in the brackets behind it name.
 *
 * @returns the metric, or what is wrong with its name.
 */
export function findMetric(
  path: string,
  bracket: string | undefined,
  cohorts: readonly string[],
): NamedMetric | string {
  const [first = '', ...rest] = path.split('.');
  const isCohort = cohorts.includes(first);
  const name = isCohort ? rest.join('.') : path;
  const metric = Object.hasOwn(METRICS, name) ? METRICS[name] : undefined;
  if (metric === undefined) {
    const names = isCohort
      ? Object.keys(METRICS).map((known) => `${first}.${known}`)
      : [
          ...Object.keys(METRICS),
          ...cohorts.flatMap((cohort) => Object.keys(METRICS).map((known) => `${cohort}.${known}`)),
        ];
    return `unknown metric \`${path}\`.${didYouMean(path, names) || endingsLike(path)}`;
  }
  if (isCohort && !metric.perCohort)
    return `\`${name}\` is not measured for one cohort; write it without \`${first}.\``;
  if (bracket !== undefined && metric.keys === undefined) return `\`${name}\` takes no brackets`;
  const key = bracket === undefined || metric.keys === undefined ? undefined : readKey(bracket, metric.keys);
  if (bracket !== undefined && metric.keys !== undefined && key === undefined)
    return `expected one of its ${metric.keys} in the brackets of \`${name}\`, such as ${KEYS[metric.keys].examples}, got [${bracket}]`;
  return { cohort: isCohort ? first : undefined, metric: name, key };
}

/** Reads a value in the unit of a metric. */
export function parseMetricValue(metric: string, text: string): ReturnType<typeof parseCount> {
  return UNITS[METRICS[metric]?.kind ?? 'count'](text);
}

/** A key that nothing can ever be counted under would make a rule that always holds. */
function readKey(bracket: string, keys: KeyKind): string | undefined {
  const { code, hasReason } = KEYS[keys];
  const match = KEY.exec(bracket);
  if (match?.[1] === undefined || !code.test(match[1])) return undefined;
  if (match[2] === undefined) return match[1];
  return hasReason ? `${match[1]} ${match[2]}` : undefined;
}

/** Holds a rule against what was measured. Where bench itself was late, the server has the benefit of the doubt. */
export function judge(
  { metric: name, cohort, key, operator, value }: Rule,
  measurements: Measurements,
): Outcome {
  const metric = METRICS[name];
  const scope = scopeOf(measurements, cohort);
  const actual = metric?.read(scope, key);
  if (metric === undefined || actual === undefined) return { passed: false, actual, shown: 'no samples' };
  const passed = COMPARISONS[operator](actual, value);
  const doubt = passed ? undefined : metric.doubt?.(scope);
  const allowed = doubt === undefined ? actual : operator.startsWith('<') ? doubt.low : doubt.high;
  if (/^[<>]/.test(operator) && !passed && COMPARISONS[operator](allowed, value)) {
    const shown = `${show(metric.kind, actual)} (${show(metric.kind, allowed)} if bench was late)`;
    return { passed: true, actual, shown };
  }
  return { passed, actual, shown: show(metric.kind, actual) };
}

function show(kind: MetricKind, value: number): string {
  if (kind === 'duration') return formatDuration(value);
  if (kind === 'size') return formatSize(value);
  return kind === 'rate' ? `${formatCount(value)}/s` : formatCount(value);
}
