import { formatCount, formatDuration, formatSize } from '../../../text/units.js';
import { Histogram } from '../../measure/histogram.js';
import { valueText } from '../../verdict/metric-kinds.js';
import {
  aside,
  type Block,
  type Chart,
  capitalized,
  numbers,
  paragraph,
  type Section,
  section,
  table,
} from '../model.js';
import type { JsonResult } from '../schema.js';
import { timedOf } from './timings.js';

interface LineNames {
  /** In tables. */
  readonly name: string;
  /** In the legend, beside another line. */
  readonly legend?: string;
}

/** Lines of the charts over time. */
const LINES = {
  open: { name: 'open connections' },
  deliveriesPerSecond: { name: 'deliveries/s' },
  emitsDuePerSecond: { name: 'cursors/s, planned', legend: 'planned' },
  emitsSentPerSecond: { name: 'cursors/s, sent', legend: 'sent' },
  connectsDuePerSecond: { name: 'connects/s, planned', legend: 'planned' },
  connectsBegunPerSecond: { name: 'connects/s, begun', legend: 'begun' },
  fanoutP50Ms: { name: 'fan-out p50', legend: 'p50' },
  fanoutP99Ms: { name: 'fan-out p99', legend: 'p99' },
  serverDelayMaxMs: { name: 'server delay, longest', legend: 'server, longest' },
  workerDelayP99Ms: { name: 'load generator delay, p99', legend: 'load generator, p99' },
  serverRssBytes: { name: 'server memory' },
} as const satisfies Partial<Record<keyof JsonResult['timeline'][number], LineNames>>;
type Line = keyof typeof LINES;

/** `unless`: the title where the server does not report the first line. */
const CHARTS: readonly { id: string; title: string; lines: readonly [Line, ...Line[]]; unless?: string }[] = [
  { id: 'connections', title: 'Open connections', lines: ['open'] },
  {
    id: 'connects',
    title: 'Connects per second, as planned and as really begun',
    lines: ['connectsDuePerSecond', 'connectsBegunPerSecond'],
  },
  {
    id: 'emits',
    title: 'Cursors per second, as planned and as really sent',
    lines: ['emitsDuePerSecond', 'emitsSentPerSecond'],
  },
  { id: 'deliveries', title: 'Deliveries per second', lines: ['deliveriesPerSecond'] },
  { id: 'fanout', title: 'Fan-out latency, from emit to receipt', lines: ['fanoutP50Ms', 'fanoutP99Ms'] },
  {
    id: 'delay',
    title: 'Event-loop delay: how late server and load generator were',
    lines: ['serverDelayMaxMs', 'workerDelayP99Ms'],
    unless: 'Event-loop delay of the load generator; this server does not report its own',
  },
  { id: 'memory', title: 'Memory of the server', lines: ['serverRssBytes'] },
];

/** The charts over time, for a page that draws them while a run goes on. */
export const TIME_CHARTS = CHARTS.map(({ id, title, unless, lines }) => ({
  ...{ id, title, unless, unit: unitOf(lines[0]) },
  lines: lines.map((key) => {
    const { name, legend }: LineNames = LINES[key];
    return { key, name: legend ?? name };
  }),
}));

/** Most rows of the table; a longer run has fewer points. */
const MAX_ROWS = 120;
const SHARES = [50, 90, 99, 99.9, 99.99, 100];
/** Most limits in a chart; each needs a color of its own. */
const MAX_LIMITS = 2;

/** The charts of a run, with their numbers in tables for readers who cannot see or point at them. */
export function overTime(result: JsonResult): Section[] {
  const { phases, timeline } = result;
  const isReported = (line: Line) => timeline.some((point) => point[line] !== undefined);
  const shares = sharesOf(result);
  const charts = [...timeCharts(result, isReported), ...shares.map(({ chart }) => chart)];
  const items = phases.map(({ label, startMs, durationMs, isFinished }) => [
    label,
    aside(
      ` from ${formatDuration(startMs)} on, ${isFinished ? 'took' : 'stopped after'} ${formatDuration(durationMs)}`,
    ),
  ]);
  const blocks: Block[] = [
    ...(items.length === 0
      ? []
      : [
          fold(
            `${items.length === 1 ? 'The phase, by its number' : `The ${items.length} phases, by their numbers`} in the charts`,
            [{ kind: 'list', items, isNumbered: true }],
            true,
          ),
        ].flat()),
    ...(charts.length === 0
      ? []
      : [{ kind: 'charts', charts, phases: phases.map(({ startMs }) => startMs / 1000) } as const]),
    ...(isReported('open') && !isReported('serverRssBytes')
      ? [paragraph('This server does not report its memory, so there is no chart of it.')]
      : []),
    ...fold('The charts over time as a table', timelineTable(result, isReported)),
    ...shares.flatMap(({ chart, rows }) => fold(`${chart.title} as a table`, rows)),
  ];
  return section('Over time', 'page', blocks);
}

