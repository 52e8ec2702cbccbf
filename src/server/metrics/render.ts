import {
  type MetricSpec,
  type MetricsSource,
  PROCESS_METRICS,
  type Sample,
  SERVER_METRICS,
} from './metrics.js';
import { TIMINGS, type TimingName, type TimingSeries } from './timings.js';

/** Before the name of every metric of the server. */
export const METRICS_PREFIX = 'datafn_ws_';

/** A metric as `registry.getMetricsAsJSON()` of prom-client has it. */
interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly aggregator: 'sum';
  readonly values: readonly (Sample & { readonly metricName?: string })[];
}

/** The answer to `GET /metrics`. */
export interface MetricsText {
  readonly contentType: string;
  readonly text: string;
}

/** Writes metrics in the text format of Prometheus. prom-client is loaded for the first of them. */
export async function renderMetrics(source: MetricsSource): Promise<MetricsText> {
  const { AggregatorRegistry, prometheusContentType } = await import('prom-client');
  const timings = Object.keys(TIMINGS) as TimingName[];
  const families = [
    ...Object.entries(SERVER_METRICS).flatMap(([name, spec]) =>
      family(`${METRICS_PREFIX}${name}`, spec, source),
    ),
    ...timings.map((name) => histogram(name, source.timings[name])),
    ...Object.entries(PROCESS_METRICS).flatMap(([name, spec]) => family(name, spec, source)),
  ];
  const registry = AggregatorRegistry.aggregate([families]);
  return { contentType: prometheusContentType, text: await registry.metrics() };
}

function family(name: string, { type, help, read }: MetricSpec, source: MetricsSource): Family[] {
  const values = read(source);
  if (values === undefined) return [];
  return [
    {
      name,
      help,
      type,
      aggregator: 'sum',
      values: typeof values === 'number' ? [{ labels: {}, value: values }] : values,
    },
  ];
}

function histogram(timing: TimingName, all: readonly TimingSeries[]): Family {
  const { help, bounds } = TIMINGS[timing];
  const name = `${METRICS_PREFIX}${timing}`;
  const values = all.flatMap(({ labels, counts, sum }) => {
    let cumulative = 0;
    const buckets = counts.map((count, index) => {
      cumulative += count;
      const le = String(bounds[index] ?? '+Inf');
      return { metricName: `${name}_bucket`, labels: { le, ...labels }, value: cumulative };
    });
    return [
      ...buckets,
      { metricName: `${name}_sum`, labels, value: sum },
      { metricName: `${name}_count`, labels, value: cumulative },
    ];
  });
  return { name, help, type: 'histogram', aggregator: 'sum', values };
}
