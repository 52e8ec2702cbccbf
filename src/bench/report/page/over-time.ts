import { formatCount, formatDuration, formatSize } from '../../../protocol/units.js';
import { Histogram } from '../../measure/histogram.js';
import type { JsonResult } from '../schema.js';
import { escapeHtml, table } from './markup.js';
import { saidOf, sharesOf } from './shares.js';

type Point = JsonResult['timeline'][number];

/** Charts over time. With `unless` the first line, which the server has to tell of itself, may be missing. */
const CHARTS = [
  { id: 'connections', title: 'Open connections', keys: ['open'] },
  { id: 'deliveries', title: 'Deliveries per second', keys: ['deliveriesPerSecond'] },
  { id: 'fanout', title: 'Fan-out latency, from emit to receipt', keys: ['fanoutP50Ms', 'fanoutP99Ms'] },
  {
    id: 'delay',
    title: 'Event-loop delay: how late server and load generator were',
    keys: ['serverDelayMaxMs', 'workerDelayP99Ms'],
    unless: 'Event-loop delay of the load generator; this server does not tell its own',
  },
  { id: 'memory', title: 'Memory of the server', keys: ['serverRssBytes'] },
] as const;

/** What there is no chart of when the server does not tell it. */
const NO_MEMORY = 'There is no chart of the memory of the server: it does not tell it.';

/** What the lines of the charts are called. */
const NAMES = {
  open: 'open connections',
  deliveriesPerSecond: 'deliveries/s',
  fanoutP50Ms: 'fan-out p50',
  fanoutP99Ms: 'fan-out p99',
  serverDelayMaxMs: 'server delay, longest',
  workerDelayP99Ms: 'load generator delay, p99',
  serverRssBytes: 'server memory',
} as const satisfies Partial<Record<keyof Point, string>>;

type Key = keyof typeof NAMES;

/** Rows that a table of a long run is cut down to. */
const MAX_ROWS = 120;
const SHARES = [50, 90, 99, 99.9, 99.99, 100];

/** The charts of a run, and the same numbers in tables for who cannot see or point at them. */
export function overTime(result: JsonResult, index: number): string {
  return `${phases(result)}
<p class="scriptless">The charts are drawn by a script, which does not run here. The tables have their numbers.</p>
<div class="charts">${[...timeCharts(result, index), ...shareCharts(result, index)].join('')}</div>
${told(result, 'open') && !told(result, 'serverRssBytes') ? `<p>${NO_MEMORY}</p>` : ''}
${timelineTable(result)}${shareTables(result).join('')}`;
}

function phases({ phases: list }: JsonResult): string {
  if (list.length === 0) return '';
  const rows = list.map(
    ({ label, startMs, durationMs, isFinished }) =>
      `<li>${escapeHtml(label)} <small>from ${formatDuration(startMs)} on, ${isFinished ? 'took' : 'stopped after'} ${formatDuration(durationMs)}</small></li>`,
  );
  return `<details open><summary>${list.length === 1 ? 'The phase, by its number' : `The ${list.length} phases, by their numbers`} in the charts</summary><ol>${rows.join('')}</ol></details>`;
}

/** Whether the timeline has anything of a kind. */
function told({ timeline }: JsonResult, key: Key): boolean {
  return timeline.some((point) => point[key] !== undefined);
}

function timeCharts(result: JsonResult, index: number): string[] {
  const { timeline, durationMs } = result;
  return CHARTS.flatMap(({ id, keys, ...titles }) => {
    const isMissing = 'unless' in titles && !told(result, keys[0]);
    const title = isMissing ? titles.unless : titles.title;
    const said = keys.flatMap((key) => {
      const values = timeline.flatMap((point) => point[key] ?? []);
      return values.length === 0 ? [] : [`${NAMES[key]} at most ${shown(key, Math.max(...values))}`];
    });
    if (said.length === 0) return [];
    return [figure(id, title, `${title}, over ${formatDuration(durationMs)}: ${said.join(', ')}`, index)];
  });
}

function shareCharts(result: JsonResult, index: number): string[] {
  return sharesOf(result).map((one, share) => figure('shares', one.title, saidOf(one), index, share));
}

function figure(id: string, title: string, said: string, index: number, share = 0): string {
  return `<figure><figcaption>${escapeHtml(title)}</figcaption><div class="chart" role="img" aria-label="${escapeHtml(said)}" data-chart="${id}" data-result="${index}" data-share="${share}"></div></figure>`;
}

function timelineTable({ timeline, phases: list }: JsonResult): string {
  if (timeline.length === 0) return '';
  const step = Math.ceil(timeline.length / MAX_ROWS);
  const keys = (Object.keys(NAMES) as Key[]).filter((key) =>
    timeline.some((point) => point[key] !== undefined),
  );
  const rows = timeline
    .filter((_, second) => second % step === 0)
    .map((point) => [
      { head: formatDuration(point.atMs) },
      String(list.filter(({ startMs }) => startMs < point.atMs).length),
      ...keys.map((key) => {
        const value = point[key];
        return value === undefined ? '–' : shown(key, value);
      }),
    ]);
  const caption = step === 1 ? 'Every second of the run' : `Every ${step} seconds of the run`;
  return `<details><summary>The charts over time as a table</summary>${table(caption, ['time', 'phase', ...keys.map((key) => NAMES[key])], rows, 1)}</details>`;
}

function shareTables(result: JsonResult): string[] {
  return sharesOf(result).map(
    ({ title, of, histogram: { count, min: minMs, max: maxMs, mean, buckets } }) => {
      const histogram = Histogram.from({ count, sumMs: mean * count, minMs, maxMs, buckets });
      const rows = SHARES.map((share) => [
        { head: `${share} %` },
        formatDuration(histogram.percentileMs(share) ?? 0),
      ]);
      const grid = table(`So many ${of} were within so long: ${title}`, ['share', 'within'], rows, 1);
      return `<details><summary>${escapeHtml(title)} as a table</summary>${grid}</details>`;
    },
  );
}

function shown(key: Key, value: number): string {
  if (key.endsWith('Ms')) return formatDuration(value);
  return key.endsWith('Bytes') ? formatSize(value) : formatCount(value);
}
