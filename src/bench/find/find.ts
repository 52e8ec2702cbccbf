import type { QuantityName } from '../model/quantity.js';
import { QUANTITIES } from '../model/quantity.js';
import { hasFailed } from '../report/facts.js';
import type { FindResult, FindStep } from '../report/find-schema.js';
import type { JsonResult } from '../report/schema.js';
import type { FindPlan } from './plan.js';
import { findOf, resultOf } from './result.js';
import { type Attempt, Search, type Try } from './search.js';

/** What came of one run. */
export type Run =
  | { readonly result: JsonResult }
  /** The machine is too small for it: the load generator is the bottleneck. */
  | { readonly tooMuch: string }
  | { readonly gone: string };

export interface FindObserver {
  trying(next: Try, number: number): void;
  tried(step: FindStep, number: number): void;
}

/** The result of a search, and of the last run at its limit. `undefined` when not one run came to an end. */
export async function findLimit(
  plan: FindPlan,
  runAt: (load: number) => Promise<Run>,
  observer: FindObserver,
  signal: AbortSignal,
): Promise<JsonResult | undefined> {
  const search = new Search(plan);
  const steps: FindStep[] = [];
  const results: { readonly load: number; readonly isHeld: boolean; readonly result: JsonResult }[] = [];
  for (let next = search.next; next !== undefined && !signal.aborted; next = search.next) {
    observer.trying(next, steps.length + 1);
    const run = await runAt(next.load);
    if ('result' in run && run.result.verdict === 'aborted') {
      results.push({ load: next.load, isHeld: false, result: run.result });
      break;
    }
    // A server that did not start has nothing to wait for.
    if (signal.aborted && !('result' in run)) break;
    const attempt = attemptOf(run);
    const step = stepOf(plan.of, next, run, attempt);
    steps.push(step);
    observer.tried(step, steps.length);
    if ('result' in run) results.push({ load: next.load, isHeld: attempt === 'holds', result: run.result });
    search.took(attempt);
  }
  const end: FindResult['end'] = search.end ?? 'stopped';
  const { held, broke, confirmed } = search;
  const breaking = results.findLast(({ load, isHeld }) => load === broke && !isHeld)?.result;
  const find = findOf(plan, { end, held, broke, confirmed, steps, breaking });
  const shown = results.findLast(({ load, isHeld }) => isHeld && load === held) ?? results.at(-1);
  return shown === undefined ? undefined : resultOf(shown.result, find, shown.isHeld);
}

/**
 * A run is repeated when a duration is within so many times its limit, or so many of the clients were admitted: a busy
 * moment may have done that.
 */
const NARROWLY = 3;
const MOSTLY = 0.9;

function attemptOf(run: Run): Attempt {
  if ('tooMuch' in run) return 'saturated';
  if ('gone' in run) return 'gone';
  const { result } = run;
  const failed = result.expectations.filter(hasFailed);
  if (result.verdict === 'invalid') {
    // Others took the machine from the server: that is repeated, and counts the second time.
    return result.invalidReasons.every((reason) => reason.startsWith('The machine is busy'))
      ? 'breaks-narrowly'
      : 'saturated';
  }
  if (result.verdict !== 'failed') return 'holds';
  const isNarrow =
    result.problems.length === 0 &&
    failed.every(({ unit, metric, actual, expected }) => {
      if (actual === undefined) return false;
      if (metric === 'accepted') return actual > expected * MOSTLY;
      return unit === 'ms' && actual < NARROWLY * expected;
    });
  return isNarrow ? 'breaks-narrowly' : 'breaks';
}

function stepOf(
  of: QuantityName,
  { load, purpose, attempt: number }: Try,
  run: Run,
  attempt: Attempt,
): FindStep {
  const outcome = attempt === 'breaks-narrowly' ? 'breaks' : attempt;
  const common = { load, purpose, outcome, ...(number > 1 ? { isRepeated: true as const } : {}) };
  if (!('result' in run)) {
    const why = 'gone' in run ? run.gone : run.tooMuch;
    return {
      ...common,
      startedAt: new Date().toISOString(),
      durationMs: 0,
      broke: [],
      reasons: [why],
      generatorCpu: 0,
    };
  }
  const { result } = run;
  const { total, startedAt, durationMs, timeline, generator } = result;
  const histogram = total.histograms[QUANTITIES[of].curve.histogram];
  const metric = (name: string) =>
    total.metrics.find((one) => one.name === name && one.cohort === undefined && one.key === undefined)
      ?.value;
  const cpuMs = metric('server.cpuTime');
  const rss = metric('server.rss');
  const received = Math.max(0, ...timeline.map(({ deliveriesPerSecond }) => deliveriesPerSecond));
  return {
    ...common,
    startedAt,
    durationMs,
    broke: result.expectations.filter(hasFailed).map(({ rule, shown }) => ({ rule, shown })),
    reasons: [...result.invalidReasons, ...result.problems],
    ...(histogram === undefined ? {} : { p50Ms: histogram.p50, p99Ms: histogram.p99 }),
    ...(received === 0 ? {} : { deliveriesPerSecond: received }),
    ...(cpuMs === undefined ? {} : { serverCpu: cpuMs / Math.max(1, durationMs) }),
    ...(rss === undefined ? {} : { serverRssBytes: rss }),
    generatorCpu: Math.max(0, ...generator.map(({ maxCpu }) => maxCpu)),
  };
}
