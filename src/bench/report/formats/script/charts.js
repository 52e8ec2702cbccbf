// Charts of a report, in the browser. `uPlot` is on the page.

const SERIES = ['--series-1', '--series-2', '--series-3'];
/** Told apart without colour as well: on the chart, and in its legend. */
const DASHES = [undefined, [8, 4], [2, 4]];
const SWATCHES = ['solid', 'dashed', 'dotted'];

/** What follows the size of each chart. */
const observed = new WeakMap();

const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const milliseconds = (value) =>
  value == null
    ? '–'
    : value >= 1000
      ? `${+(value / 1000).toFixed(2)} s`
      : `${+value.toFixed(value < 10 ? 2 : 0)} ms`;
const counted = (value) => (value == null ? '–' : Math.round(value).toLocaleString('en-US'));
const mebibytes = (value) => (value == null ? '–' : `${+value.toFixed(1)} MiB`);

/** How the values of a unit are written. */
export const FORMATS = { count: counted, ms: milliseconds, bytes: mebibytes };

/** A plugin that marks places with dashed lines, and has `draw` write above the chart. */
function marksBy(draw) {
  return {
    hooks: {
      draw: [
        (plot) => {
          const { ctx, bbox } = plot;
          ctx.save();
          ctx.strokeStyle = color('--rule');
          ctx.fillStyle = color('--muted');
          ctx.font = `${11 * devicePixelRatio}px system-ui, sans-serif`;
          ctx.setLineDash([4, 4]);
          draw({
            ctx,
            /** Draws the line at a value of the x axis. Returns where that is, in pixels. */
            line(value) {
              const x = Math.round(plot.valToPos(value, 'x', true));
              if (x < bbox.left || x > bbox.left + bbox.width) return undefined;
              ctx.beginPath();
              ctx.moveTo(x, bbox.top);
              ctx.lineTo(x, bbox.top + bbox.height);
              ctx.stroke();
              return x;
            },
            write: (text, x) => ctx.fillText(text, x, bbox.top - 5 * devicePixelRatio),
          });
          ctx.restore();
        },
      ],
    },
  };
}

/** Marks the beginning of each phase with a line and its number, as in the list of phases. */
function phaseMarks(phases) {
  return marksBy(({ ctx, line, write }) => {
    ctx.textAlign = 'center';
    // Phases too short for numbers of their own share one.
    const labels = [];
    for (const [index, start] of phases.entries()) {
      const x = line(start);
      if (x === undefined) continue;
      const last = labels.at(-1);
      if (last !== undefined && x - last.x < 22 * devicePixelRatio) last.to = index + 1;
      else labels.push({ x, from: index + 1, to: index + 1 });
    }
    for (const { x, from, to } of labels) write(from === to ? from : `${from}–${to}`, x);
  });
}

function axes(xFormat, yFormat) {
  const common = {
    stroke: color('--muted'),
    grid: { stroke: color('--grid'), width: 1 },
    ticks: { stroke: color('--grid') },
  };
  return [
    { ...common, values: (_, values) => values.map(xFormat) },
    { ...common, size: 74, values: (_, values) => values.map(yFormat) },
  ];
}

/** @returns the plot. */
function draw(
  holder,
  { data, labels, xFormat, yFormat, xLabel, scales, plugins = [], xAxis = {}, isOverTime },
) {
  const [x, y] = axes(xFormat, yFormat);
  const options = {
    width: holder.clientWidth,
    height: 220,
    // Room for the numbers of phases above, and for half of a label at the right.
    padding: [18, 26, 0, 0],
    legend: { markers: { dash: (_, series) => SWATCHES[series - 1] } },
    scales: { x: { time: false }, ...scales },
    axes: [{ ...x, ...xAxis }, y],
    series: [
      { label: xLabel, value: (_, value) => (value == null ? '' : xFormat(value)) },
      ...labels.map((label, index) => ({
        label,
        stroke: color(SERIES[index]),
        width: 2,
        dash: DASHES[index],
        // A value without neighbours has no line.
        points: { show: (plot) => isOverTime && plot.data[0].length <= 60, size: 5 },
        value: (_, value) => yFormat(value),
        spanGaps: false,
      })),
    ],
    plugins,
    hooks: { setLegend: [showValues] },
  };
  observed.get(holder)?.disconnect();
  holder.replaceChildren();
  const plot = new uPlot(options, data, holder);
  // One line is named by the title: its legend is there for the values that are pointed at.
  plot.root.classList.toggle('single', labels.length === 1);
  showValues(plot);
  const resized = new ResizeObserver(() => plot.setSize({ width: holder.clientWidth, height: 220 }));
  resized.observe(holder);
  observed.set(holder, resized);
  return plot;
}

/** The legend has values only while one is pointed at. */
function showValues(plot) {
  plot.root.querySelector('.u-legend').classList.toggle('idle', plot.cursor.idx == null);
}

/** The values of lines as they are drawn. */
export function drawn({ unit, lines }) {
  const scale = unit === 'bytes' ? 2 ** 20 : 1;
  return lines.map(({ values }) => values.map((value) => (value == null ? null : value / scale)));
}

