import { QUANTITIES } from '../model/quantity.js';
import { hasFailed } from '../report/facts.js';
import type { FindResult, FindStep } from '../report/find-schema.js';
import type { JsonResult } from '../report/schema.js';
import type { FindPlan } from './plan.js';

/** How a search went. */
interface Course {
  readonly end: FindResult['end'];
  readonly held: number | undefined;
  readonly broke: number | undefined;
  readonly confirmed: number;
  readonly steps: readonly FindStep[];
  /** The last run at `broke`. */
  readonly breaking: JsonResult | undefined;
}

export function findOf(plan: FindPlan, course: Course): FindResult {
  const { of, from, to, precision, atLeast, rules } = plan;
  const { end, held, broke, confirmed, steps, breaking } = course;
  const first = breaking?.expectations.find(hasFailed);
  const isBroken = broke !== undefined && first !== undefined;
  return {
    of,
    unit: QUANTITIES[of].unit,
    ...(held === undefined ? {} : { limit: held }),
    ...(broke === undefined ? {} : { broke }),
    end,
    confirmed,
    from,
    ...(to === undefined ? {} : { to }),
    precision,
    ...(atLeast === undefined ? {} : { atLeast }),
    rules: [...rules],
    ...(isBroken
      ? {
          brokenBy: {
            rule: first.rule,
            load: broke,
            shown: first.shown,
            ...(first.meaning === undefined ? {} : { meaning: first.meaning }),
          },
        }
      : {}),
    steps: [...steps],
  };
}

/** The result of a search: that of the last run at the limit, with the limit as a metric, and a verdict of its own. */
export function resultOf(run: JsonResult, find: FindResult, isHeld: boolean): JsonResult {
  const { limit, broke, end, unit, of } = find;
  const verdict = verdictOf(find);
  const metric =
    limit === undefined
      ? []
      : [
          {
            name: QUANTITIES[of].metric,
            unit,
            value: limit,
            ...(broke === undefined ? {} : { spread: { low: limit, high: broke } }),
          },
        ];
  const last = find.steps.at(-1);
  return {
    ...run,
    verdict,
    aborted: end === 'stopped',
    invalid: verdict === 'invalid',
    invalidReasons: end === 'generator' ? [...(last?.reasons ?? [])] : [],
    // What went wrong at a load that is too much is part of its step.
    problems: isHeld ? run.problems : end === 'gone' ? [...(last?.reasons ?? [])] : [],
    startedAt: find.steps[0]?.startedAt ?? run.startedAt,
    durationMs: find.steps.reduce((total, { durationMs }) => total + durationMs, 0),
    total: { ...run.total, metrics: [...metric, ...run.total.metrics] },
    find,
  };
}

/**
 * A search that the generator ended knows only that the limit is higher: that is enough when it is as high as was
 * asked for.
 */
function verdictOf({ end, limit = 0, atLeast }: FindResult): JsonResult['verdict'] {
  if (end === 'stopped') return 'aborted';
  if (atLeast !== undefined && limit >= atLeast) return 'passed';
  if (end === 'generator') return 'invalid';
  return end === 'none' || end === 'gone' || atLeast !== undefined ? 'failed' : 'passed';
}
