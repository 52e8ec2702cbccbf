import { formatAmount } from '../../../text/units.js';
import { shareText } from '../../compare/comparison.js';
import type { HistoryRun, HistorySeries, HistoryStep, ScenarioHistory } from '../../history/history.js';
import { valueText } from '../../verdict/metric-kinds.js';
import {
  type Chart,
  code,
  type Mark,
  numbers,
  paragraph,
  type ReportDocument,
  type Span,
  section,
  table,
} from '../model.js';

const SIGNS: Readonly<Record<HistoryStep['verdict'], Span>> = {
  worse: { text: '✗', tone: 'bad', spoken: 'worse' },
  better: { text: '✓', tone: 'good', spoken: 'better' },
  changed: { text: '!', tone: 'warn', spoken: 'changed' },
};

/** How a scenario developed over its runs. */
export function historyDocument(history: ScenarioHistory): ReportDocument {
  const { scenario, runs, series, leftOut } = history;
  const steps = series.flatMap((one) => one.steps.map((step) => ({ ...step, series: one })));
  const latest = [...steps].sort((a, b) => b.run - a.run);
  const [first, last] = [runs[0], runs.at(-1)];
  const isWorse = steps.some(({ verdict }) => verdict !== 'better');
  return {
    verdict: isWorse ? 'warned' : steps.length > 0 ? 'improved' : 'same',
    name: scenario,
    sentence: `${steps.length === 0 ? 'no step' : formatAmount(steps.length, 'step')} in ${formatAmount(series.length, 'metric')} of ${formatAmount(runs.length, 'run')}`,
    intro:
      first === undefined || last === undefined
        ? []
        : [
            paragraph(
              `${formatAmount(runs.length, 'run')}, from ${runText(first)} to ${runText(last)}.`,
              'muted',
            ),
          ],
    alerts:
      leftOut.length === 0
        ? []
        : [paragraph(`Left out, since they were stopped or not valid: ${leftOut.join(', ')}.`, 'warn')],
    sections: [
      ...section(
        'Steps',
        'main',
        latest.length === 0
          ? [paragraph('No metric changed its level.')]
          : [
              {
                kind: 'marks',
                caption: 'Where a metric changed its level, the latest first',
                heads: ['metric', 'level', 'when'],
                items: latest.map((step) => markOf(step, step.series, runs)),
              },
            ],
      ),
      ...section('Over the runs', 'page', [
        ...(series.length === 0
          ? []
          : [
              { kind: 'charts', phases: [], charts: series.map((one) => chartOf(one, runs)) } as const,
              ...series.flatMap((one) =>
                valueTable(one, runs).map(
                  (block) => ({ kind: 'fold', summary: `${one.name} as a table`, block }) as const,
                ),
              ),
            ]),
      ]),
      ...section('Levels', 'detail', levelTable(series)),
    ],
  };
}

function markOf(step: HistoryStep, { name, unit }: HistorySeries, runs: readonly HistoryRun[]): Mark {
  const { before, after, verdict, alsoChanged } = step;
  const share = shareText(before, after);
  const since = `since ${runText(runs[step.run] as HistoryRun)}`;
  const also =
    alsoChanged.length === 0 ? '' : `; ${alsoChanged.join(' and ')} changed there as well, which may be why`;
  const sign = SIGNS[verdict];
  return {
    sign,
    subject: name,
    value: {
      text: `${valueText(before, unit)} -> ${valueText(after, unit)}${share === '' ? '' : ` (${share})`}`,
      tone: sign.tone as NonNullable<Span['tone']>,
    },
    why: `${since}${also}`,
  };
}

/** `2026-11-03 09:10, revision 0a1b2c3d4e5f`, or the file where no revision is known. */
function runText({ startedAt, revision, file }: HistoryRun): string {
  return `${dateOf(startedAt)}, ${revision === undefined ? file : `revision ${shortened(revision)}`}`;
}

function dateOf(startedAt: string): string {
  return startedAt.slice(0, 16).replace('T', ' ');
}

/** A commit is known by its first digits. */
function shortened(revision: string): string {
  return revision.replace(/^[0-9a-f]{12}[0-9a-f]+/, (hash) => hash.slice(0, 12));
}

function levelTable(series: readonly HistorySeries[]) {
  const rows = series.map(({ name, unit, values, steps }) => {
    const last = values.findLast((value) => value !== null) ?? 0;
    const [low, high] = [Math.min, Math.max].map((pick) => pick(...values.filter((value) => value !== null)));
    const text = (value = 0) => valueText(value, unit);
    return [[code(name)], text(last), text(low), text(high), String(steps.length)];
  });
  return table('Every metric', ['metric', ...numbers('last run', 'lowest', 'highest', 'steps')], rows);
}

function valueTable({ name, unit, values }: HistorySeries, runs: readonly HistoryRun[]) {
  const rows = runs.map((run, index) => {
    const value = values[index];
    return [`${index + 1}. ${runText(run)}`, value == null ? 'no samples' : valueText(value, unit)];
  });
  return table(`${name} in every run`, ['run', ...numbers('value')], rows);
}

/** The values, and the level that they are around. */
function chartOf({ name, unit, values, steps }: HistorySeries, runs: readonly HistoryRun[]): Chart {
  const said = steps.map(
    ({ run, before, after }) =>
      `from ${valueText(before, unit)} to ${valueText(after, unit)} at run ${run + 1}`,
  );
  const levels = values.map((_, index) => {
    const next = steps.find(({ run }) => run > index);
    return next?.before ?? steps.at(-1)?.after ?? null;
  });
  return {
    id: 'history',
    title: name,
    said: `${name} over ${formatAmount(runs.length, 'run')}: ${said.length === 0 ? 'no step' : said.join(', ')}`,
    unit: unit === 'per second' ? 'count' : unit,
    lines: [{ name: 'value', values }, ...(steps.length === 0 ? [] : [{ name: 'level', values: levels }])],
    runs: {
      names: runs.map(({ startedAt, revision }) =>
        [dateOf(startedAt).slice(0, 10), revision === undefined ? [] : shortened(revision).slice(0, 7)]
          .flat()
          .join(' '),
      ),
      marked: steps.map(({ run }) => run),
    },
  };
}
