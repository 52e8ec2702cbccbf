/** The look of the dashboard, light and dark. Contrasts are at least those of WCAG AA. */
export const STYLE = `
:root { --bg: #fff; --fg: #1b1f24; --muted: #57606a; --rule: #8c959f; --grid: #e3e6ea; --panel: #f6f8fa; --hover: #eef1f4;
  --good: #116329; --bad: #b3261e; --warn: #7d4e00; --accent: #0550ae; --on-accent: #fff; --warn-bg: #fff3d6;
  --series-1: #0550ae; --series-2: #b3261e; --series-3: #116329; --series-4: #8250df; }
@media (prefers-color-scheme: dark) {
  :root { --bg: #0d1117; --fg: #e6edf3; --muted: #9da7b3; --rule: #6e7681; --grid: #262c36; --panel: #161b22; --hover: #1c232c;
    --good: #56d364; --bad: #ff8e86; --warn: #e3b341; --accent: #79c0ff; --on-accent: #0d1117; --warn-bg: #33270a;
    --series-1: #79c0ff; --series-2: #ff8e86; --series-3: #56d364; --series-4: #d2a8ff; } }
* { box-sizing: border-box; }
[hidden] { display: none !important; }
html, body { height: 100%; }
body { margin: 0; background: var(--bg); color: var(--fg); font: 15px/1.45 system-ui, sans-serif; display: flex; flex-direction: column; }
h1 { font-size: 1.1rem; margin: 0; } h2 { font-size: 1.1rem; margin: 0 0 .5rem; } h3 { font-size: 1rem; margin: 1rem 0 .4rem; }
header { border-bottom: 1px solid var(--grid); background: var(--panel); padding: .5rem 1rem 0; }
.bar { display: flex; flex-wrap: wrap; gap: .1rem 1rem; align-items: baseline; }
.bar p { margin: 0; } #summary { color: var(--muted); font-variant-numeric: tabular-nums; }
#link { font-weight: 600; } #link::before { content: "● "; }
#link[data-state=open] { color: var(--good); } #link[data-state=waiting] { color: var(--warn); } #link[data-state=closed] { color: var(--bad); }
[role=tablist] { display: flex; overflow-x: auto; margin-top: .4rem; }
[role=tab] { border: 0; border-bottom: 3px solid transparent; background: none; color: var(--muted); padding: .4rem .8rem; border-radius: 0; white-space: nowrap; }
[role=tab][aria-selected=true] { color: var(--fg); border-color: var(--accent); font-weight: 600; }
#faults-on { background: var(--warn-bg); color: var(--warn); border: 2px solid; border-radius: .3rem; font-weight: 600; padding: .3rem .6rem; margin: .3rem 0; overflow-wrap: anywhere; }
#problem { display: flex; gap: 1rem; align-items: baseline; border: 2px solid var(--bad); border-radius: .3rem; padding: .2rem .6rem; margin: .3rem 0; }
#problem p { margin: 0; color: var(--bad); overflow-wrap: anywhere; flex: 1; }
main { flex: 1; min-height: 0; overflow: auto; padding: .6rem 1rem 1rem; display: flex; flex-direction: column; }
main:focus { outline: none; }
section { flex: 1; min-height: 0; display: flex; flex-direction: column; }
#view-server, #view-faults { display: block; }
.spoken { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.skip { position: absolute; left: -999px; } .skip:focus { left: 1rem; top: .3rem; background: var(--bg); color: var(--accent); padding: .5rem; z-index: 3; }
.note { margin: .3rem 0; min-height: 1.45em; color: var(--muted); overflow-wrap: anywhere; } .note.warn, .warn { color: var(--warn); font-weight: 600; }
.bad { color: var(--bad); } .good { color: var(--good); }
.tools { display: flex; flex-wrap: wrap; gap: .4rem .8rem; align-items: end; margin: 0; }
label { display: flex; flex-direction: column; font-size: .85rem; color: var(--muted); }
label.check { flex-direction: row; align-items: center; gap: .3rem; min-height: 2rem; }
button, input, select, textarea { font: inherit; color: var(--fg); background: var(--bg); border: 1px solid var(--rule); border-radius: .3rem; padding: .25rem .6rem; min-height: 2rem; }
input[type=checkbox] { min-height: 0; }
input::placeholder { color: var(--muted); opacity: 1; }
button { cursor: pointer; } button:hover { background: var(--hover); } button:disabled { color: var(--muted); cursor: default; }
button[type=submit], button[aria-pressed=true] { background: var(--accent); color: var(--on-accent); border-color: var(--accent); }
button.danger { color: var(--bad); border-color: var(--bad); background: var(--bg); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 1px; }
.list { flex: 1; min-height: 12rem; overflow: auto; border: 1px solid var(--grid); border-radius: .3rem; position: relative; font-variant-numeric: tabular-nums; overflow-anchor: none; }
.rows { position: relative; }
.row { display: grid; gap: 0 .6rem; align-items: center; padding: 0 .6rem; border-bottom: 1px solid var(--grid); }
.rows > .row { position: absolute; left: 0; right: 0; overflow: hidden; }
.rows > .row:hover { background: var(--hover); }
.head { position: sticky; top: 0; z-index: 1; background: var(--panel); font-weight: 600; font-size: .85rem; height: 2rem; }
.cell { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; min-width: 0; }
.number { text-align: right; }
.cell button { padding: .05rem .5rem; min-height: 0; margin-right: .3rem; }
.events .row { grid-template-columns: 6.5rem 9rem minmax(0, 1fr) auto; height: 32px; }
.events [data-tone=bad] { color: var(--bad); } .events [data-tone=good] { color: var(--good); } .events [data-tone=warn] { color: var(--warn); }
.events .row.inside { padding-left: 1.6rem; }
.clients .row { grid-template-columns: 4.5rem minmax(6rem, 1.4fr) minmax(5rem, 1fr) 8.5rem minmax(4rem, .7fr) minmax(4rem, .7fr) 6rem 5.5rem 5.5rem 7.5rem 3.6rem; height: 34px; }
.namespaces .row { grid-template-columns: minmax(8rem, 1fr) 6rem 9rem 8rem 20rem; height: 38px; }
.row.behind .state { color: var(--warn); font-weight: 700; }
.plain { list-style: none; padding: 0; } .plain li { display: flex; gap: .8rem; align-items: baseline; border-bottom: 1px solid var(--grid); padding: .35rem 0; }
.plain li code { flex: 1; overflow-wrap: anywhere; }
code { font: .9em/1.45 ui-monospace, monospace; }
#charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 24rem), 1fr)); gap: .6rem 1.2rem; }
figure { margin: 0; min-width: 0; } figcaption { font-weight: 600; font-size: .9rem; } figcaption b { font-variant-numeric: tabular-nums; }
.u-legend { color: var(--fg); font-size: .8rem; } .u-legend th, .u-legend td { padding: 0 .3rem; }
.columns { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 20rem), 1fr)); gap: 0 1.5rem; }
.facts { display: grid; grid-template-columns: auto minmax(0, 1fr); gap: .2rem .8rem; margin: 0; } .facts dt { color: var(--muted); } .facts dd { margin: 0; overflow-wrap: anywhere; }
progress { width: 7rem; height: .7rem; accent-color: var(--accent); }
dialog { background: var(--bg); color: var(--fg); border: 1px solid var(--rule); border-radius: .4rem; width: min(32rem, calc(100vw - 1rem)); } dialog::backdrop { background: #0008; }
#dialog-text { overflow-wrap: anywhere; } #dialog-fields label { margin: .5rem 0; } #dialog-fields textarea { height: 12rem; font-family: ui-monospace, monospace; white-space: pre; }
.buttons { display: flex; gap: .6rem; margin-bottom: 0; }
#login { max-width: 30rem; margin: 2rem auto; display: grid; gap: .6rem; } #login > * { margin: 0; }
@media (max-width: 62rem) {
  .clients .head, .namespaces .head { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .clients .row { grid-template-columns: repeat(4, minmax(0, 1fr)); grid-template-rows: 1.5rem 1.5rem 1.5rem; align-content: center; height: 96px; }
  .clients .row > :nth-child(2) { grid-column: 2 / span 2; } .clients .row > :nth-child(11) { grid-column: 4; grid-row: 3; }
  .clients .row > :nth-child(7), .clients .row > :nth-child(5), .clients .row > :nth-child(6) { text-align: left; }
  .clients .row > :nth-child(4) { grid-column: 1 / span 2; grid-row: 2; } .clients .row > :nth-child(5) { grid-row: 2; } .clients .row > :nth-child(6) { grid-row: 2; }
  .clients .row > :nth-child(8) { display: none; } .clients .row > :nth-child(7) { grid-row: 3; } .clients .row > :nth-child(9) { grid-row: 3; text-align: left; } .clients .row > :nth-child(10) { grid-row: 3; }
  .namespaces .row { grid-template-columns: minmax(0, 1fr) minmax(0, 1fr) minmax(0, 1fr); grid-template-rows: 1.5rem 1.4rem 2rem; align-content: center; height: 100px; }
  .namespaces .row > :first-child, .namespaces .row > :last-child { grid-column: 1 / -1; } .namespaces .row > .number { text-align: left; }
  [data-label]::before { content: attr(data-label) " "; color: var(--muted); font-weight: 400; font-size: .8rem; }
}
@media (max-width: 40rem) {
  header, main { padding-left: .6rem; padding-right: .6rem; }
  .events .row { grid-template-columns: 5.5rem minmax(0, 1fr) auto; grid-template-rows: 1.6rem auto; align-content: center; height: 78px; }
  .events .head { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .events .row > :nth-child(3) { grid-column: 1 / -1; grid-row: 2; white-space: normal; overflow-wrap: anywhere; line-height: 1.3; display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 2; } .events .row > :nth-child(4) { grid-column: 3; grid-row: 1; }
  .tools label { flex: 1 1 8rem; } .tools input, .tools select { width: 100%; } .tools label.check input { width: auto; }
  .list { min-height: 22rem; } [role=tab] { padding: .4rem .5rem; }
}
`;
