import type { Path } from '../../options/yaml.js';
import { didYouMean } from '../../text/nearest.js';
import { formatCount } from '../../text/units.js';
import { BEHAVIOR_SETTINGS, BEHAVIORS, type Behavior } from '../behaviors/behaviors.js';
import { MAX_ACTIONS } from '../phases/repeat.js';
import { METRICS } from '../verdict/metrics.js';
import { parseRule } from '../verdict/rule.js';

/** Something wrong with a scenario, and where. */
export interface Problem {
  readonly path: Path;
  readonly message: string;
}

/**
 * What one part of a scenario says of another: cohorts by name, settings of behaviors, rules. Reads the raw values
 * of a file, so that it speaks even of one that the schema has found wrong elsewhere: all errors at once.
 */
export function crossCheck(raw: unknown): Problem[] {
  const { cohorts, phases, expect } = asObject(raw);
  const names = Object.keys(asObject(cohorts));
  return [
    ...Object.entries(asObject(cohorts)).flatMap(([name, cohort]) => checkCohort(name, asObject(cohort))),
    ...checkLength(phases),
    ...asArray(phases).flatMap((phase, index) => checkPhase(phase, ['phases', index], names)),
    ...(Object.values(asObject(cohorts)).some(hasToken) ? [] : checkEmitsToAll(phases, ['phases'])),
    ...checkRules(expect, ['expect'], names),
  ];
}

function checkLength(phases: unknown): Problem[] {
  const count = countActions(phases);
  if (count <= MAX_ACTIONS) return [];
  const most = formatCount(MAX_ACTIONS);
  return [
    { path: ['phases'], message: `expected at most ${most} with their repeats, got ${formatCount(count)}` },
  ];
}

function countActions(phases: unknown): number {
  return asArray(phases).reduce<number>((total, phase) => {
    const { parallel = asObject(phase).warmup, repeat } = asObject(phase);
    const { times, phases: inner } = asObject(repeat);
    if (repeat !== undefined) return total + (typeof times === 'number' ? times : 1) * countActions(inner);
    return total + (parallel === undefined ? 1 : countActions(parallel));
  }, 0);
}

function checkCohort(name: string, cohort: Record<string, unknown>): Problem[] {
  const path = ['cohorts', name];
  const problems: Problem[] = [];
  // The schema passes over this one, which is not a name for a key of an object.
  if (name === '__proto__') problems.push({ path, message: 'expected a name that begins with a letter' });
  const roots = new Set(Object.keys(METRICS).map((metric) => metric.split('.')[0] as string));
  if (roots.has(name))
    problems.push({ path, message: `a cohort cannot be called \`${name}\`: that is a metric` });
  const behaviorName = typeof cohort.behavior === 'string' ? cohort.behavior : 'healthy';
  const behavior: Behavior | undefined = Object.hasOwn(BEHAVIORS, behaviorName)
    ? BEHAVIORS[behaviorName as keyof typeof BEHAVIORS]
    : undefined;
  if (behavior === undefined) return problems;
  for (const setting of BEHAVIOR_SETTINGS) {
    if (cohort[setting] === undefined || behavior.settings.includes(setting)) continue;
    const [owner] =
      Object.entries<Behavior>(BEHAVIORS).find(([, one]) => one.settings.includes(setting)) ?? [];
    problems.push({
      path: [...path, setting],
      message: `is a setting of \`${owner}\`, not of \`${behaviorName}\``,
    });
  }
  if (behaviorName === 'slow-reader' && cohort.pause !== undefined && cohort.readRate !== undefined) {
    problems.push({
      path: [...path, 'readRate'],
      message: 'expected either `pause` or `readRate`, got both',
    });
  }
  const claimed = asObject(cohort.hello).namespace;
  if (behaviorName === 'spoofing' && claimed === undefined) {
    problems.push({ path, message: 'expected `hello: { namespace: … }`: the namespace that it claims' });
  }
  return problems;
}

function checkPhase(phase: unknown, path: Path, cohorts: readonly string[]): Problem[] {
  if (asObject(phase).warmup !== undefined && asObject(phase).expect !== undefined) {
    const message = 'expected no rules: a warm-up is not judged';
    return [{ path: [...path, 'expect'], message }, ...checkKinds(phase, path, cohorts)];
  }
  return checkKinds(phase, path, cohorts);
}

function checkKinds(phase: unknown, path: Path, cohorts: readonly string[]): Problem[] {
  return Object.entries(asObject(phase)).flatMap(([kind, settings]): Problem[] => {
    const at = [...path, kind];
    if (kind === 'expect') return checkRules(settings, at, cohorts);
    if (kind === 'parallel' || kind === 'warmup') {
      return asArray(settings).flatMap((inner, index) => checkInner(inner, [...at, index], cohorts));
    }
    const { cohort, phases } = asObject(settings);
    if (kind === 'repeat') {
      return asArray(phases).flatMap((inner, index) => checkInner(inner, [...at, 'phases', index], cohorts));
    }
    if (typeof cohort !== 'string' || cohorts.includes(cohort)) return [];
    return [
      { path: [...at, 'cohort'], message: `unknown cohort \`${cohort}\`.${didYouMean(cohort, cohorts)}` },
    ];
  });
}

/** A phase within another has no rules of its own: what is measured meanwhile is measured of all together. */
function checkInner(phase: unknown, path: Path, cohorts: readonly string[]): Problem[] {
  const wrong = ['expect', 'abortOnFail', 'only'].filter((key) => Object.hasOwn(asObject(phase), key));
  const isWarmUp = asObject(phase).warmup !== undefined;
  return [
    ...(isWarmUp
      ? [{ path: [...path, 'warmup'], message: 'expected a warm-up to be a phase of its own' }]
      : []),
    ...wrong.map((key) => ({ path: [...path, key], message: `\`${key}\` belongs to the outer phase` })),
    ...checkPhase(phase, path, cohorts),
  ];
}

function checkRules(rules: unknown, path: Path, cohorts: readonly string[]): Problem[] {
  return asArray(rules).flatMap((text, index) => {
    const rule = typeof text === 'string' ? parseRule(text, cohorts) : undefined;
    return typeof rule === 'string' ? [{ path: [...path, index], message: rule }] : [];
  });
}

/** Whether a cohort gets into its namespaces. Of a behavior that is not known, that is not known either. */
function hasToken(cohort: unknown): boolean {
  const { behavior = 'healthy' } = asObject(cohort);
  const known = Object.entries<Behavior>(BEHAVIORS).find(([name]) => name === behavior);
  return known === undefined || known[1].token === 'own';
}

/** In a scenario without tokens: where it emits to `all`, at whatever depth. */
function checkEmitsToAll(value: unknown, path: Path): Problem[] {
  return Object.entries(asObject(value)).flatMap(([key, child]): Problem[] => {
    const at = [...path, Array.isArray(value) ? Number(key) : key];
    if (key !== 'emit' || String(asObject(child).namespaces) !== 'all') return checkEmitsToAll(child, at);
    const message = 'expected a namespace: no cohort has a token, so `all` are none';
    return [{ path: [...at, 'namespaces'], message }];
  });
}

function asObject(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function asArray(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
