// Charts of the last minutes. `uPlot` is on the page.
import { byId, element, setText } from './dom.js';
import { count, milliseconds } from './text.js';

/** Seconds that are shown. */
const SPAN = 300;
const HEIGHT = 150;
/** From one line of the grid to the next, where half of one would be shown as one. */
const WHOLE_STEPS = Array.from({ length: 10 }, (_, power) =>
  [1, 2, 5].map((digit) => digit * 10 ** power),
).flat();

const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** One line, or a few, over time. */
class Chart {
  #plot;
  #seconds = [];
  #lines = new Map();
  #drawn = '';

  constructor(holder, { title, format }) {
    this.format = format;
    this.value = element('b');
    this.holder = element('div', { role: 'img' });
    this.title = title;
    holder.append(element('figure', {}, element('figcaption', {}, `${title}: `, this.value), this.holder));
    new ResizeObserver(() => this.#resize()).observe(this.holder);
  }

  /** @param values by the name of their line. A new line has no values before. */
  add(second, values) {
    this.#seconds.push(second);
    for (const name of Object.keys(values))
      if (!this.#lines.has(name)) this.#lines.set(name, Array(this.#seconds.length - 1).fill(null));
    for (const [name, line] of this.#lines) line.push(values[name] ?? null);
    if (this.#seconds.length > SPAN)
      for (const line of [this.#seconds, ...this.#lines.values()]) line.shift();
  }

  /** A gap: the server was away. */
  gap(second) {
    this.add(second, {});
  }

  draw() {
    if (this.holder.clientWidth === 0) return;
    const names = [...this.#lines.keys()];
    const said = names
      .map((name) => `${names.length > 1 ? `${name} ` : ''}${this.format(this.#lines.get(name).at(-1) ?? 0)}`)
      .join(', ');
    setText(this.value, said === '' ? 'none' : said);
    this.holder.setAttribute('aria-label', `${this.title} over time, now ${said}`);
    // Another set of lines, or other colors, is another chart.
    const drawn = `${names.join()} ${color('--fg')}`;
    if (drawn !== this.#drawn) {
      this.#drawn = drawn;
      this.#plot?.destroy();
      this.#plot = new uPlot(this.#options(names), this.#data(), this.holder);
    } else this.#plot.setData(this.#data());
  }

  #data() {
    return [this.#seconds, ...this.#lines.values()];
  }

  #resize() {
    if (this.holder.clientWidth > 0) this.#plot?.setSize({ width: this.holder.clientWidth, height: HEIGHT });
  }

  #options(names) {
    const axis = { stroke: color('--muted'), grid: { stroke: color('--grid'), width: 1 } };
    return {
      width: this.holder.clientWidth,
      height: HEIGHT,
      cursor: { show: false },
      legend: { show: names.length > 1, live: false },
      padding: [8, 28, 0, 0],
      scales: { y: { range: (_, __, max) => [0, Math.max(4, max * 1.1)] } },
      axes: [
        { ...axis, values: (_, ticks) => ticks.map((tick) => clock(tick)), space: 70 },
        {
          ...axis,
          ...(this.format === count ? { incrs: WHOLE_STEPS } : {}),
          size: 64,
          values: (_, ticks) => ticks.map(this.format),
        },
      ],
      series: [
        {},
        ...names.map((label, index) => ({
          label,
          stroke: color(`--series-${(index % 4) + 1}`),
          width: 2,
          dash: [undefined, [8, 4], [2, 4]][Math.floor(index / 4) % 3],
          points: { show: false },
        })),
      ],
    };
  }
}

const clock = (second) => new Date(second * 1000).toTimeString().slice(0, 8);

/** The charts of the Server view, from one answer of `GET /v1/stats` to the next. */
export function statsCharts() {
  const holder = byId('charts');
  const charts = {
    connections: new Chart(holder, { title: 'Clients', format: count }),
    deliveries: new Chart(holder, { title: 'Deliveries per second', format: count }),
    delay: new Chart(holder, {
      title: 'Event-loop delay',
      format: milliseconds,
    }),
    conflated: new Chart(holder, { title: 'Cursors conflated per second', format: count }),
    closes: new Chart(holder, {
      title: 'Closes per second, by code',
      format: (value) => String(+value.toFixed(1)),
    }),
  };
  let before;
  return {
    add(stats, second) {
      // The first, or of a server that was started again.
      const isNew = before === undefined || stats.uptimeMs < before.stats.uptimeMs;
      const seconds = isNew ? 1 : Math.max(0.1, (stats.uptimeMs - before.stats.uptimeMs) / 1000);
      const rate = (now, then) => (isNew ? 0 : Math.max(0, (now - (then ?? 0)) / seconds));
      charts.connections.add(second, { clients: stats.connections });
      charts.deliveries.add(second, { deliveries: rate(stats.deliveries, before?.stats.deliveries) });
      const { eventLoopDelayP99Ms: p99, eventLoopDelayRecentMaxMs: longest } = stats.process;
      charts.delay.add(second, { p99, latest: longest });
      charts.conflated.add(second, { conflated: rate(stats.conflated, before?.stats.conflated) });
      charts.closes.add(
        second,
        Object.fromEntries(
          Object.entries(stats.closed).map(([code, closed]) => [
            code,
            rate(closed, before?.stats.closed[code]),
          ]),
        ),
      );
      before = { stats };
    },
    gap(second) {
      before = undefined;
      for (const chart of Object.values(charts)) chart.gap(second);
    },
    draw() {
      for (const chart of Object.values(charts)) chart.draw();
    },
  };
}
