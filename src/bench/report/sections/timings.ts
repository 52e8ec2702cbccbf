import { flagOf } from '../../../options/spec.js';
import { formatAmount, formatCount, formatDuration, formatPercent, formatSize } from '../../../text/units.js';
import { metricText, valueText } from '../../verdict/metric-kinds.js';
import { METRICS } from '../../verdict/metrics.js';
import { metricOf } from '../facts.js';
import { aside, code, numbers, paragraph, type Section, type Span, section, table } from '../model.js';
import type { JsonResult } from '../schema.js';

/** Kinds of durations by the metric for their statistics: the histogram, and the name that reports use. */
const TIMED: Readonly<Record<string, { readonly histogram: string; readonly name: string }>> = {
  handshake: { histogram: 'handshake', name: 'handshake' },
  fanout: { histogram: 'fanout', name: 'fan-out latency' },
  'fanout.skew': { histogram: 'skew', name: 'fan-out skew, first to last' },
  convergence: { histogram: 'convergence', name: 'convergence after last emit' },
  converged: { histogram: 'recovery', name: 'caught up after a fault' },
  reconnect: { histogram: 'reconnect', name: 'connection lost to reconnected' },
  'heartbeat.interval': { histogram: 'pingInterval', name: 'heartbeat interval' },
  'heartbeat.timeout': { histogram: 'pongTimeout', name: 'heartbeat timeout' },
  'pull.data': { histogram: 'pullData', name: 'push until clients have the data' },
  'pull.time': { histogram: 'pullTime', name: 'pull response time' },
  'emit.time': { histogram: 'emitTime', name: 'emit response time' },
  'emit.lag': { histogram: 'emitLag', name: 'emitter behind schedule' },
  'api.latency': { histogram: 'apiLatency', name: 'HTTP load: latency' },
};

/** A metric such as `fanout.p99`, taken apart; `undefined` if it is not a statistic of durations. */
export function timedOf(metric: string) {
  const [, base = '', statistic = ''] = /^(.+)\.(min|mean|max|p[\d.]+)$/.exec(metric) ?? [];
  const timed = TIMED[base];
  return timed === undefined ? undefined : { base, statistic, ...timed };
}

const STATISTICS = ['p50', 'p90', 'p99', 'max'] as const;

export function timings(result: JsonResult): Section[] {
  const rows = Object.entries(TIMED).flatMap(([metric, { histogram: key, name }]) => {
    const histogram = result.total.histograms[key];
    if (histogram === undefined) return [];
    // A single sample has no percentiles.
    const values = STATISTICS.map((one) =>
      histogram.count === 1 && one !== 'max' ? '–' : formatDuration(histogram[one]),
    );
    return [[[name, aside(` ${metric}`)], formatCount(histogram.count), ...values]];
  });
  const count = (metric: string) => formatCount(metricOf(result, metric) ?? 0);
  const rate = metricOf(result, 'api.rate');
  return section('Timings', 'detail', [
    ...table('Durations', [{ name: 'duration' }, ...numbers('samples', ...STATISTICS)], rows),
    ...(metricOf(result, 'emit.broadcasts') === undefined
      ? []
      : [
          paragraph(
            `The server counted ${count('emit.broadcasts')} broadcasts and ${count('emit.delivered')} deliveries; ${count('emit.failed')} emits failed.`,
          ),
        ]),
    ...(rate === undefined
      ? []
      : [
          paragraph(
            `HTTP load: ${count('api.requests')} requests, ${formatCount(Math.round(rate))} requests/s, ${count('api.failed')} failed`,
          ),
        ]),
  ]);
}

/** Durations, sizes and rates of several runs, and counts that were not the same in all of them. */
export function repeatRowsOf({ repeat, total }: JsonResult) {
  if (repeat === undefined) return [];
  return total.metrics.flatMap((metric) => {
    const { name, cohort, unit, value, spread, nondeterministic } = metric;
    const known = METRICS[name];
    if (spread === undefined || known === undefined) return [];
    const { as } = known.compared;
    const isShown =
      as === 'cost' || as === 'gain'
        ? cohort === undefined
        : as !== 'nothing' &&
          known.perCohort === (cohort !== undefined) &&
          nondeterministic !== true &&
          spread.low !== spread.high;
    const [median, low, high] = [value, spread.low, spread.high].map((one) => valueText(one, unit));
    return isShown ? [{ metric: metricText(metric), median, low, high }] : [];
  });
}

export function runs(result: JsonResult): Section[] {
  const rows = repeatRowsOf(result).map(({ metric, median = '', low = '', high = '' }) => [
    [code(metric)],
    ...[median, low, high],
  ]);
  return section(
    'Runs',
    'detail',
    table('Medians of all runs', ['metric', ...numbers('median', 'lowest', 'highest')], rows),
  );
}