/** Lines over time, with the phases of the run. Returns the plot. */
export function drawTime(holder, chart) {
  const { unit, lines, seconds, phases } = chart;
  return draw(holder, {
    data: [seconds, ...drawn(chart)],
    labels: lines.map(({ name }) => name),
    yFormat: FORMATS[unit],
    xFormat: (value) => `${+value.toFixed(1)} s`,
    xLabel: 'time',
    plugins: [phaseMarks(phases)],
    isOverTime: true,
    scales: {
      x: { time: false, range: (_, __, max) => [0, max] },
      y: { range: (_, __, max) => [0, max > 0 ? max * 1.1 : 1] },
    },
  });
}

/** Lines over something that is not the time; `x` says what. */
function drawLines(holder, chart, values, { range, ...x }) {
  const { unit, lines } = chart;
  draw(holder, {
    data: [values, ...drawn(chart)],
    labels: lines.map(({ name }) => name),
    yFormat: FORMATS[unit],
    isOverTime: true,
    scales: { x: { time: false, range }, y: { range: (_, __, max) => [0, max > 0 ? max * 1.1 : 1] } },
    ...x,
  });
}

/** Lines by load, with the loads at which something happened. */
function drawLoads(holder, chart) {
  const { name, values, marks } = chart.loads;
  drawLines(holder, chart, values, {
    xFormat: counted,
    xLabel: name,
    xAxis: { label: name, labelSize: 22, labelFont: '12px system-ui, sans-serif' },
    plugins: [loadMarks(marks)],
    range: (_, __, max) => [0, max],
  });
}

/** Lines over runs, with a mark at each step. */
function drawRuns(holder, chart) {
  const { names, marked } = chart.runs;
  const indexes = names.map((_, index) => index);
  drawLines(holder, chart, indexes, {
    xFormat: (value) => names[value] ?? '',
    xLabel: 'run',
    // Whole numbers only, and few enough for their names.
    xAxis: { incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000], space: 130 },
    plugins: [phaseMarks(marked)],
    range: (_, min, max) => [min - 0.5, max + 0.5],
  });
}

/** Marks loads with a line and a word. If two words would meet, the first ends where the second begins. */
function loadMarks(marks) {
  return marksBy(({ ctx, line, write }) => {
    for (const [index, { label, at }] of marks.entries()) {
      const x = line(at);
      ctx.textAlign = index === 0 && marks.length > 1 ? 'right' : 'left';
      if (x !== undefined) write(label, x);
    }
  });
}

/** The duration within which a share of all stayed, beside what rules ask for, the share on an axis that opens up towards 100 %. */
function drawShares(holder, { lines: [{ name }], shares: { histogram, limits } }) {
  const { buckets, count, max } = histogram;
  const xs = [0];
  const ys = [histogram.min];
  let seen = 0;
  for (let index = 0; index < buckets.length; index += 2) {
    seen += buckets[index + 1];
    const share = Math.min(seen / count, 1 - 1 / (2 * count));
    xs.push(-Math.log10(1 - share));
    ys.push(Math.min(bucketMs(buckets[index]), max));
  }
  draw(holder, {
    data: [xs, ys, ...limits.map(({ ms }) => xs.map(() => ms))],
    labels: [name, ...limits.map(({ label }) => label)],
    yFormat: milliseconds,
    xFormat: (value) => `${+(100 * (1 - 10 ** -value)).toFixed(Math.max(0, Math.ceil(value) - 1))}%`,
    xLabel: 'share',
    xAxis: {
      label: 'percentile, stretched towards 100%',
      labelSize: 22,
      labelFont: '12px system-ui, sans-serif',
      splits: (_, __, min, maximum) =>
        Array.from({ length: Math.floor(maximum) + 1 }, (_, nines) => nines).filter((nines) => nines >= min),
    },
    scales: { y: { range: (_, __, maximum) => [0, maximum * 1.1] } },
  });
}

/** The middle of a bucket of a histogram, as the schema of the JSON report describes it. */
function bucketMs(bucket) {
  if (bucket < 128) return (bucket + 0.5) / 1000;
  const shift = Math.floor(bucket / 128) - 1;
  return (((bucket % 128) + 128.5) * 2 ** shift) / 1000;
}

/** Draws all charts of a report that is on the page, and again when the colors change. */
export function drawReport(charts) {
  const drawAll = () => {
    for (const holder of document.querySelectorAll('[data-chart]')) {
      const chart = charts[Number(holder.dataset.index)];
      if (chart.loads !== undefined) drawLoads(holder, chart);
      else if (chart.runs !== undefined) drawRuns(holder, chart);
      else if (chart.shares === undefined) drawTime(holder, chart);
      else drawShares(holder, chart);
    }
    document.documentElement.dataset.drawn = 'true';
  };
  drawAll();
  focusWhatScrolls();
  addEventListener('resize', focusWhatScrolls);
  // What is folded away has no width until it is opened.
  for (const folded of document.querySelectorAll('details'))
    folded.addEventListener('toggle', focusWhatScrolls);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', drawAll);
}

/** A stop of the Tab key, and a word about it, only where there is something to scroll. */
function focusWhatScrolls() {
  for (const region of document.querySelectorAll('.scroll')) {
    const scrolls = region.scrollWidth > region.clientWidth;
    region.toggleAttribute('data-scrolls', scrolls);
    if (scrolls) region.setAttribute('tabindex', '0');
    else region.removeAttribute('tabindex');
  }
}
