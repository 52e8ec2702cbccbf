import { formatAmount, formatCount } from '../../../text/units.js';
import { type ChangeVerdict, type Comparison, rangeText, shareText } from '../../compare/comparison.js';
import { metricText, valueText } from '../../verdict/metric-kinds.js';
import {
  type Block,
  code,
  type Mark,
  numbers,
  paragraph,
  type ReportDocument,
  type Section,
  type Span,
  section,
  table,
} from '../model.js';
import { VERDICTS } from '../verdict-words.js';

const SIGNS: Readonly<Record<ChangeVerdict, Span>> = {
  regression: { text: '✗', tone: 'bad', spoken: 'regression' },
  warning: { text: '!', tone: 'warn', spoken: 'warning' },
  improvement: { text: '✓', tone: 'good', spoken: 'improvement' },
  note: { text: '·', tone: 'muted', spoken: 'note' },
};

/** A comparison on its own. */
export function comparisonDocument(comparison: Comparison): ReportDocument {
  const { scenario, verdict, base, new: next, changes, problems } = comparison;
  const isChanged = changes.length + problems.length > 0;
  return {
    verdict,
    name: scenario,
    sentence: summaryText(comparison),
    intro: [
      paragraph(`Baseline: ${sideText(base)}`, 'muted'),
      paragraph(`Now: ${sideText(next)}`, 'muted'),
      paragraph(`${summaryText(comparison)}.`),
    ],
    alerts: [],
    sections: [
      ...section(isChanged ? 'Changes' : 'Notes', 'main', changeBlocks(comparison)),
      ...section('Numbers', 'detail', numbersTable(comparison)),
    ],
  };
}

/** The comparison of a run with its baseline. */
export function againstBaseline(comparison: Comparison | undefined): Section[] {
  if (comparison === undefined) return [];
  const [grid] = numbersTable(comparison);
  return section(`Against the baseline: ${VERDICTS[comparison.verdict].word}`, 'main', [
    paragraph(`Baseline: ${sideText(comparison.base)}`, 'muted'),
    paragraph(`${summaryText(comparison)}.`),
    ...changeBlocks(comparison),
    ...(grid === undefined
      ? []
      : [{ kind: 'fold', summary: 'The numbers of both as a table', block: grid } as const]),
  ]);
}

function changeBlocks(comparison: Comparison): Block[] {
  const items = changesOf(comparison);
  return [
    ...comparison.warnings.map((text) => paragraph(text, 'warn')),
    ...comparison.problems.map((text) => paragraph(text, 'bad')),
    ...(items.length === 0
      ? []
      : [
          {
            kind: 'marks',
            caption: 'What changed since the baseline',
            heads: ['metric', 'change', 'why'],
            items,
          } as const,
        ]),
  ];
}

/** Every change, regressions first. */
export function changesOf({
  changes,
}: Comparison): (Mark & { readonly verdict: ChangeVerdict; why: string })[] {
  return changes.map((change) => {
    const { verdict, unit, why, base, new: next } = change;
    const by = unit === 'count' || base === undefined || next === undefined ? '' : shareText(base, next);
    const ranges = [
      rangeOf(change.baseSpread, unit, 'in the baseline'),
      rangeOf(change.newSpread, unit, 'now'),
    ].flat();
    const sign = SIGNS[verdict];
    const values = `${valueOrNone(base, unit)} -> ${valueOrNone(next, unit)}${by === '' ? '' : ` (${by})`}`;
    return {
      ...{ verdict, sign, subject: metricText(change) },
      value: { text: values, tone: sign.tone as NonNullable<Span['tone']> },
      why: ranges.length === 0 ? why : `${why} (${ranges.join(', ')})`,
    };
  });
}

/** A range, where it says more than the value. */
function rangeOf(range: Comparison['changes'][number]['baseSpread'], unit: Unit, where: string): string[] {
  return range === undefined || range.low === range.high ? [] : [`${rangeText(range, unit)} ${where}`];
}

function numbersTable({ numbers: all }: Comparison) {
  const rows = all.map((one) => {
    const { base, new: next, unit } = one;
    return [[code(metricText(one))], valueOrNone(base, unit), valueOrNone(next, unit), differenceText(one)];
  });
  return table(
    'Numbers of the baseline and of this run',
    ['metric', ...numbers('baseline', 'now', 'change')],
    rows,
  );
}

type Unit = Comparison['numbers'][number]['unit'];

function differenceText({ unit, base, new: next }: Comparison['numbers'][number]): string {
  if (base === undefined || next === undefined) return '';
  if (base === next) return '=';
  if (unit !== 'count') return shareText(base, next);
  return `${next > base ? '+' : '-'}${formatCount(Math.abs(next - base))}`;
}

function valueOrNone(value: number | undefined, unit: Unit): string {
  return value === undefined ? 'no samples' : valueText(value, unit);
}

/** How many changes of each kind there are, and how many metrics were compared. */
export function summaryText({ changes, problems, compared }: Comparison): string {
  const amount = (verdict: ChangeVerdict, more = 0) =>
    changes.filter((change) => change.verdict === verdict).length + more;
  const parts = [
    [amount('regression', problems.length), 'regression'],
    [amount('warning'), 'warning'],
    [amount('improvement'), 'improvement'],
    [amount('note'), 'note'],
  ] as const;
  const told = parts.filter(([count]) => count > 0).map(([count, word]) => formatAmount(count, word));
  const among = `${formatAmount(compared.counts, 'count')} and ${formatAmount(compared.measures, 'measure')} compared`;
  return `${told.length === 0 ? 'no change' : told.join(', ')}; ${among}`;
}

/** When and with what one side was made. */
function sideText({ startedAt, toolVersion, seed, runs }: Comparison['base']): string {
  const when = startedAt.replace('T', ' ').replace(/(:\d\d)\.\d+Z$/, '$1 UTC');
  return `${when}, datafn-ws ${toolVersion}, seed ${seed}, ${formatAmount(runs, 'run')}`;
}
