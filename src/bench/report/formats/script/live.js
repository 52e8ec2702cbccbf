// Runs in the browser, on the page of a run under way: shows what the server of the page sends, and at the end its report.
import { drawn, drawReport, drawTime, FORMATS } from './charts.js';

const byId = (id) => document.getElementById(id);

/** An element with text or elements in it. Text never becomes markup. */
function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** The one place where a text becomes markup: the report, which the server has escaped. */
const reportPolicy = globalThis.trustedTypes?.createPolicy('report', { createHTML: (text) => text }) ?? {
  createHTML: (text) => text,
};

function showState(text, kind = '') {
  const state = byId('state');
  state.hidden = text === '';
  state.className = kind;
  if (state.textContent !== text) state.textContent = text;
}

/** When each phase began, in seconds. The charts read it whenever they draw. */
const phaseStarts = [];
let points = [];

/** A chart of the report, while its run goes on. */
class LiveChart {
  #plot;
  #keys = '';
  #value = element('b', {});
  #title = element('span', {});
  #holder = element('div', { class: 'chart', role: 'img' });
  #figure = element('figure', { hidden: '' });

  constructor(spec) {
    this.spec = spec;
    this.#figure.append(element('figcaption', {}, this.#title, ' ', this.#value), this.#holder);
    this.#figure.classList.toggle('several', spec.lines.length > 1);
    byId('charts').append(this.#figure);
  }

  draw(isNew) {
    const { title: usual, unless, unit, lines: all } = this.spec;
    const shown = all.filter(({ key }) => points.some((point) => point[key] !== undefined));
    this.#figure.hidden = shown.length === 0;
    if (shown.length === 0) return;
    const title = unless !== undefined && shown[0] !== all[0] ? unless : usual;
    const lines = shown.map(({ key, name }) => ({ name, values: points.map((point) => point[key] ?? null) }));
    const format = FORMATS[unit];
    const scale = unit === 'bytes' ? 2 ** 20 : 1;
    const values = lines.map(({ name, values }) => {
      const value = values.at(-1);
      return `${lines.length > 1 ? `${name} ` : ''}${format(value == null ? value : value / scale)}`;
    });
    this.#title.textContent = title;
    this.#value.textContent = values.join(', ');
    this.#holder.setAttribute('aria-label', `${title}, over time, now ${values.join(', ')}`);
    const chart = { unit, lines, seconds: points.map(({ atMs }) => atMs / 1000), phases: phaseStarts };
    const keys = shown.map(({ key }) => key).join();
    if (isNew || keys !== this.#keys) this.#plot = drawTime(this.#holder, chart);
    else this.#plot.setData([chart.seconds, ...drawn(chart)]);
    this.#keys = keys;
  }
}

const charts = JSON.parse(byId('data').textContent).map((spec) => new LiveChart(spec));
const drawCharts = (isNew = false) => {
  for (const chart of charts) chart.draw(isNew);
};
const dark = matchMedia('(prefers-color-scheme: dark)');
const onColors = () => drawCharts(true);
dark.addEventListener('change', onColors);

let phases = [];

const heard = {
  run(run) {
    document.querySelector('article').hidden = false;
    document.title = `Running: ${run.name}`;
    byId('name').textContent = run.name;
    byId('summary').textContent = run.summary;
    byId('facts').textContent = [run.position, run.facts].filter((text) => text !== '').join(', ');
    ({ phases } = run);
    phaseStarts.splice(
      0,
      Infinity,
      ...phases.flatMap(({ startSeconds }) => (startSeconds === undefined ? [] : [startSeconds])),
    );
    byId('phases').replaceChildren(
      ...phases.map(({ label, state, outcome, broken = [] }) => {
        const details = outcome === undefined ? [] : [element('small', {}, ` ${outcome}`)];
        const rules = broken.map((text) => element('p', { class: 'bad' }, `✗ ${text}`));
        const mark = state === 'running' ? { 'aria-current': 'step' } : {};
        return element('li', { class: state, ...mark }, label, ...details, ...rules);
      }),
    );
  },
  points({ isFirst, points: more }) {
    points = isFirst ? more : [...points, ...more];
    drawCharts();
  },
  now({ bars, numbers, phaseSeconds, runSeconds }) {
    const index = phases.findIndex(({ state }) => state === 'running');
    byId('now').textContent =
      index === -1
        ? points.length === 0
          ? 'Starting'
          : `Between phases, ${runSeconds.toFixed(0)} s into the run`
        : `Phase ${index + 1} of ${phases.length}, ${phaseSeconds?.toFixed(1) ?? 0} s: ${phases[index].label}`;
    byId('bars').replaceChildren(
      ...bars.flatMap(({ name, share, text }) => [
        element('span', {}, name),
        element('progress', { value: String(share), max: '1', 'aria-label': name }),
        element('span', {}, text),
      ]),
    );
    byId('numbers').replaceChildren(
      ...numbers.map(([name, value]) =>
        element('div', {}, element('dt', {}, name), element('dd', {}, value)),
      ),
    );
  },
  earlier(runs) {
    byId('earlier').hidden = runs.length === 0;
    byId('earlier')
      .querySelector('ul')
      .replaceChildren(
        ...runs.map(({ verdict, sign, word, name, outcome }) =>
          element(
            'li',
            {},
            element('span', { class: `badge ${verdict}` }, `${sign} ${word}`),
            ` ${name}: ${outcome}`,
          ),
        ),
      );
  },
  report({ title, main, charts: data }) {
    source.close();
    dark.removeEventListener('change', onColors);
    document.title = title;
    byId('main').innerHTML = reportPolicy.createHTML(main);
    drawReport(data);
    showState(
      'The run has ended, and bench with it. This is its report: it stays until you close or reload this page. To keep one, run bench with --html FILE.',
    );
  },
};

const source = new EventSource('events');
source.addEventListener('open', () => showState(''));
source.addEventListener('error', () =>
  showState(
    'The connection to bench is lost: bench was ended before its report, or is out of reach. This page keeps trying.',
    'warn',
  ),
);
for (const [kind, hear] of Object.entries(heard))
  source.addEventListener(kind, ({ data }) => hear(JSON.parse(data)));
