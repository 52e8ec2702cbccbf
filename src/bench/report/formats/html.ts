import { printableJson } from '../../../text/printable.js';
import { formatAmount } from '../../../text/units.js';
import {
  type Block,
  type Charts,
  capitalized,
  type FindingCard,
  type Findings,
  type Marks,
  plain,
  type ReportDocument,
  type Section,
  type Span,
  type Table,
  type Text,
  type VerdictName,
} from '../model.js';
import type { JsonReport } from '../schema.js';
import { reportDocument } from '../sections/document.js';
import { VERDICTS } from '../verdict-words.js';
import { type Content, html, type Markup, trusted } from './html-tag.js';
import { pageAssets } from './page-assets.js';

/** A report as one page. */
export function htmlReport({ results, notRun, verdict }: JsonReport): string {
  return htmlPage(verdict, results.map(reportDocument), notRun);
}

/** Documents as one page: everything is in it, and it asks the network for nothing. */
export function htmlPage(
  verdict: VerdictName,
  documents: readonly ReportDocument[],
  notRun: JsonReport['notRun'] = [],
): string {
  const { title, main, charts } = pageContent(verdict, documents, notRun);
  const data = trusted(printableJson(charts).replaceAll('<', '\\u003c'));
  const { style, library, script } = pageAssets('report');
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>${title}</title>
<style>${trusted(style)}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the result</a>
<main id="main" tabindex="-1">
${main}
</main>
<script type="application/json" id="data">${data}</script>
<script>${trusted(library)}</script>
<script type="module">${trusted(script)}</script>
</body>
</html>
`.toString();
}

/** What a page shows of a report, and what its charts are drawn from. */
export interface PageContent {
  readonly title: string;
  readonly main: Markup;
  readonly charts: readonly object[];
}

export function pageContent(
  verdict: VerdictName,
  documents: readonly ReportDocument[],
  notRun: JsonReport['notRun'],
): PageContent {
  const names = [...documents, ...notRun].map(({ name }) => name);
  // One scenario is the page; several are below a list of them.
  const isList = names.length !== 1 || documents.length === 0;
  let chart = 0;
  const page = { nextChart: () => chart++ };
  return {
    title: `${capitalized(VERDICTS[verdict].word)}: ${names.join(', ')}`,
    main: html`${isList ? overview(verdict, documents, notRun) : undefined}
${documents.map((document, index) => article(document, index, isList ? 2 : 1, page))}`,
    charts: documents.flatMap(({ sections }) =>
      sections.flatMap(({ blocks }) =>
        blocks.flatMap((block) => (block.kind === 'charts' ? chartData(block) : [])),
      ),
    ),
  };
}

/** What is numbered over the whole page. */
interface Page {
  nextChart(): number;
}

function overview(
  verdict: VerdictName,
  documents: readonly ReportDocument[],
  notRun: JsonReport['notRun'],
): Markup {
  return html`<section aria-labelledby="overview"><h1 id="overview">${badge(verdict)} ${formatAmount(documents.length + notRun.length, 'scenario')}</h1><ul class="plain">
${documents.map((one, index) => html`<li>${badge(one.verdict)} <a href="#result-${index}">${one.name}</a></li>`)}
${notRun.map(({ name, reason }) => html`<li><span class="badge">not run</span> ${name}: ${reason}</li>`)}</ul></section>`;
}

function article(document: ReportDocument, index: number, level: number, page: Page): Markup {
  const { verdict, name, intro, alerts, sections, replay } = document;
  const part = ({ title, blocks }: Section) =>
    html`${heading(level + 1, title)}\n${blocks.map((block) => blockOf(block, level + 2, page))}\n`;
  const again = html`${heading(level + 1, 'Run it again')}<pre tabindex="0"><code>${commandOf(replay ?? '')}</code></pre>`;
  return html`<article id="result-${index}" aria-labelledby="title-${index}">
${heading(level, html`${badge(verdict)} ${name}`, html` id="title-${index}"`)}
${[...intro, ...alerts].map((block) => blockOf(block, level + 1, page))}
${sections.map(part)}
${replay === undefined ? undefined : again}
</article>`;
}

function blockOf(block: Block, level: number, page: Page): Markup {
  switch (block.kind) {
    case 'paragraph':
      return html`<p${classOf(block.tone)}>${textOf(block.text)}</p>`;
    case 'list': {
      const items = block.items.map((item) => html`<li>${textOf(item)}</li>`);
      return block.isNumbered === true ? html`<ol>${items}</ol>` : html`<ul>${items}</ul>`;
    }
    case 'table':
      return tableOf(block);
    case 'marks':
      return marksOf(block);
    case 'findings':
      return findingsOf(block, level);
    case 'charts':
      return chartsOf(block, page);
    case 'fold': {
      const open = block.isOpen === true ? html` open` : undefined;
      return html`<details${open}><summary>${block.summary}</summary>${blockOf(block.block, level, page)}</details>`;
    }
  }
}

function textOf(text: Text): Content {
  return typeof text === 'string'
    ? text
    : text.map((part) => (typeof part === 'string' ? part : spanOf(part)));
}

function spanOf({ text, tone, look, spoken }: Span): Markup {
  if (spoken !== undefined)
    return html`<span${classOf(tone)} aria-hidden="true">${text}</span><span class="spoken">${spoken}</span>`;
  if (look === 'code') return html`<code${classOf(tone)}>${text}</code>`;
  if (look === 'aside') return html`<small>${text}</small>`;
  return look === 'strong' ? html`<b>${text}</b>` : html`<span${classOf(tone)}>${text}</span>`;
}

const classOf = (name: string | undefined) => (name === undefined ? undefined : html` class="${name}"`);

function heading(level: number, content: Content, attributes?: Markup): Markup {
  return html`<h${level}${attributes}>${content}</h${level}>`;
}

/** A table that scrolls by itself where the screen is too narrow. */
function tableOf({ caption, columns, rows }: Table): Markup {
  const kind = (index: number) => classOf(columns[index]?.isNumber === true ? 'number' : undefined);
  const head = columns.map(({ name }, index) => html`<th scope="col"${kind(index)}>${name}</th>`);
  const nameOf = (at: number) => plain(rows[at]?.[0] ?? '');
  const isSame = (a: number, b: number) => nameOf(a) === nameOf(b);
  const body = rows.map((row, at) => {
    let below = at + 1;
    while (below < rows.length && isSame(at, below)) below++;
    const span = below - at === 1 ? html` scope="row"` : html` scope="rowgroup" rowspan="${below - at}"`;
    const [first = '', ...others] = row;
    const name = at > 0 && isSame(at - 1, at) ? undefined : html`<th${span}>${textOf(first)}</th>`;
    return html`<tr>${name}${others.map((cell, index) => html`<td${kind(index + 1)}>${textOf(cell)}</td>`)}</tr>`;
  });
  return grid(caption, head, body);
}

function grid(caption: string, head: Content, body: Content, kind?: string): Markup {
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${caption}"><table${classOf(kind)}><caption>${caption}</caption><thead><tr>${head}</tr></thead><tbody>${body}</tbody></table></div>`;
}

