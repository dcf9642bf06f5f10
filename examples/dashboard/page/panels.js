/** The six cards that draw the machine. */
import { chart } from "/charts.js";
import { bytes, milliseconds, percent, rate } from "/format.js";

const card = (id) => document.getElementById(id);
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / (values.length || 1);
/** Said where the platform, or a runtime's permissions, hide a number. */
const unknown = "not told here";
const hues = ["blue", "teal", "amber", "violet", "rose", "green", "cyan", "brown"];

/** The smallest of 1, 2 and 5 times a power of ten that is above a value, so that scales seldom change. */
function round(value, least) {
  const wanted = Math.max(value * 1.15, least);
  const power = 10 ** Math.floor(Math.log10(wanted));
  return [1, 2, 5, 10].map((step) => Number((step * power).toPrecision(1))).find((step) => step >= wanted);
}

/** Draws the cards. Called once, with the first sample, which tells how many cores there are. */
export function panels(first) {
  cpu(first.cores.length);

  chart(card("memory"), {
    series: [
      { label: "Used", color: "violet", fill: "26", value: ({ memory }) => memory.used, text: bytes },
      ...(first.memory.swapTotal > 0
        ? [{ label: "Swap", color: "rose", value: ({ memory }) => memory.swapUsed, text: bytes }]
        : []),
      { label: "This server", color: "teal", value: ({ memory }) => memory.process, text: bytes },
    ],
    top: () => first.memory.total || 1,
    parts: 4,
    tick: (value) => percent((100 * value) / (first.memory.total || 1)),
    now: ({ memory }) =>
      memory.total ? `${percent((100 * memory.used) / memory.total)} of ${bytes(memory.total)}` : unknown,
  });

  chart(card("load"), {
    series: [
      {
        label: "1 m",
        color: "blue",
        fill: "1f",
        value: ({ load }) => load?.[0] ?? null,
        text: (value) => value.toFixed(2),
      },
      { label: "5 m", color: "teal", value: ({ load }) => load?.[1] ?? null, text: (value) => value.toFixed(2) },
      { label: "15 m", color: "amber", value: ({ load }) => load?.[2] ?? null, text: (value) => value.toFixed(2) },
    ],
    top: (high) => round(high, 0.8),
    tick: String,
    now: ({ load }) => (load ? load[0].toFixed(2) : unknown),
  });

  chart(card("network"), {
    series: [
      { label: "In", color: "teal", fill: "26", value: ({ network }) => network?.in ?? null, text: rate },
      { label: "Out", color: "violet", value: ({ network }) => network?.out ?? null, text: rate },
    ],
    top: (high) => round(high, 1000),
    tick: rate,
    now: ({ network }) => (network ? rate(network.in + network.out) : unknown),
  });

  chart(card("delay"), {
    series: [
      { label: "Worst", color: "amber", fill: "26", value: ({ delay }) => delay.max, text: milliseconds },
      { label: "Mean", color: "blue", value: ({ delay }) => delay.mean, text: milliseconds },
    ],
    top: (high) => round(high, 4),
    tick: (value) => `${value} ms`,
    now: ({ delay }) => milliseconds(delay.mean),
  });

  chart(card("prism"), {
    series: [
      {
        label: "Frames out",
        color: "blue",
        fill: "1f",
        value: ({ prism }) => prism.sent,
        text: (value) => `${value}/s`,
      },
      { label: "Frames in", color: "teal", value: ({ prism }) => prism.received, text: (value) => `${value}/s` },
    ],
    top: (high) => round(high, 8),
    tick: (value) => `${value}/s`,
    now: ({ prism }) => `${prism.connections} open`,
  });
}

/** The mean as an area, each core as a thin line over it, and below them a meter for each core. */
function cpu(count) {
  const hue = (core) => (count <= hues.length ? hues[core] : "faint");
  const list = card("cpu").querySelector(".cores");
  list.classList.toggle("many", count > 32);
  const meters = Array.from({ length: count }, (_, core) => {
    const item = document.createElement("li");
    item.style.setProperty("--series", `var(--${count <= hues.length ? hue(core) : "blue"})`);
    const name = document.createElement("span");
    name.textContent = count <= 8 ? `Core ${core}` : `${core}`;
    const bar = document.createElement("i");
    bar.setAttribute("aria-hidden", "true");
    const value = document.createElement("b");
    item.append(name, bar, value);
    list.append(item);
    return { item, value };
  });

  chart(card("cpu"), {
    series: [
      ...meters.map((_, core) => ({
        quiet: true,
        color: hue(core),
        width: 1,
        alpha: Math.max(0.15, Math.min(0.85, 8 / count)),
        value: ({ cores }) => cores[core] ?? null,
      })),
      { label: "All cores", color: "ink", fill: "14", width: 2, value: ({ cores }) => mean(cores), text: percent },
      { label: "Busiest", color: "ink", width: 0, value: ({ cores }) => Math.max(0, ...cores), text: percent },
    ],
    top: () => 100,
    parts: 4,
    tick: (value) => `${value} %`,
    now: ({ cores }) => (cores.length ? percent(mean(cores)) : unknown),
    shown: ({ cores }) => {
      for (const [core, { item, value }] of meters.entries()) {
        const busy = cores[core] ?? 0;
        item.style.setProperty("--busy", String(busy / 100));
        item.title = `Core ${core}: ${percent(busy)}`;
        value.textContent = percent(busy);
      }
    },
  });
}
