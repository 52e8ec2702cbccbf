import { printableJson } from '../../protocol/printable.js';
import { formatAmount } from '../../protocol/units.js';
import { metricText, valueText } from '../verdict/metric-text.js';
import { METRICS } from '../verdict/metrics.js';
import type { JsonReport, JsonResult } from './schema.js';

/** An entry, as https://github.com/benchmark-action/github-action-benchmark reads it. */
interface Entry {
  readonly name: string;
  readonly unit: string;
  readonly value: number;
  readonly range?: string;
  readonly extra: string;
}

/**
 * The durations and sizes of a report for github-action-benchmark, tool `customSmallerIsBetter`: a file of it has one
 * direction, and in all of these less is better. A run that was stopped, or was not valid, has no entries: its numbers
 * must not get into a history.
 */
export function benchmarkJson({ results }: JsonReport): string {
  const usable = results.filter(({ verdict }) => verdict !== 'aborted' && verdict !== 'invalid');
  return `${printableJson(usable.flatMap(entriesOf), 2)}\n`;
}

function entriesOf({ scenario, tool, machine, repeat, total }: JsonResult): Entry[] {
  const extra = [
    formatAmount(repeat?.runs.length ?? 1, 'run'),
    `seed ${scenario.seed}`,
    `datafn-ws ${tool.version}`,
    `Node.js ${machine.node}`,
    `${machine.cores} cores`,
  ].join(', ');
  return total.metrics
    .filter(({ name, cohort, key }) => cohort === undefined && key === undefined && isCost(name))
    .map((metric) => {
      const { unit, value, spread } = metric;
      const range = spread === undefined ? {} : { range: rangeText(spread, unit) };
      return { name: `${scenario.name}: ${metricText(metric)}`, unit, value, ...range, extra };
    });
}

function isCost(name: string): boolean {
  return METRICS[name]?.compared.as === 'cost';
}

function rangeText(
  { low, high }: { low: number; high: number },
  unit: Entry['unit'] & Parameters<typeof valueText>[1],
) {
  return `${valueText(low, unit)} to ${valueText(high, unit)}`;
}
