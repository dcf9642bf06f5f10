/** One kind of chart for every card: up to two minutes, scrolling, with gaps where nothing was heard. */
import uPlot from "/prism/assets/uplot.js";
import { clock, plain } from "/format.js";

/** Seconds that a chart shows: as far back as there is something to see, within these bounds. */
const shortest = 30;
const longest = 120;
/** Samples come once a second; more than this many seconds between two is a gap. */
const hole = 2.5;

const dark = matchMedia("(prefers-color-scheme: dark)");
let palette = getComputedStyle(document.documentElement);
const colour = (name) => palette.getPropertyValue(`--${name}`).trim();

/** The samples that all charts share, oldest first. `edge` is the time at the charts' right side, in seconds. */
export const timeline = { samples: [], edge: Date.now() / 1000, heard: performance.now() };

/** Adds samples, whatever order and however often they come: the live ones and the server's history overlap. */
export function add(samples) {
  const byTime = new Map([...timeline.samples, ...samples].map((sample) => [sample.at, sample]));
  timeline.samples = [...byTime.values()].toSorted((a, b) => a.at - b.at).slice(-600);
  timeline.heard = performance.now();
  timeline.edge = timeline.samples.at(-1).at / 1000;
}

/** How many seconds are in sight. */
function span() {
  const first = timeline.samples[0]?.at / 1000;
  return Math.min(longest, Math.max(shortest, Math.ceil(timeline.edge - first) || 0));
}

/** The moments that the time axis names, in seconds before its end. */
function marks() {
  const seconds = span();
  const step = seconds <= 40 ? 10 : seconds <= 70 ? 15 : 30;
  return [3, 2, 1, 0].map((steps) => steps * step).filter((ago) => ago < 0.9 * seconds);
}

/** Moves the right edge on while nothing is heard, so that the gap is seen to grow, and stops before all is gone. */
export function drift() {
  const last = timeline.samples.at(-1);
  if (last) timeline.edge = last.at / 1000 + Math.min(longest / 2, (performance.now() - timeline.heard) / 1000);
}

/** The stretches of the timeline in which nothing was heard, in seconds. */
function gaps() {
  const found = [];
  const times = [...timeline.samples.map(({ at }) => at / 1000), timeline.edge];
  for (let i = 1; i < times.length; i++) {
    if (times[i] - times[i - 1] > hole) found.push([times[i - 1], times[i]]);
  }
  return found;
}

/** Columns as uPlot wants them, with a row of nothing in each gap so that no line is drawn across it. */
function columns(series) {
  const from = (timeline.edge - longest - 2) * 1000;
  const rows = [];
  let last;
  for (const sample of timeline.samples) {
    if (sample.at < from) continue;
    if (last && sample.at - last.at > hole * 1000) rows.push({ at: last.at + 1000, empty: true });
    rows.push(sample);
    last = sample;
  }
  return [
    rows.map(({ at }) => at / 1000),
    ...series.map(({ value }) => rows.map((row) => (row.empty ? null : value(row)))),
  ];
}

/** Shades the gaps, so that silence looks like silence and not like zero. */
const silence = {
  hooks: {
    drawClear: (plot) => {
      const { ctx, bbox } = plot;
      for (const [from, to] of gaps()) {
        const left = Math.max(bbox.left, plot.valToPos(from, "x", true));
        const right = Math.min(bbox.left + bbox.width, plot.valToPos(to, "x", true));
        if (right <= left) continue;
        ctx.save();
        ctx.fillStyle = colour("gap");
        ctx.fillRect(left, bbox.top, right - left, bbox.height);
        if (right - left > 60 * devicePixelRatio) {
          ctx.fillStyle = colour("muted");
          ctx.font = `${10 * devicePixelRatio}px ${palette.fontFamily}`;
          ctx.textAlign = "center";
          ctx.fillText("no data", (left + right) / 2, bbox.top + 14 * devicePixelRatio);
        }
        ctx.restore();
      }
    },
  },
};

const all = [];

/**
 * Draws series into a card.
 *
 * @param card The card's element, with `.now`, `.legend` and `.plot` in it.
 * @param options.series `{ label, color, value(sample), text(value), fill?, width?, dash?, quiet? }` each; a quiet one has no legend, one of no width no line.
 * @param options.top The scale's upper end for the largest value in sight.
 * @param options.parts Into how many parts the grid cuts the vertical scale, where there is room.
 * @param options.tick How the vertical axis says a value.
 * @param options.now What the card says in large, for a sample.
 * @param options.shown Called with the sample that the card tells about: the one under the pointer, or the last.
 */
