import { pageHeaders } from '../../../text/inline-page.js';
import { printableJson } from '../../../text/printable.js';
import { TIME_CHARTS } from '../sections/over-time.js';
import { html, trusted } from './html-tag.js';
import { pageAssets } from './page-assets.js';

const LIVE_STYLE = `
[hidden] { display: none !important; }
#state { max-width: 1000px; margin: 0 auto; padding: .5rem 1rem; background: var(--panel); border-left: 4px solid var(--rule); }
#state.warn { font-weight: 400; border-color: currentColor; }
.badge.running { color: var(--series-1); }
.bars { display: grid; grid-template-columns: max-content minmax(4rem, 24rem) 1fr; gap: .2rem .8rem; align-items: center; overflow-wrap: anywhere; }
.bars progress { width: 100%; height: .8rem; accent-color: var(--series-1); }
.numbers dt { color: var(--muted); font-size: .85rem; } .numbers dd { margin: 0; font-variant-numeric: tabular-nums; min-width: 6rem; }
.phases li { margin: .15rem 0; } .phases .planned { color: var(--muted); } .phases .running { font-weight: 600; }
.phases p { margin: 0; font-weight: 400; border: 0; padding: 0; background: none; }
figcaption b { color: var(--fg); font-variant-numeric: tabular-nums; margin-left: .4rem; } .several figcaption b { display: block; margin: 0; }
`;

/** A page and the headers that it comes with. */
export interface LivePage {
  readonly html: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** The report of a run under way. It gets everything from `events`, beside it on its server, and at the end the report itself. */
export function livePage(): LivePage {
  const { style: common, library, script } = pageAssets('live');
  const style = common + LIVE_STYLE;
  const data = trusted(printableJson(TIME_CHARTS).replaceAll('<', '\\u003c'));
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>Running: datafn-ws bench</title>
<style>${trusted(style)}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the result</a>
<p id="state" role="status">Connecting to bench …</p>
<main id="main" tabindex="-1">
<noscript><p>This page needs JavaScript. For a report without it, use bench --html FILE.</p></noscript>
<article aria-labelledby="title" hidden>
<h1 id="title"><span class="badge running">Running</span> <span id="name"></span></h1>
<p class="muted" id="summary"></p>
<p><small id="facts"></small></p>
<h2 id="now"></h2>
<div class="bars" id="bars"></div>
<dl class="numbers" id="numbers"></dl>
<h2>Over time</h2>
<div class="charts" id="charts"></div>
<h2>Phases</h2>
<ol class="phases" id="phases"></ol>
<section id="earlier" aria-labelledby="earlier-title" hidden><h2 id="earlier-title">Runs so far</h2><ul class="plain"></ul></section>
</article>
</main>
<script type="application/json" id="data">${data}</script>
<script>${trusted(library)}</script>
<script type="module">${trusted(script)}</script>
</body>
</html>
`.toString();
  // One place makes markup of a text: the report, which is escaped already.
  const headers = pageHeaders({ scripts: [library, script], style, trustedTypes: 'report' });
  return { html: page, headers };
}