/** How the server was set up, and what it reports about itself. */
export function server(result: JsonResult): Section[] {
  const fact = (metric: string, say: (value: number) => string) => {
    const value = metricOf(result, `server.${metric}`);
    return value === undefined ? [] : [say(value)];
  };
  const facts = [
    ...fact('cpuTime', (ms) => `CPU time ${formatDuration(ms)}`),
    ...fact('rss', (bytes) => `at most ${formatSize(bytes)} of memory`),
    ...fact('bytesPerConnection', (bytes) => `${formatSize(bytes)} per connection`),
    ...fact('eventLoopDelay.p99', (ms) => `event-loop delay p99 ${formatDuration(ms)}`),
    ...fact('eventLoopDelay.max', (ms) => {
      const isMore = metricOf(result, 'server.eventLoopDelay.p99') !== undefined;
      return `${isMore ? 'max' : 'longest event-loop delay'} ${formatDuration(ms)}`;
    }),
    ...fact('conflated', (count) =>
      count === 0 ? '' : `${formatCount(count)} cursors replaced by newer ones`,
    ),
    ...fact('exitCode', (exitCode) => {
      const took = metricOf(result, 'server.shutdown') ?? 0;
      return `took ${formatDuration(took)} to exit, with code ${exitCode}`;
    }),
  ].filter((one) => one !== '');
  const { target, scenario } = result;
  const where = target.isOwn ? 'Started by bench' : target.urls.join(', ');
  const flags = flagsOf(scenario);
  const settings = flags.length === 0 ? '' : target.isOwn ? ' with ' : '. The scenario assumes ';
  return section('Server', 'detail', [
    paragraph([
      `${where}${settings}`,
      ...flags.flatMap((flag, index) => (index === 0 ? [flag] : [' ', flag])),
      ...(flags.length === 0 ? ['.'] : [', and defaults otherwise.']),
    ]),
    ...(facts.length === 0 ? [] : [paragraph(facts.join(', '))]),
  ]);
}

/** Flags of the server with their values. Those that `--set` changed stand out: they may be what is wrong. */
function flagsOf({ changes, serverFlags }: JsonResult['scenario']): Span[] {
  const changed = changes.map(({ path }) => `--${flagOf(path.replace(/^server\./, ''))}`);
  return serverFlags.flatMap((flag, index): Span[] => {
    if (!flag.startsWith('--') && index > 0) return [];
    const value = serverFlags[index + 1] ?? '--';
    const span = code(value.startsWith('--') ? flag : `${flag} ${value}`);
    return [changed.includes(flag) ? { ...span, tone: 'warn' } : span];
  });
}

export function generator(result: JsonResult): Section[] {
  const { generator: workers, tool, machine, scenario, merged } = result;
  // Which shard each of them is of.
  const owners = merged?.shards.flatMap(({ generators }, shard) =>
    Array.from({ length: generators }, (_, worker) => `worker ${worker + 1} of shard ${shard + 1}`),
  );
  const items = workers.map(({ maxCpu, maxDelayP99Ms, maxDelayMs, maxRunQueueWait }, index) => {
    const wait =
      maxRunQueueWait === undefined
        ? ''
        : `, ${formatPercent(maxRunQueueWait)} of the time waiting for a core`;
    return `${owners?.[index] ?? `worker ${index + 1}`} in its worst second: CPU ${formatPercent(maxCpu)}, event-loop delay p99 ${formatDuration(maxDelayP99Ms)}, max ${formatDuration(maxDelayMs)}${wait}`;
  });
  const { node, platform, arch, cpu, cores, memoryBytes } = machine;
  return section('Load generator', 'detail', [
    ...(items.length === 0 ? [] : [{ kind: 'list', items } as const]),
    ...cpuOf(result),
    paragraph(
      `datafn-ws ${tool.version} on Node.js ${node}, ${platform} ${arch}, ${cpu}, ${formatAmount(cores, 'core')}, ${formatSize(memoryBytes)}; seed ${scenario.seed}; scenario ${scenario.sha256.slice(0, 12)}`,
      'muted',
    ),
  ]);
}

/** What the clients cost, so that a larger run can be sized. */
function cpuOf(result: JsonResult) {
  const cpuMs = result.generator.reduce((sum, worker) => sum + (worker.cpuMs ?? 0), 0);
  const received = metricOf(result, 'cursors.received') ?? 0;
  if (cpuMs === 0 || received === 0) return [];
  const perDelivery = `${formatDuration(cpuMs / received)} per delivery, including connects and pings`;
  return [paragraph(`Together, the workers used ${formatDuration(cpuMs)} of CPU time: ${perDelivery}.`)];
}
