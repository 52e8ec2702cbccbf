import { formatAmount, formatCount, formatDuration, formatPercent, formatSize } from '../../../text/units.js';
import { loadText, QUANTITIES } from '../../model/quantity.js';
import type { FindResult, FindStep } from '../find-schema.js';
import {
  type Block,
  type Chart,
  capitalized,
  code,
  numbers,
  paragraph,
  type Section,
  type Span,
  section,
  type Text,
  table,
} from '../model.js';
import type { JsonResult } from '../schema.js';

/** The limit, the rule that broke first, and the curve: load against latency, CPU and memory. */
export function limitFound({ find }: JsonResult): Section[] {
  if (find === undefined) return [];
  return section('The limit', 'main', [...explanation(find), ...curve(find), ...stepTable(find)]);
}

/** The curve of a search as charts. */
export function limitCharts({ find }: JsonResult): Section[] {
  if (find === undefined) return [];
  const charts = chartsOf(find);
  return section(
    'By load',
    'page',
    charts.length === 0 ? [] : [{ kind: 'charts', charts, phases: [] } as const],
  );
}

function explanation(find: FindResult): Block[] {
  const { of, limit, broke, end, rules, brokenBy } = find;
  const range =
    limit === undefined ? [] : [rangeSentence(find, loadText(limit, of), loadText(broke ?? 0, of))];
  const first: Text[] =
    brokenBy === undefined
      ? []
      : [
          [
            `At ${loadText(brokenBy.load, of)} this broke first: `,
            code(brokenBy.rule),
            `, with ${brokenBy.shown}.${brokenBy.meaning === undefined ? '' : ` What it usually means: ${brokenBy.meaning}`}`,
          ],
        ];
  const advice =
    end === 'generator'
      ? [
          paragraph(
            "This is the load generator's limit, not the server's. Add cores and --workers, or run bench on a machine of its own. To search no further, pass --to.",
            'warn',
          ),
        ]
      : [];
  const asked: Text = [
    'Checked at each load: ',
    ...rules.flatMap((rule, index) => [...(index === 0 ? [] : [', ']), code(rule)]),
    ', and every client admitted.',
  ];
  return [
    ...range.map((text) => paragraph(text)),
    ...first.map((text) => paragraph(text)),
    ...advice,
    paragraph(asked),
  ];
}

function rangeSentence({ end, confirmed, precision }: FindResult, limit: string, broke: string): string {
  const runs = confirmed === 0 ? '' : `, confirmed by ${formatAmount(confirmed, 'fresh run')}`;
  switch (end) {
    case 'found':
      return `The server takes ${limit}${runs}; ${broke} is too much. The two are at most ${formatCount(precision * 100)}% apart.`;
    case 'unsteady':
      return `The server took ${limit} once, and ${broke} is too much. Loads in between held in one run and not in the next: the limit moves, or the machine does other things as well.`;
    default:
      return `The server takes ${limit}${runs}. How much more it would take is not known.`;
  }
}

/** What there is of a load: of several runs, the lower median. */
interface Point {
  readonly load: number;
  readonly runs: number;
  readonly outcome: FindStep['outcome'];
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
  readonly serverCpu: number | undefined;
  readonly serverRssBytes: number | undefined;
}

/** The runs of a search by load, those without numbers left out. */
function pointsOf({ steps }: FindResult): Point[] {
  const byLoad = new Map<number, FindStep[]>();
  for (const step of steps)
    if (step.outcome === 'holds' || step.outcome === 'breaks')
      byLoad.set(step.load, [...(byLoad.get(step.load) ?? []), step]);
  return [...byLoad]
    .sort(([a], [b]) => a - b)
    .map(([load, runs]) => {
      const median = (of: (step: FindStep) => number | undefined) => {
        const values = runs.flatMap((run) => of(run) ?? []).sort((a, b) => a - b);
        return values[Math.ceil(values.length / 2) - 1];
      };
      return {
        load,
        runs: runs.length,
        outcome: runs.at(-1)?.outcome ?? 'holds',
        p50Ms: median(({ p50Ms }) => p50Ms),
        p99Ms: median(({ p99Ms }) => p99Ms),
        serverCpu: median(({ serverCpu }) => serverCpu),
        serverRssBytes: median(({ serverRssBytes }) => serverRssBytes),
      };
    });
}

const orNone = (value: number | undefined, show: (value: number) => string) =>
  value === undefined ? '–' : show(value);

