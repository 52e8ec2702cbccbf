import { formatCount, formatDuration, formatSize } from '../../text/units.js';

/** A metric as a rule names it: of one cohort or of all, with what stands in its brackets. */
export interface MetricName {
  readonly name: string;
  readonly cohort?: string | undefined;
  readonly key?: string | undefined;
}

/** The unit of a metric in a report. */
export type MetricUnit = 'count' | 'ms' | 'per second' | 'bytes';

/** A metric as a scenario writes it: `hot.closed[4503 "Connection limit reached"]`. */
export function metricText({ name, cohort, key }: MetricName): string {
  const path = cohort === undefined ? name : `${cohort}.${name}`;
  if (key === undefined) return path;
  const blank = key.indexOf(' ');
  return blank < 0 ? `${path}[${key}]` : `${path}[${key.slice(0, blank)} "${key.slice(blank + 1)}"]`;
}

/** A value for people, with its unit. */
export function valueText(value: number, unit: MetricUnit): string {
  switch (unit) {
    case 'ms':
      return formatDuration(value);
    case 'bytes':
      return formatSize(value);
    case 'per second':
      return `${formatCount(value)}/s`;
    case 'count':
      return formatCount(value);
  }
}
