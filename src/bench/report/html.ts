import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { formatAmount, formatCount, formatDuration, formatSize } from '../../protocol/units.js';
import { againstBaseline, repetitions } from './page/against.js';
import { escapeHtml, spoken, table } from './page/markup.js';
import { overTime } from './page/over-time.js';
import { STYLE } from './page/style.js';
import { wentWrong } from './page/went-wrong.js';
import type { JsonReport, JsonResult } from './schema.js';
import {
  DELIVERY_NAMES,
  deliveriesOf,
  outcomesOf,
  PERCENTILE_NAMES,
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
  const { results, notRun, verdict } = report;
  const names = [...results, ...notRun].map((one) => ('scenario' in one ? one.scenario.name : one.name));
  // One scenario is the page; several are under a list of them.
  const isList = results.length + notRun.length !== 1 || results.length === 0;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>${escapeHtml(`${WORDS[verdict]}: ${names.join(', ')}`)}</title>
<style>${readPackage('uplot/dist/uPlot.min.css')}${STYLE}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the result</a>
<main id="main" tabindex="-1">
${isList ? overview(report) : ''}
${results.map((result, index) => section(result, index, isList ? 2 : 1)).join('\n')}
</main>
<footer>${results[0] === undefined ? '' : footer(results[0])}</footer>
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

function section(result: JsonResult, index: number, level: number): string {
  const { scenario, expectations } = result;
  const heading = (text: string) => `<h${level + 1}>${text}</h${level + 1}>`;
  const sorted = [...expectations].sort((a, b) => Number(a.passed) - Number(b.passed));
  return `<article id="result-${index}" aria-labelledby="title-${index}">
<h${level} id="title-${index}">${badge(result.verdict)} ${escapeHtml(scenario.name)}</h${level}>
<p class="lead">${verdictInWords(result)}</p>
<p>${whatItWas(result)}</p>
${result.repeat === undefined ? '' : `<p>${escapeHtml(repeatText(result.repeat))}</p>`}
${wentWrong(result, level + 1)}
${settings(result)}
<details><summary>What the words on this page mean</summary>${GLOSSARY}</details>
${heading('Expectations')}
${table(
  'What the scenario expects, and what was measured',
  [spoken('outcome'), 'expected', 'measured'],
  sorted.map(({ rule, phase, passed, shown }) => [
    passed
      ? `<span class="good"><span aria-hidden="true">✓</span>${spoken(' held')}</span>`
      : `<span class="bad"><span aria-hidden="true">✗</span>${spoken(' failed')}</span>`,
    `<code>${escapeHtml(rule)}</code>${phase === undefined ? '' : `<br><small>${escapeHtml(phase)}</small>`}`,
    escapeHtml(shown),
  ]),
  2,
)}
${againstBaseline(result, level + 1)}
${repetitions(result, level + 1)}
${heading('Connections')}
${table('What became of the clients of each cohort', ['cohort', 'outcome', 'clients'], ledger(result), 2)}
${deliveries(result, heading)}
${heading('Over time')}
${overTime(result, index)}
${heading('Timings')}
${timings(result)}
${heading('Run it again')}
<pre tabindex="0"><code>${escapeHtml(result.replay)}</code></pre>
</article>`;
}

/** The verdict for somebody who never saw one. */
function verdictInWords({ verdict, expectations, problems }: JsonResult): string {
  const failed = expectations.filter(({ passed }) => !passed).length;
  switch (verdict) {
    case 'passed':
      return `The server did all that this scenario expects: ${formatAmount(expectations.length, 'expectation')} held.`;
    case 'failed':
      return failed === 0
        ? `All ${expectations.length} expectations held, but ${formatAmount(problems.length, 'other thing')} went wrong.`
        : `The server did not do what this scenario expects: <strong>${failed} of ${formatAmount(expectations.length, 'expectation')} did not hold.</strong>`;
    case 'regressed':
      return `All ${formatAmount(expectations.length, 'expectation')} held, but the server is <strong>worse than in the baseline</strong>.`;
    case 'invalid':
      return 'This run says <strong>nothing about the server</strong>, neither good nor bad: what should have tested it did not work as it must. Mend that and run it again. The numbers below are not to be relied on.';
    case 'aborted':
      return `This run was <strong>stopped before it was over</strong>. The numbers are of the part that was run; ${expectations.length - failed} of ${formatAmount(expectations.length, 'expectation')} held that far.`;
  }
}

/** What was run, in a sentence. */
function whatItWas({ scenario, target, durationMs, startedAt }: JsonResult): string {
  const where = target.isOwn
    ? 'a DataFn WebSocket server started for the purpose'
    : `the DataFn WebSocket server at ${escapeHtml(target.urls.join(', '))}`;
  const summary = scenario.summary === '' ? '' : `“${escapeHtml(scenario.summary)}” `;
  return `${summary}<small>${formatAmount(scenario.clients, 'client')} against ${where}, ${formatDuration(durationMs)}, ${escapeHtml(startedAt.replace(/\.\d+Z$/, 'Z'))}</small>`;
}

/** How the server had to be set up: often enough, that is what is wrong. */
function settings({ scenario, target }: JsonResult): string {
  if (scenario.serverFlags.length === 0) return '';
  const who = target.isOwn ? 'The server was started with' : 'The scenario assumes a server with';
  return `<p>${who} <code>${escapeHtml(scenario.serverFlags.join(' '))}</code>, and defaults for the rest.</p>`;
}

function ledger({ total }: JsonResult) {
  return total.cohorts.flatMap((cohort) => {
    const rows = outcomesOf(cohort);
    const head = `${escapeHtml(cohort.name)} <small>${escapeHtml(cohort.behavior)}</small>`;
    return rows.map(({ outcome, count }, index) => [
      ...(index === 0 ? [{ head, rows: rows.length }] : []),
      escapeHtml(outcome),
      formatCount(count),
    ]);
  });
}

function deliveries(result: JsonResult, heading: (text: string) => string): string {
  const rows = deliveriesOf(result).map(({ cohort, counts }) => [
    { head: escapeHtml(cohort) },
    ...counts.map(({ value, isBad }) =>
      isBad
        ? `<strong class="bad">${formatCount(value)}</strong>${spoken(' (should be 0)')}`
        : formatCount(value),
    ),
  ]);
  if (rows.length === 0) return '';
  const names = ['cohort', ...DELIVERY_NAMES];
  return `${heading('Cursor deliveries')}${table('What each cohort had to get, and got', names, rows, 1)}`;
}

function timings(result: JsonResult): string {
  const rows = timingsOf(result).map(({ name, samples, values }) => [
    { head: name },
    formatCount(samples),
    ...values.map(formatDuration),
  ]);
  return table('Durations', ['what', 'samples', ...PERCENTILE_NAMES], rows, 1);
}

/** The words that a person who never saw the tool cannot know. */
const GLOSSARY = `<dl>
<dt>cohort</dt><dd>a group of clients that behave alike</dd>
<dt>namespace</dt><dd>what a client belongs to; it gets the cursors of its own and of no other</dd>
<dt>cursor</dt><dd>a small message that says “there is new data”; only the newest matters</dd>
<dt>broadcast, delivery</dt><dd>one cursor sent to a namespace; that cursor received by one client</dd>
<dt>fan-out latency</dt><dd>from the emit of a cursor to its receipt by a client</dd>
<dt>accepted</dt><dd>clients that connected and were not turned away</dd>
<dt>closed 4401, 4503, 1001, 1006</dt><dd>ended by the server: no valid token; a limit is reached; going away or no answer to a ping; without saying why</dd>
<dt>p50, p99</dt><dd>half of all were no longer than this; 99 of 100 were not</dd>
</dl>`;

function footer({ tool, machine, scenario }: JsonResult): string {
  return escapeHtml(
    `datafn-ws ${tool.version} on Node.js ${machine.node}, ${machine.platform} ${machine.arch}, ${machine.cpu}, ${formatAmount(machine.cores, 'core')}, ${formatSize(machine.memoryBytes)}; seed ${scenario.seed}; scenario ${scenario.sha256.slice(0, 12)}`,
  );
}

function badge(verdict: JsonResult['verdict']): string {
  return `<span class="badge ${verdict}"><span aria-hidden="true">${SIGNS[verdict]}</span> ${WORDS[verdict]}</span>`;
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
