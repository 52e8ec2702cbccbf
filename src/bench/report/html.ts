import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { flagOf } from '../../options/spec.js';
import { printableJson } from '../../protocol/printable.js';
import { formatAmount, formatCount, formatDuration, formatSize } from '../../protocol/units.js';
import { againstBaseline, repetitions } from './page/against.js';
import { GLOSSARY } from './page/glossary.js';
import { code, escapeHtml, spoken, table } from './page/markup.js';
import { overTime } from './page/over-time.js';
import { sharesOf } from './page/shares.js';
import { STYLE } from './page/style.js';
import { wentWrong } from './page/went-wrong.js';
import type { JsonReport, JsonResult } from './schema.js';
import {
  acceptedBy,
  changesText,
  DELIVERY_NAMES,
  deliveriesOf,
  durationCell,
  hasFailed,
  inFlightText,
  otherMessagesOf,
  outcomesOf,
  PERCENTILE_NAMES,
  repeatText,
  SIGNS as SIGNS_OF_RULES,
  type Standing,
  scopeText,
  standingOf,
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
    results: results.map((result) => ({
      timeline: result.timeline,
      phases: result.phases.map(({ startMs }) => ({ startMs })),
      shares: sharesOf(result).map(({ name, histogram: { count, min, max, buckets }, limits }) => ({
        name,
        histogram: { count, min, max, buckets },
        limits,
      })),
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
  const order: readonly Standing[] = ['failed', 'not reached', 'held'];
  const sorted = [...expectations].sort(
    (a, b) => order.indexOf(standingOf(a)) - order.indexOf(standingOf(b)),
  );
  return `<article id="result-${index}" aria-labelledby="title-${index}">
<h${level} id="title-${index}">${badge(result.verdict)} ${escapeHtml(scenario.name)}</h${level}>
<p class="lead">${verdictInWords(result)}</p>
<p>${whatItWas(result)}</p>
${result.repeat === undefined ? '' : `<p>${escapeHtml(repeatText(result.repeat))}</p>`}
<details><summary>What the words on this page mean</summary>${GLOSSARY}</details>
${wentWrong(result, level + 1)}
${settings(result)}
${heading('Expectations')}
${table(
  'What the scenario expects, and what was measured',
  [spoken('outcome'), 'expected', 'measured'],
  sorted.map((one) => {
    const [standing, scope] = [standingOf(one), scopeText(one)];
    const shade = { held: ' class="good"', failed: ' class="bad"', 'not measurable': '', 'not reached': '' }[
      standing
    ];
    const why = one.notMeasurable === undefined ? '' : `<br><small>${escapeHtml(one.notMeasurable)}</small>`;
    return [
      `<span${shade}><span aria-hidden="true">${SIGNS_OF_RULES[standing]}</span>${spoken(` ${standing}`)}</span>`,
      `${code(one.rule)}${scope === undefined ? '' : `<br><small>${escapeHtml(scope)}</small>`}`,
      `${escapeHtml(one.shown)}${why}`,
    ];
  }),
  2,
  'rules',
)}
${againstBaseline(result, level + 1)}
${repetitions(result, level + 1)}
${heading('Connections')}
${table('How many clients of each cohort were accepted; indented, what became of their connections', ['cohort', 'outcome', 'how many'], ledger(result), 2)}
${deliveries(result, heading)}
${otherMessages(result, heading)}
${heading('Over time')}
${overTime(result, index)}
${heading('Timings')}
${timings(result)}
${heading('Run it again')}
<pre tabindex="0"><code>${command(result.replay)}</code></pre>
</article>`;
}

/** The verdict for somebody who never saw one. */
function verdictInWords({ verdict, expectations, problems }: JsonResult): string {
  const failed = expectations.filter(hasFailed).length;
  const held = expectations.filter((one) => standingOf(one) === 'held').length;
  const without = expectations.filter((one) => standingOf(one) === 'not measurable').length;
  const unmeasured = without === 0 ? '' : `, ${formatCount(without)} cannot be measured on this server`;
  switch (verdict) {
    case 'passed':
      return `The server did all that this scenario expects: ${formatAmount(held, 'expectation')} held${unmeasured}.`;
    case 'failed':
      return failed === 0
        ? `All ${held} expectations held${unmeasured}, but ${formatAmount(problems.length, 'other thing')} went wrong.`
        : `The server did not do what this scenario expects: <strong>${failed} of ${formatAmount(expectations.length, 'expectation')} did not hold.</strong>`;
    case 'regressed':
      return `All ${formatAmount(held, 'expectation')} held${unmeasured}, but the server is <strong>worse than in the baseline</strong>.`;
    case 'invalid':
      return 'This run says <strong>nothing about the server</strong>, neither good nor bad: what should have tested it did not work as it must. Mend that and run it again. The numbers below are not to be relied on.';
    case 'aborted':
      return `This run was <strong>stopped before it was over</strong>. The numbers are of the part that was run; ${held} of ${formatAmount(expectations.length, 'expectation')} held that far.`;
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

/** How the server had to be set up, and what of it is not as in the file: often enough, that is what is wrong. */
function settings(result: JsonResult): string {
  const { scenario, target, expectations, invalidReasons, problems } = result;
  const changed = scenario.changes.map(({ path }) => `--${flagOf(path.replace(/^server\./, ''))}`);
  const flags = scenario.serverFlags
    .flatMap((one, index, all) => (one.startsWith('--') || index === 0 ? [[one, all[index + 1] ?? '']] : []))
    .map(([flag = '', value = '']) => {
      const shown = code(value.startsWith('--') ? flag : `${flag} ${value}`.trim());
      return changed.includes(flag) ? `<mark>${shown}</mark>` : shown;
    });
  const who = target.isOwn ? 'The server was started with' : 'The scenario assumes a server with';
  const started =
    flags.length === 0 ? '' : `<p class="flags">${who} ${flags.join(' ')}, and defaults for the rest.</p>`;
  // What went wrong begins with what was changed.
  const isTold =
    expectations.some((one) => standingOf(one) === 'failed') || invalidReasons.length + problems.length > 0;
  const changes = isTold ? undefined : changesText(result, code);
  return `${changes === undefined ? '' : `<p>${changes}.</p>`}${started}`;
}

function ledger({ total }: JsonResult) {
  return total.cohorts.flatMap((cohort) => {
    const rows = outcomesOf(cohort);
    const head = `${escapeHtml(cohort.name)} <small>behavior: ${escapeHtml(cohort.behavior)}</small>`;
    return rows.map(({ outcome, count, metric }, index) => [
      ...(index === 0 ? [{ head, rows: rows.length }] : []),
      // Who was accepted is in one of the others again: they add up without it.
      metric === 'accepted' ? outcome : `<span class="in">${escapeHtml(outcome)}</span>`,
      metric === 'accepted'
        ? `${formatCount(count)} <small>${acceptedBy(cohort)}</small>`
        : formatCount(count),
    ]);
  });
}

/** What had to arrive and did; of what should not be, and is not, a sentence. */
function deliveries(result: JsonResult, heading: (text: string) => string): string {
  const all = deliveriesOf(result);
  if (all.length === 0) return '';
  const isShown = DELIVERY_NAMES.map(
    (name, column) =>
      name === 'expected' || name === 'received' || all.some(({ counts }) => counts[column]?.value !== 0),
  );
  const shown = <Item>(items: readonly Item[]) => items.filter((_, column) => isShown[column]);
  const rows = all.map(({ cohort, counts }) => [
    { head: escapeHtml(cohort) },
    ...shown(counts).map(({ value, isBad }) =>
      isBad
        ? `<strong class="bad">${formatCount(value)}</strong>${spoken(' (should be 0)')}`
        : formatCount(value),
    ),
  ]);
  const none = DELIVERY_NAMES.filter((_, column) => !isShown[column]);
  const without = result.total.cohorts
    .map(({ name }) => name)
    .filter((name) => !all.some(({ cohort }) => cohort === name));
  const inFlight = inFlightText(result);
  const notes = [
    ...(inFlight === undefined ? [] : [inFlight]),
    ...(none.length === 0 ? [] : [`None was ${none.join(', ').replace(/, (\w+)$/, ' or $1')}.`]),
    ...(without.length === 0
      ? []
      : [`Nothing was emitted to, and nothing came to, clients of ${escapeHtml(without.join(', '))}.`]),
  ];
  const grid = table('What each cohort had to get, and got', ['cohort', ...shown(DELIVERY_NAMES)], rows, 1);
  return `${heading('Cursor deliveries')}${grid}${notes.length === 0 ? '' : `<p>${notes.join(' ')}</p>`}`;
}

/** What came besides cursors. */
function otherMessages(result: JsonResult, heading: (text: string) => string): string {
  const all = otherMessagesOf(result).map((one) => `<li>${escapeHtml(one)}</li>`);
  return all.length === 0 ? '' : `${heading('Messages that are not cursors')}<ul>${all.join('')}</ul>`;
}

function timings(result: JsonResult): string {
  const rows = timingsOf(result).map(({ name, metric, samples, values }) => [
    { head: `${name} <small>${code(metric)}, ${formatAmount(samples, 'sample')}</small>` },
    ...values.map(durationCell),
  ]);
  return table('How long things took', ['what', ...PERCENTILE_NAMES], rows, 1);
}

function footer({ tool, machine, scenario }: JsonResult): string {
  return escapeHtml(
    `datafn-ws ${tool.version} on Node.js ${machine.node}, ${machine.platform} ${machine.arch}, ${machine.cpu}, ${formatAmount(machine.cores, 'core')}, ${formatSize(machine.memoryBytes)}; seed ${scenario.seed}; scenario ${scenario.sha256.slice(0, 12)}`,
  );
}

function badge(verdict: JsonResult['verdict']): string {
  return `<span class="badge ${verdict}"><span aria-hidden="true">${SIGNS[verdict]}</span> ${WORDS[verdict]}</span>`;
}

/** A command, as HTML: no line of it ends within the name of a flag. */
function command(text: string): string {
  return escapeHtml(text).replace(/(?<=^| )--[a-z][a-z-]*/g, '<span class="flag">$&</span>');
}

/** Data for a script element: nothing in it can end the element. */
function embed(data: unknown): string {
  return printableJson(data).replaceAll('<', '\\u003c');
}

/** The script of the page, without the pointer to its source map, which is not there. */
function chartScript(): string {
  const script = readFileSync(new URL('./page/charts.js', import.meta.url), 'utf8');
  return script.replace(/^\/\/# sourceMappingURL=.*$/m, '').replaceAll('</script', '<\\/script');
}

function readPackage(file: string): string {
  return readFileSync(createRequire(import.meta.url).resolve(file), 'utf8');
}