function fold(summary: string, blocks: readonly Block[], isOpen = false): Block[] {
  return blocks.map((block) => ({ kind: 'fold', summary, block, isOpen }));
}

function timeCharts({ timeline, durationMs }: JsonResult, isReported: (line: Line) => boolean): Chart[] {
  return CHARTS.flatMap(({ id, title: usual, lines: all, unless }): Chart[] => {
    const lines = all.filter(isReported);
    const [first] = lines;
    if (first === undefined) return [];
    const title = unless !== undefined && first !== all[0] ? unless : usual;
    const said = lines.map((line) => {
      const most = Math.max(...timeline.map((point) => point[line] ?? 0));
      return `${LINES[line].name} at most ${shown(line, most)}`;
    });
    return [
      {
        ...{
          id,
          title,
          said: `${title}, over ${formatDuration(durationMs)}: ${said.join(', ')}`,
          unit: unitOf(first),
        },
        seconds: timeline.map(({ atMs }) => atMs / 1000),
        lines: lines.map((line) => {
          const { name, legend }: LineNames = LINES[line];
          return { name: legend ?? name, values: timeline.map((point) => point[line] ?? null) };
        }),
      },
    ];
  });
}

function timelineTable({ timeline, phases }: JsonResult, isReported: (line: Line) => boolean) {
  const step = Math.ceil(timeline.length / MAX_ROWS);
  const lines = (Object.keys(LINES) as Line[]).filter(isReported);
  const rows = timeline
    .filter((_, second) => second % step === 0)
    .map((point) => [
      formatDuration(point.atMs),
      String(phases.filter(({ startMs }) => startMs < point.atMs).length),
      ...lines.map((line) => {
        const value = point[line];
        return value === undefined ? '–' : shown(line, value);
      }),
    ]);
  const caption = step === 1 ? 'Every second of the run' : `Every ${step} seconds of the run`;
  return table(caption, ['time', ...numbers('phase', ...lines.map((line) => LINES[line].name))], rows);
}

/** Durations by share of the samples: those that a rule failed for, and fan-out latency, the point of a server. */
function sharesOf(result: JsonResult) {
  const failed = result.expectations.filter(
    ({ passed, phase, actual, metric }) =>
      !passed && phase === undefined && actual !== undefined && timedOf(metric) !== undefined,
  );
  const subjects = [...failed, { metric: 'fanout.p50', cohort: undefined }].map(({ metric, cohort }) => ({
    ...{ cohort, ...(timedOf(metric) as NonNullable<ReturnType<typeof timedOf>>) },
  }));
  return subjects
    .filter(
      (one, index) =>
        subjects.findIndex(({ base, cohort }) => base === one.base && cohort === one.cohort) === index,
    )
    .flatMap(({ base, name, histogram: key, cohort }) => {
      const owner =
        cohort === undefined ? result.total : result.total.cohorts.find((one) => one.name === cohort);
      const histogram = owner?.histograms[key];
      if (histogram === undefined) return [];
      const { count, min, max, mean, buckets, p50, p99 } = histogram;
      const limits = failed
        .filter((one) => timedOf(one.metric)?.base === base && one.cohort === cohort)
        .slice(0, MAX_LIMITS)
        .map(({ metric, operator, expected, unit }) => ({
          label: `expected: ${timedOf(metric)?.statistic} ${operator} ${valueText(expected, unit)}`,
          ms: expected,
        }));
      const of = base === 'fanout' ? 'deliveries' : 'samples';
      const what = `${capitalized(name)}${cohort === undefined ? '' : ` of cohort ${cohort}`}`;
      const title = `${what} by share of ${of}`;
      const asked = limits.map(({ label }) => `, ${label}`).join('');
      const all = Histogram.from({ count, sumMs: mean * count, minMs: min, maxMs: max, buckets });
      const chart: Chart = {
        ...{ id: 'shares', title, unit: 'ms', lines: [{ name, values: [] }] },
        said: `${what}: half of the ${of} within ${formatDuration(p50)}, 99% within ${formatDuration(p99)}, all within ${formatDuration(max)}${asked}`,
        shares: { histogram: { count, min, max, buckets }, limits },
      };
      const rows = table(
        `Time within which a share of the ${of} stayed: ${title}`,
        ['share', ...numbers('within')],
        SHARES.map((share) => [`${share}%`, formatDuration(all.percentileMs(share) ?? 0)]),
      );
      return [{ chart, rows }];
    });
}

function unitOf(line: Line): Chart['unit'] {
  if (line.endsWith('Ms')) return 'ms';
  return line.endsWith('Bytes') ? 'bytes' : 'count';
}

function shown(line: Line, value: number): string {
  return { ms: formatDuration, bytes: formatSize, count: formatCount }[unitOf(line)](value);
}
