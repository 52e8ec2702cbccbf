import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { printable } from '../../protocol/printable.js';
import { formatAmount, formatCount, formatDuration, formatSize } from '../../protocol/units.js';
import { CHANGE_SIGNS, COMPARISON_WORDS, sideText, summaryText, toldChanges } from '../compare/told.js';
import { STYLE } from './page/style.js';
import type { JsonReport, JsonResult } from './schema.js';
import {
  DELIVERY_NAMES,
  deliveriesOf,
  outcomesOf,
  PERCENTILE_NAMES,
  repeatRowsOf,
  repeatText,
  timingsOf,
} from './tables.js';

const WORDS = {
  passed: 'Passed',
  failed: 'Failed',
  regressed: 'Regressed',
  invalid: 'Invalid',
  aborted: 'Aborted',
} as const;
const SIGNS = { passed: '✓', failed: '✗', regressed: '✗', invalid: '!', aborted: '■' } as const;

/** A report as one page: everything is in it, and it asks the network for nothing. */
export function htmlReport(report: JsonReport): string {
  const names = [
    ...report.results.map(({ scenario }) => scenario.name),
    ...report.notRun.map(({ name }) => name),
  ];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>${escapeHtml(`${WORDS[report.verdict]}: ${names.join(', ')}`)}</title>
<style>${readPackage('uplot/dist/uPlot.min.css')}${STYLE}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the result</a>
<main id="main">
${report.results.length !== 1 || report.notRun.length > 0 ? overview(report) : ''}
${report.results.map((result, index) => section(result, index)).join('\n')}
</main>
<footer>${report.results[0] === undefined ? '' : footer(report.results[0])}</footer>
<script type="application/json" id="data">${embed(chartData(report))}</script>
<script>${readPackage('uplot/dist/uPlot.iife.min.js').replaceAll('</script', '<\\/script')}</script>
<script type="module">${chartScript()}</script>
</body>
</html>
`;
}

/** What the charts are drawn from; the whole report would be many times as large. */
function chartData({ results }: JsonReport) {
  return {
    results: results.map(({ timeline, phases, total }) => ({
      timeline,
      phases: phases.map(({ startMs }) => ({ startMs })),
      total: { histograms: { fanout: total.histograms.fanout } },
    })),
  };
}

function overview({ results, notRun, verdict }: JsonReport): string {
  const rows = results.map(
    (result, index) =>
      `<li>${badge(result.verdict)} <a href="#result-${index}">${escapeHtml(result.scenario.name)}</a></li>`,
  );
  const missing = notRun.map(
    ({ name, reason }) =>
      `<li><span class="badge">not run</span> ${escapeHtml(name)}: ${escapeHtml(reason)}</li>`,
  );
  return `<section aria-labelledby="overview"><h1 id="overview">${badge(verdict)} ${formatAmount(results.length + notRun.length, 'scenario')}</h1><ul class="plain">${[...rows, ...missing].join('')}</ul></section>`;
}

function section(result: JsonResult, index: number): string {
  const { scenario, expectations, verdict } = result;
  const failed = expectations.filter(({ passed }) => !passed);
  const held = expectations.length - failed.length;
  return `<article id="result-${index}" aria-labelledby="title-${index}">
<h1 id="title-${index}">${badge(verdict)} ${escapeHtml(scenario.name)}</h1>
<p class="lead">${escapeHtml(scenario.summary)}</p>
<p>${held} of ${formatAmount(expectations.length, 'expectation')} held · ${formatAmount(scenario.clients, 'client')} · ${formatDuration(result.durationMs)}</p>
${result.repeat === undefined ? '' : `<p>${escapeHtml(repeatText(result.repeat))}</p>`}
${why(result, failed)}
<h2>Expectations</h2>
${table(
  'What the scenario asks for, and what was measured',
  ['', 'rule', 'measured'],
  [...failed, ...expectations.filter(({ passed }) => passed)].map(({ rule, phase, passed, shown }) => [
    passed
      ? '<span class="good" aria-label="held">✓</span>'
      : '<span class="bad" aria-label="failed">✗</span>',
    `<code>${escapeHtml(rule)}</code>${phase === undefined ? '' : `<br><small>${escapeHtml(phase)}</small>`}`,
    escapeHtml(shown),
  ]),
)}
${comparison(result)}
${repetitions(result)}
<h2>Connections</h2>
${table('What became of the clients of each cohort', ['cohort', 'outcome', 'clients'], ledger(result))}
${deliveries(result)}
<h2>Over time</h2>
${phases(result)}
${charts(result, index)}
<h2>Timings</h2>
${timings(result)}
<h2>Run it again</h2>
<pre tabindex="0"><code>${escapeHtml(result.replay)}</code></pre>
</article>`;
}

/** The first thing to read when something is wrong: what, and what was found instead. */
function why(result: JsonResult, failed: JsonResult['expectations']): string {
  const reasons = [
    ...(result.aborted ? ['It was stopped before it was over: the numbers are of a part of it.'] : []),
    ...result.invalidReasons.map((reason) => `The result says nothing about the server. ${reason}`),
    ...result.problems,
  ].map((reason) => `<li>${escapeHtml(reason)}</li>`);
  const rules = failed.map(
    ({ rule, shown, line }) =>
      `<li>Expected <code>${escapeHtml(rule)}</code>, got <strong>${escapeHtml(shown)}</strong> <small>(${escapeHtml(result.scenario.source)}:${line})</small></li>`,
  );
  const all = [...reasons, ...rules];
  if (all.length === 0) return '';
  return `<section class="why ${result.verdict}" aria-label="What went wrong"><h2>What went wrong</h2><ul>${all.join('')}</ul></section>`;
}

/** What is different from the baseline. */
function comparison({ comparison: found }: JsonResult): string {
  if (found === undefined) return '';
  const rows = toldChanges(found).map(({ verdict, metric, base, now, by, why: reason }) => [
    `<span class="${CHANGE_CLASSES[verdict]}" aria-label="${verdict}">${CHANGE_SIGNS[verdict]}</span>`,
    `<code>${escapeHtml(metric)}</code>`,
    escapeHtml(base),
    escapeHtml(by === '' ? now : `${now} (${by})`),
    `${verdict}: ${escapeHtml(reason)}`,
  ]);
  const notes = [...found.warnings, ...found.problems].map((note) => `<li>${escapeHtml(note)}</li>`);
  return `<h2>Against the baseline: ${COMPARISON_WORDS[found.verdict]}</h2>
<p>${escapeHtml(summaryText(found))}. <small>Baseline: ${escapeHtml(sideText(found.base))}</small></p>
${notes.length === 0 ? '' : `<ul>${notes.join('')}</ul>`}
${rows.length === 0 ? '' : table('What is different from the baseline', ['', 'metric', 'baseline', 'now', 'what it is'], rows)}`;
}

const CHANGE_CLASSES = { regression: 'bad', warning: 'warn', improvement: 'good', note: 'muted' } as const;

/** Medians of several runs, and between what the runs were. */
function repetitions(result: JsonResult): string {
  const rows = repeatRowsOf(result).map(({ metric, median, low, high }) => [
    `<code>${escapeHtml(metric)}</code>`,
    ...[median, low, high].map(escapeHtml),
  ]);
  if (rows.length === 0) return '';
  return `<h2>Runs</h2>${table('Medians of all runs', ['metric', 'median', 'least', 'greatest'], rows)}`;
}

function ledger({ total }: JsonResult): string[][] {
  return total.cohorts.flatMap((cohort) =>
    outcomesOf(cohort).map(({ outcome, count }, index) => [
      index === 0 ? `${escapeHtml(cohort.name)} <small>${escapeHtml(cohort.behavior)}</small>` : '',
      escapeHtml(outcome),
      formatCount(count),
    ]),
  );
}

function deliveries(result: JsonResult): string {
  const rows = deliveriesOf(result).map(({ cohort, counts }) => [
    escapeHtml(cohort),
    ...counts.map(({ value, isBad }) =>
      isBad ? `<strong class="bad">${formatCount(value)}</strong>` : formatCount(value),
    ),
  ]);
  if (rows.length === 0) return '';
  return `<h2>Cursor deliveries</h2>${table('What each cohort had to get, and got', ['cohort', ...DELIVERY_NAMES], rows)}`;
}

function phases({ phases: list }: JsonResult): string {
  if (list.length === 0) return '';
  const rows = list.map(
    ({ label, startMs, durationMs }) =>
      `<li>${escapeHtml(label)} <small>at ${formatDuration(startMs)}, ${formatDuration(durationMs)}</small></li>`,
  );
  return `<details><summary>The ${list.length} phases, as they are numbered in the charts</summary><ol>${rows.join('')}</ol></details>`;
}

const CHARTS = [
  { id: 'connections', title: 'Open connections', keys: ['open'] },
  { id: 'deliveries', title: 'Deliveries per second', keys: ['deliveriesPerSecond'] },
  { id: 'fanout', title: 'Fan-out latency, p50 and p99', keys: ['fanoutP50Ms', 'fanoutP99Ms'] },
  {
    id: 'delay',
    title: 'Event-loop delay of server and load generator',
    keys: ['serverDelayMaxMs', 'workerDelayP99Ms'],
  },
  { id: 'memory', title: 'Memory of the server', keys: ['serverRssBytes'] },
] as const;

function charts(result: JsonResult, index: number): string {
  const figures = CHARTS.flatMap(({ id, title, keys }) => {
    const values = keys.map((key) => result.timeline.flatMap((point) => point[key] ?? []));
    if (values.every(({ length }) => length === 0)) return [];
    const said = keys
      .map((key, place) => `${key} at most ${shown(key, Math.max(0, ...(values[place] ?? [])))}`)
      .join(', ');
    return [figure(id, title, `${title} over ${formatDuration(result.durationMs)}: ${said}`, index)];
  });
  const { fanout } = result.total.histograms;
  if (fanout !== undefined) {
    const said = `half of the deliveries within ${formatDuration(fanout.p50)}, 99 % within ${formatDuration(fanout.p99)}, all within ${formatDuration(fanout.max)}`;
    figures.push(
      figure('percentiles', 'Fan-out latency by share of deliveries', `Fan-out latency: ${said}`, index),
    );
  }
  return `<div class="charts">${figures.join('')}</div>`;
}

function figure(id: string, title: string, said: string, index: number): string {
  return `<figure><figcaption>${escapeHtml(title)}</figcaption><div class="chart" role="img" aria-label="${escapeHtml(said)}" data-chart="${id}" data-result="${index}"></div></figure>`;
}

function shown(key: string, value: number): string {
  if (key.endsWith('Ms')) return formatDuration(value);
  return key.endsWith('Bytes') ? formatSize(value) : formatCount(value);
}

function timings(result: JsonResult): string {
  const rows = timingsOf(result).map(({ name, samples, values }) => [
    name,
    formatCount(samples),
    ...values.map(formatDuration),
  ]);
  return table('Durations', ['', 'samples', ...PERCENTILE_NAMES], rows);
}

function footer({ tool, machine, startedAt, target, scenario }: JsonResult): string {
  const where = target.isOwn ? 'a server started for the run' : target.urls.join(', ');
  return escapeHtml(
    `datafn-ws ${tool.version} on Node.js ${machine.node}, ${machine.platform} ${machine.arch}, ${machine.cores} cores, ${formatSize(machine.memoryBytes)}; ${startedAt}; target: ${where}; seed ${scenario.seed}; scenario ${scenario.sha256.slice(0, 12)}`,
  );
}

function badge(verdict: JsonResult['verdict']): string {
  return `<span class="badge ${verdict}"><span aria-hidden="true">${SIGNS[verdict]}</span> ${WORDS[verdict]}</span>`;
}

/** A table that scrolls by itself where the screen is too narrow. Cells are HTML. */
function table(caption: string, head: readonly string[], rows: readonly (readonly string[])[]): string {
  const header = head
    .map((name) => (name === '' ? '<td></td>' : `<th scope="col">${escapeHtml(name)}</th>`))
    .join('');
  const body = rows.map((row) => `<tr>${row.map((cell) => `<td>${cell}</td>`).join('')}</tr>`).join('');
  return `<div class="scroll" tabindex="0" role="region" aria-label="${escapeHtml(caption)}"><table><caption>${escapeHtml(caption)}</caption><thead><tr>${header}</tr></thead><tbody>${body}</tbody></table></div>`;
}

/** Data for a script element: nothing in it can end the element. */
function embed(data: unknown): string {
  return JSON.stringify(data).replaceAll('<', '\\u003c');
}

/** The script of the page, without the pointer to its source map, which is not there. */
function chartScript(): string {
  const script = readFileSync(new URL('./page/charts.js', import.meta.url), 'utf8');
  return script.replace(/^\/\/# sourceMappingURL=.*$/m, '').replaceAll('</script', '<\\/script');
}

function readPackage(file: string): string {
  return readFileSync(createRequire(import.meta.url).resolve(file), 'utf8');
}

function escapeHtml(text: string): string {
  return printable(text.toWellFormed().replace(/\s+/g, ' '))
    .replace(/\p{Cf}/gu, '\ufffd')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}