function curve(find: FindResult): Block[] {
  const { name } = QUANTITIES[find.of].curve;
  const points = pointsOf(find);
  const rows = points.map(({ load, runs, outcome, p50Ms, p99Ms, serverCpu, serverRssBytes }) => [
    formatCount(load),
    [outcomeSpan(outcome)],
    formatCount(runs),
    orNone(p50Ms, formatDuration),
    orNone(p99Ms, formatDuration),
    orNone(serverCpu, formatPercent),
    orNone(serverRssBytes, formatSize),
  ]);
  return table(
    `Load, ${name} and what the server used`,
    [
      { name: QUANTITIES[find.of].what, isNumber: true },
      { name: 'outcome' },
      ...numbers('runs'),
      { name: `${name} p50`, short: 'p50', isNumber: true },
      { name: `${name} p99`, short: 'p99', isNumber: true },
      { name: 'server CPU', short: 'CPU', isNumber: true },
      { name: 'server memory', short: 'memory', isNumber: true },
    ],
    rows,
  );
}

function outcomeSpan(outcome: FindStep['outcome']): Span {
  return {
    holds: { text: '✓ holds', tone: 'good' },
    breaks: { text: '✗ breaks', tone: 'bad' },
    saturated: { text: '! saturated', tone: 'warn' },
    gone: { text: '✗ gone', tone: 'bad' },
  }[outcome] as Span;
}

/** Every run in order, for who wants to know how the search went. */
function stepTable({ steps, of }: FindResult): Block[] {
  const rows = steps.map(({ load, outcome, isRepeated, purpose, broke, reasons }, index) => [
    formatCount(index + 1),
    loadText(load, of),
    `${PURPOSES[purpose]}${isRepeated === true ? ', again' : ''}`,
    [outcomeSpan(outcome)],
    [...broke.map(({ rule, shown }) => `${rule}: ${shown}`), ...reasons].join('; '),
  ]);
  const [block] = table('The runs of the search', [...numbers('run'), 'load', 'to', 'outcome', 'why'], rows);
  return block === undefined
    ? []
    : [{ kind: 'fold', summary: `The ${formatCount(steps.length)} runs of the search, in order`, block }];
}

export const PURPOSES: Readonly<Record<FindStep['purpose'], string>> = {
  raise: 'raise',
  lower: 'lower',
  'close-in': 'close in',
  recheck: 'recheck',
  confirm: 'confirm',
};

function chartsOf(find: FindResult): Chart[] {
  const { of, limit, broke } = find;
  const points = pointsOf(find);
  const { what, curve: timed } = QUANTITIES[of];
  const chart = (
    id: string,
    title: string,
    unit: Chart['unit'],
    lines: readonly (readonly [name: string, of: (point: Point) => number | undefined])[],
    show: (value: number) => string,
  ): Chart[] => {
    const drawn = lines.map(([name, value]) => ({
      name,
      values: points.map((point) => value(point) ?? null),
    }));
    const seen = drawn.filter(({ values }) => values.some((value) => value !== null));
    if (seen.length === 0 || points.length < 2) return [];
    const said = seen.map(({ name, values }) => {
      const known = values.map((value, index) => [points[index]?.load ?? 0, value] as const);
      return `${name} ${known.flatMap(([load, value]) => (value === null ? [] : [`${show(value)} at ${formatCount(load)}`])).join(', ')}`;
    });
    return [
      {
        ...{ id, title, unit, lines: seen },
        said: `${title}: ${said.join('; ')}`,
        loads: {
          name: what,
          values: points.map(({ load }) => load),
          marks: [
            ...(limit === undefined ? [] : [{ label: 'limit', at: limit }]),
            ...(broke === undefined ? [] : [{ label: 'breaks', at: broke }]),
          ],
        },
      },
    ];
  };
  return [
    ...chart(
      'limit-latency',
      `${capitalized(timed.name)} by load`,
      'ms',
      [
        ['p50', ({ p50Ms }) => p50Ms],
        ['p99', ({ p99Ms }) => p99Ms],
      ],
      formatDuration,
    ),
    ...chart(
      'limit-cpu',
      'CPU of the server by load, in percent of a core',
      'count',
      [['CPU', ({ serverCpu }) => (serverCpu === undefined ? undefined : serverCpu * 100)]],
      (value) => `${Math.round(value)}%`,
    ),
    ...chart(
      'limit-memory',
      'Memory of the server by load',
      'bytes',
      [['memory', ({ serverRssBytes }) => serverRssBytes]],
      formatSize,
    ),
  ];
}
