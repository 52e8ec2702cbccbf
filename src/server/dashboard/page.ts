import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { inlineScript, pageHeaders } from '../../text/inline-page.js';
import { joinedModules } from '../../text/joined-modules.js';
import { MARKUP } from './markup.js';
import { STYLE } from './style.js';

/** A page and the headers that it comes with. */
export interface Page {
  readonly html: Buffer;
  readonly headers: Readonly<Record<string, string>>;
}

let page: Page | undefined;

/** The dashboard: one page that loads nothing but data from the API of its own server. It is made once. */
export function dashboardPage(): Page {
  page ??= makePage();
  return page;
}

function makePage(): Page {
  const style = readPackage('uplot/dist/uPlot.min.css') + STYLE;
  const charts = inlineScript(readPackage('uplot/dist/uPlot.iife.min.js'));
  const script = inlineScript(
    joinedModules(new URL('./script/main.js', import.meta.url), (file) => readFileSync(file, 'utf8')),
  );
  const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>datafn-ws</title>
<style>${style}</style>
</head>
<body>
${MARKUP}
<script>${charts}</script>
<script type="module">${script}</script>
</body>
</html>
`;
  return { html: Buffer.from(html), headers: pageHeaders({ scripts: [charts, script], style }) };
}

function readPackage(file: string): string {
  return readFileSync(createRequire(import.meta.url).resolve(file), 'utf8');
}