function marksOf({ caption, heads: [subject, value, why], items }: Marks): Markup {
  const isExplained = items.some((item) => item.why !== undefined);
  const heads = [html`<span class="spoken">outcome</span>`, subject, value, ...(isExplained ? [why] : [])];
  const rows = items.map(
    (item) =>
      html`<tr><td>${spanOf(item.sign)}</td><td><code>${item.subject}</code>${item.scope === undefined ? undefined : html` <small>${item.scope}</small>`}</td><td>${spanOf(item.value)}</td>${isExplained ? html`<td>${item.why ?? ''}</td>` : undefined}</tr>`,
  );
  return grid(
    caption,
    heads.map((head) => html`<th scope="col">${head}</th>`),
    rows,
    'rules',
  );
}

function findingsOf({ groups }: Findings, level: number): Markup {
  const items = groups.map(
    ({ cards, meanings }) => html`<li>${cards.map((card) => cardOf(card, level))}
${meanings.map((meaning) => html`<p><b>What it usually means:</b> ${meaning}</p>`)}</li>\n`,
  );
  return html`<ul class="why">${items}</ul>`;
}

function cardOf({ subject, findings, evidence }: FindingCard, level: number): Markup {
  const parts = findings.map(({ mark, name, expected, off, where }) => {
    const by = off === undefined ? undefined : html` <small>(${off})</small>`;
    return html`<div class="finding">${name === undefined ? undefined : html`<p>${name}</p>`}
<p class="numbers"><span>expected <strong>${expected}</strong></span> <span>measured <strong class="bad">${mark.value.text}${by}</strong></span></p>
<p class="rule"><code>${mark.subject}</code> ${where}</p></div>`;
  });
  return html`${heading(level, textOf(subject))}
${parts}
${evidence.map((one) => html`<p>${one}</p>`)}`;
}

function chartsOf({ charts }: Charts, page: Page): Markup {
  const figures = charts.map(
    ({ id, title, said }) =>
      html`<figure><figcaption>${title}</figcaption><div class="chart" role="img" aria-label="${said}" data-chart="${id}" data-index="${page.nextChart()}"></div></figure>`,
  );
  return html`<p class="scriptless">The charts need a script, which does not run here. The tables have their numbers.</p>
<div class="charts">${figures}</div>`;
}

/** What the script on the page draws from. */
function chartData({ charts, phases }: Charts) {
  return charts.map(({ unit, lines, seconds, loads, runs, shares }) => ({
    unit,
    lines,
    seconds,
    loads,
    runs,
    shares,
    phases,
  }));
}

function badge(verdict: VerdictName): Markup {
  const { sign, word } = VERDICTS[verdict];
  return html`<span class="badge ${verdict}"><span aria-hidden="true">${sign}</span> ${capitalized(word)}</span>`;
}

/** A command of which no line ends within the name of a flag. */
function commandOf(text: string): Content {
  return text
    .split(/(?<=^| )(--[a-z][a-z-]*)/)
    .map((part, index) => (index % 2 === 1 ? html`<span class="flag">${part}</span>` : part));
}
