import { QUANTITIES } from '../model/quantity.js';
import { type Compared, gain } from '../verdict/metric-kinds.js';
import { METRICS } from '../verdict/metrics.js';

/** The limits that `bench find` finds, with their units. No scenario has a sample of one, so no rule can name it. */
const LIMITS = new Map(Object.values(QUANTITIES).map(({ metric, unit }) => [metric, unit]));

export function isLimit(metric: string): boolean {
  return LIMITS.has(metric);
}

/** Whether a limit is one of events a second. */
export function isRateLimit(metric: string): boolean {
  return LIMITS.get(metric) === 'per second';
}

/** How a metric or a limit is compared; `undefined` for neither. */
export function comparedAs(name: string): Compared | undefined {
  return isLimit(name) ? gain(0) : METRICS[name]?.compared;
}