export function chart(card, { series, top, parts = 2, tick, now, shown }) {
  const holder = card.querySelector(".plot");
  const headline = card.querySelector(".now");
  const title = card.querySelector("h2").textContent;
  const values = series
    .filter(({ quiet }) => !quiet)
    .map((entry) => {
      const item = document.createElement("li");
      if (entry.width !== 0) {
        const swatch = document.createElement("span");
        swatch.className = "swatch";
        swatch.style.setProperty("--series", `var(--${entry.color})`);
        item.append(swatch);
      }
      const value = document.createElement("b");
      item.append(entry.label, value);
      card.querySelector(".legend").append(item);
      return { entry, value };
    });
  const when = document.createElement("span");
  when.className = "when";
  headline.before(when);

  const axis = { stroke: () => colour("muted"), ticks: { show: false }, font: `11px ${palette.fontFamily}` };
  const grid = { stroke: () => colour("grid"), width: 1 };
  const plot = new uPlot(
    {
      width: holder.clientWidth || 300,
      height: holder.clientHeight || 120,
      padding: [7, 14, 0, 0],
      legend: { show: false },
      cursor: {
        sync: { key: "machine", setSeries: false },
        y: false,
        // Far from any sample, in a gap or before the first, there is nothing to point at.
        dataIdx: (self, series, closest, at) => (Math.abs(self.data[0][closest] - at) < 0.6 ? closest : null),
        drag: { x: false, y: false },
        points: {
          size: (self, i) => (series[i - 1].quiet ? 0 : 6),
          width: 0,
          fill: (self, i) => colour(series[i - 1].color),
        },
      },
      scales: {
        x: { time: false, range: () => [timeline.edge - span(), timeline.edge] },
        y: { range: (self, low, high) => [0, top(high ?? 0)] },
      },
      axes: [
        {
          ...axis,
          grid: { show: false },
          size: 22,
          gap: 4,
          splits: () => marks().map((ago) => timeline.edge - ago),
          values: (self, at) =>
            at.map((time) => {
              const ago = Math.round(timeline.edge - time);
              return ago === 0 ? "now" : `−${ago} s`;
            }),
        },
        {
          ...axis,
          grid,
          size: 54,
          gap: 6,
          splits: (self, index, low, high) => {
            const steps = self.height < 130 ? 2 : parts;
            return Array.from({ length: steps + 1 }, (_, step) => (high * step) / steps);
          },
          values: (self, marks) => marks.map((mark) => plain(tick(mark))),
        },
      ],
      series: [
        {},
        ...series.map((entry) => ({
          stroke: () => colour(entry.color),
          width: entry.width ?? 1.5,
          ...(entry.fill ? { fill: () => `${colour(entry.color)}${entry.fill}` } : {}),
          ...(entry.dash ? { dash: entry.dash } : {}),
          alpha: entry.alpha ?? 1,
          points: { show: false },
          spanGaps: false,
        })),
      ],
      hooks: { setCursor: [() => tell()] },
      plugins: [silence],
    },
    columns(series),
    holder,
  );

  /** Says in words what the chart shows: under the pointer where there is one, else now. */
  function tell() {
    const last = timeline.samples.at(-1);
    const at = plot.cursor.left < 0 ? undefined : plot.posToVal(plot.cursor.left, "x") * 1000;
    const sample = (at && timeline.samples.find((each) => Math.abs(each.at - at) < 600)) || last;
    for (const { entry, value } of values) {
      const number = entry.value(sample);
      value.textContent = number == null ? "–" : entry.text(number);
    }
    when.textContent = sample === last ? "" : clock(sample.at);
    headline.textContent = now(sample);
    shown?.(sample);
    holder.setAttribute("aria-label", `${title}, the last two minutes at most; now ${now(last)}`);
  }

  new ResizeObserver(() => plot.setSize({ width: holder.clientWidth, height: holder.clientHeight })).observe(holder);
  all.push(() => {
    plot.setData(columns(series));
    tell();
  });
}

let asked = false;
/** Draws every chart once in the next frame, however often it is asked. */
export function draw() {
  if (asked) return;
  asked = true;
  requestAnimationFrame(() => {
    asked = false;
    for (const redraw of all) redraw();
  });
}

dark.addEventListener("change", () => {
  palette = getComputedStyle(document.documentElement);
  draw();
});
