/** The look of the HTML report, light and dark. Contrasts are at least those of WCAG AA. */
export const STYLE = `
:root { --bg: #fff; --fg: #1b1f24; --muted: #57606a; --rule: #8c959f; --grid: #e3e6ea; --panel: #f6f8fa;
  --good: #116329; --bad: #b3261e; --warn: #7d4e00; --series-1: #0550ae; --series-2: #b3261e; --series-3: #116329; }
@media (prefers-color-scheme: dark) {
  :root { --bg: #0d1117; --fg: #e6edf3; --muted: #9da7b3; --rule: #6e7681; --grid: #262c36; --panel: #161b22;
    --good: #56d364; --bad: #ff8e86; --warn: #e3b341; --series-1: #79c0ff; --series-2: #ff8e86; --series-3: #56d364; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--bg); color: var(--fg); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 1000px; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 1rem 0 .25rem; }
h2 { font-size: 1.15rem; margin: 1.75rem 0 .5rem; }
h3 { font-size: 1.05rem; margin: 1.25rem 0 .4rem; }
main:focus { outline: none; }
.spoken { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
small, .muted, figcaption, caption { color: var(--muted); }
a { color: var(--series-1); }
.skip { position: absolute; left: -999px; }
.skip:focus { left: 1rem; top: 1rem; background: var(--bg); padding: .5rem; }
.badge { display: inline-block; padding: .05em .55em; border-radius: .4em; border: 2px solid currentColor; font-size: .8em; }
.badge.passed, .good { color: var(--good); } .badge.failed, .badge.regressed, .bad { color: var(--bad); }
.badge.invalid, .badge.aborted, .warn { color: var(--warn); }
.good, .bad, .warn { font-weight: 700; }
ul.why { list-style: none; border-left: 4px solid var(--bad); background: var(--panel); padding: .25rem 1rem; margin: 1rem 0; }
p.bad, p.warn { font-weight: 400; border-left: 4px solid; background: var(--panel); padding: .4rem .8rem; margin: .5rem 0; overflow-wrap: anywhere; }
p > code { display: inline-block; max-width: 100%; }
.why li + li { border-top: 1px solid var(--grid); } .why li { padding: .5rem 0; }
.why li > *, .finding > * { margin: .3rem 0; } .finding + .finding { margin-top: .6rem; }
.why :is(h3, h4) { font-size: 1rem; font-weight: 600; }
.numbers { display: flex; flex-wrap: wrap; gap: .1rem 2rem; font-size: 1.1rem; }
.rule { font-size: .85rem; color: var(--muted); overflow-wrap: anywhere; }
[data-drawn] .scriptless { display: none; }
.plain { list-style: none; padding: 0; } .plain li { margin: .4rem 0; }
code, pre { font: .9em/1.45 ui-monospace, monospace; overflow-wrap: anywhere; }
.flag { white-space: nowrap; }
pre { background: var(--panel); padding: .75rem; overflow-x: auto; white-space: pre-wrap; }
.scroll { overflow-x: auto; position: relative; }
.scroll[data-scrolls]::before { content: "↔ scroll this table sideways"; position: sticky; left: 0; display: inline-block;
  font-size: .85rem; font-weight: 600; }
.scroll[data-scrolls] { border-right: 3px dotted var(--rule); }
.scroll[data-scrolls] tbody th { position: sticky; left: 0; background: var(--bg); }
table { border-collapse: collapse; min-width: min(100%, 24rem); font-variant-numeric: tabular-nums; }
caption { text-align: left; font-size: .85rem; padding-bottom: .25rem; }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid var(--grid); vertical-align: top; }
td code { overflow-wrap: break-word; } .rules code { overflow-wrap: anywhere; }
.number { text-align: right; } td.number { white-space: nowrap; }
th small { display: block; } th code { overflow-wrap: normal; }
th { font-weight: 600; } tbody th { font-weight: 400; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 440px), 1fr)); gap: 1rem; }
figure { margin: 0; min-width: 0; } .chart { width: 100%; min-height: 250px; }
.u-legend { color: var(--fg); font-size: .8rem; text-align: left; }
.u-legend th, .u-legend td { border: 0; padding: 0 .3rem 0 0; }
.u-legend .u-marker { width: 1.6em; height: 0; border-width: 0 0 3px !important; vertical-align: middle; }
.single .u-legend.idle { visibility: hidden; }
.idle .u-series:first-child, .idle .u-value, .u-series:first-child .u-marker { display: none; } .u-inline.idle .u-series th::after { content: ""; }
@media (max-width: 600px) { .number small { display: block; } th, td { padding: .3rem; font-size: .88rem; } .number { padding: .3rem 0 .3rem .6rem; font-size: .82rem; }
  th code { overflow-wrap: anywhere; font-size: .8em; } th[scope=row] { min-width: 6rem; } }
details { margin: .5rem 0; } summary { cursor: pointer; }
:focus-visible { outline: 3px solid var(--series-1); outline-offset: 2px; }
`;
