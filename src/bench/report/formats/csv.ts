import { printable } from '../../../text/printable.js';
import type { JsonReport } from '../schema.js';

/** Every metric of all cohorts together as CSV (RFC 4180), a line each. */
export function csvReport({ results }: JsonReport): string {
  const rows = results.flatMap(({ scenario, total }) =>
    total.metrics
      .filter(({ cohort, key }) => cohort === undefined && key === undefined)
      .map(({ name, value, unit }) => [scenario.name, name, String(value), unit]),
  );
  return [['scenario', 'metric', 'value', 'unit'], ...rows]
    .map((row) => `${row.map((cell) => `"${printable(cell).replaceAll('"', '""')}"`).join(',')}\r\n`)
    .join('');
}
