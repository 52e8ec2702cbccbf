import { formatAmount, formatCount, formatDuration } from '../../../text/units.js';
import { metricOf } from '../facts.js';
import { numbers, paragraph, type Section, section, table } from '../model.js';
import type { JsonResult } from '../schema.js';

/** From here on, the slowest hundredth of the answers is called slow. */
const SLOW_MS = 1000;

/** What clients that pull made of the cursors of a backend, and what was wrong with its answers. */
export function pulls(result: JsonResult): Section[] {
  if (metricOf(result, 'pull.requests') === undefined) return [];
  const rows = result.total.cohorts.flatMap(({ name, counters }) => {
    const count = (counter: string) => counters[counter] ?? 0;
    if (count('pulls') === 0) return [];
    const perChange = count('changesOwed') === 0 ? '–' : formatCount(count('pulls') / count('changesOwed'));
    return [
      [
        name,
        formatCount(count('changesOwed')),
        formatCount(count('pulls')),
        perChange,
        formatCount(count('pullWakeUpsDropped')),
        formatCount(count('pullersLeftBehind')),
      ],
    ];
  });
  const peak = metricOf(result, 'pull.peak');
  const longest = metricOf(result, 'pull.behind');
  const sentences = [
    'A change is due once for each client that has to get it. A client ignores cursors while it pulls.',
    ...(peak === undefined ? [] : [`At most ${formatAmount(peak, 'pull')} were in flight at once.`]),
    ...(longest === undefined
      ? []
      : [`The longest that a client was without a change was ${formatDuration(longest)}.`]),
  ];
  return section('Pulls', 'detail', [
    ...table(
      'What the clients pulled',
      ['cohort', ...numbers('changes due', 'pulls', 'per change', 'cursors ignored', 'clients outdated')],
      rows,
    ),
    paragraph(sentences.join(' ')),
    ...faultsOf(result).map((text) => paragraph(text, 'warn')),
  ]);
}

/** A backend that is wrong, late or slow, named as such. */
function faultsOf(result: JsonResult): string[] {
  const failures = new Map<string, number>();
  for (const { pullFailures = {} } of result.total.cohorts)
    for (const [why, count] of Object.entries(pullFailures))
      failures.set(why, (failures.get(why) ?? 0) + count);
  const listed = [...failures]
    .sort(([, a], [, b]) => b - a)
    .map(([why, count]) => `${formatCount(count)} × ${why}`);
  const of = (metric: string) => metricOf(result, metric) ?? 0;
  const slowest = of('pull.time.p99');
  return [
    ...(listed.length === 0 ? [] : [`The backend gave wrong answers, or none: ${listed.join(', ')}.`]),
    ...(of('pull.missing') === 0
      ? []
      : [
          `The backend gave wrong answers: ${formatAmount(of('pull.missing'), 'change')} missing from an answer whose cursor already covers them.`,
        ]),
    ...(of('pull.stale') === 0
      ? []
      : [
          `The backend returned stale data: ${formatAmount(of('pull.stale'), 'pull')} got an answer older than the cursor that caused it.`,
        ]),
    ...(slowest <= SLOW_MS
      ? []
      : [`The backend was slow: one pull in a hundred took longer than ${formatDuration(slowest)}.`]),
  ];
}
