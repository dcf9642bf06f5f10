import { median, quantile, type Samples } from "../harness/rounds.ts";
import type { Kept } from "../harness/section.ts";
import { type BySystem, findSamples } from "./keys.ts";
import { short } from "./numbers.ts";
import { type Kind, kindOf } from "./systems.ts";

/** The page that the chart is shown on. */
export type Theme = "light" | "dark";

type Colours = Readonly<Record<Kind | "text" | "faint" | "spread", string>>;

// The background is the page's own; text has GitHub's colours.
const themes: Readonly<Record<Theme, Colours>> = {
  light: {
    text: "#1f2328",
    faint: "#59636e",
    spread: "#1f2328",
    prism: "#6d4bd8",
    control: "#a9b4c0",
    peer: "#e0a253",
  },
  dark: { text: "#f0f6fc", faint: "#9198a1", spread: "#f0f6fc", prism: "#a98bff", control: "#5d6773", peer: "#c98a3a" },
};
const kinds: readonly (readonly [Kind, string])[] = [
  ["prism", "Prism"],
  ["control", "controls, which echo or repeat bytes (corked: one write a turn)"],
  ["peer", "other libraries"],
];

/** As wide as a README is on GitHub, in px. */
const WIDTH = 840;
const GAP = 32;
const PANEL = (WIDTH - GAP) / 2;
const LABEL = 170;
const VALUE = 52;
const ROW = 20;
const BAR = 13;
const TOP = 66;

/**
 * The chart of the README: calls, and deliveries, a second on one core.
 *
 * @param kept the sections
 * @returns an SVG document
 */
export function writeChart(kept: readonly Kept[], theme: Theme): string {
  const colours = themes[theme];
  const panels = [
    {
      title: "RPC: calls a second",
      note: "64 connections, 16 calls in flight each, one server core",
      samples: findSamples(kept, "rpc", "rates", { case: "schema", inFlight: 16 }),
    },
    {
      title: "Fan-out: deliveries a second",
      note: "to 1,000 subscribers, 16 publications in flight, one server core",
      samples: findSamples(kept, "fan-out", "rates", { subscribers: 1_000, inFlight: 16 }),
    },
  ];
  const drawn = panels.map(({ title, note, samples }, at) => {
    const x = at * (PANEL + GAP);
    const heading = text(x, 42, title, colours.text, 'font-size="15" font-weight="600"');
    const under = text(x, 59, note, colours.faint, 'font-size="11.5"');
    const { lines, bottom } = drawPanel(x, samples, colours);
    return { lines: [heading, under, ...lines], bottom };
  });
  const bottom = Math.max(...drawn.map((panel) => panel.bottom));
  const height = bottom + 12;
  const label = panels.map(({ title, samples }) => `${title}: ${describe(samples)}`).join(". ");
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img"`,
    `  font-family="-apple-system, BlinkMacSystemFont, 'Segoe UI', 'Noto Sans', Helvetica, Arial, sans-serif" font-size="12.5">`,
    `<title>${escape(label)}</title>`,
    ...drawLegend(colours),
    ...drawn.flatMap(({ lines }) => lines),
    "</svg>",
    "",
  ].join("\n");
}

function drawLegend(colours: Colours): string[] {
  let x = 0;
  const marks = kinds.flatMap(([kind, name]) => {
    const mark = rect(x, 1, 10, 10, colours[kind]);
    const words = text(x + 15, 10.5, name, colours.faint, 'font-size="11.5"');
    // Letters of this size are about 6 px wide.
    x += 15 + name.length * 5.9 + 18;
    return [mark, words];
  });
  const line = `<path d="M${x} 6.5h14" stroke="${colours.spread}" opacity="0.55"/>`;
  return [...marks, line, text(x + 20, 10.5, "least to greatest round", colours.faint, 'font-size="11.5"')];
}

function drawPanel(x: number, samples: BySystem | undefined, colours: Colours): { lines: string[]; bottom: number } {
  if (samples === undefined) {
    return { lines: [text(x, TOP + 24, "not measured yet", colours.faint)], bottom: TOP + 40 };
  }
  const groups = groupByRuntime(samples);
  const most = Math.max(...[...groups.values()].flat().map(([, all]) => quantile(all, 1)));
  const scale = (value: number): number => Math.round((value / most) * (PANEL - LABEL - VALUE) * 10) / 10;
  const lines: string[] = [];
  let y = TOP;
  for (const [runtime, systems] of groups) {
    y += ROW + 4;
    lines.push(text(x, y - 5, runtime, colours.faint, 'font-size="11.5" font-weight="600"'));
    for (const [name, all] of systems) {
      y += ROW;
      const [least, middle, greatest] = [quantile(all, 0), median(all), quantile(all, 1)];
      const kind = kindOf(name);
      const from = x + LABEL;
      const weight = kind === "prism" ? 'font-weight="600"' : "";
      lines.push(
        text(from - 8, y - 6, name.split(", ")[0]!, colours.text, `text-anchor="end" ${weight}`),
        rect(from, y - ROW + 4, Math.max(1, scale(middle)), BAR, colours[kind]),
        `<path d="M${from + scale(least)} ${y - ROW + 4 + BAR / 2}H${from + scale(greatest)}" stroke="${colours.spread}" opacity="0.55"/>`,
        text(from + Math.max(scale(middle), scale(greatest)) + 6, y - 6, short(middle), colours.text, weight),
      );
    }
  }
  return { lines, bottom: y };
}

const runtimes = ["Node 26", "Node 20", "Bun", "Deno"];

/** What ran on the same runtime stands together, the fastest first; the generator's own limit is not among it. */
function groupByRuntime(samples: BySystem): Map<string, [name: string, samples: Samples][]> {
  const groups = new Map<string, [string, Samples][]>(runtimes.map((runtime) => [runtime, []]));
  for (const entry of Object.entries(samples)) {
    const [what = "", runtime = ""] = entry[0].split(", ");
    if (what === "raw TCP") continue;
    const group = groups.get(runtime);
    if (group === undefined) throw new Error(`No runtime is called "${runtime}", of "${entry[0]}"`);
    group.push(entry);
  }
  for (const [runtime, group] of groups) {
    if (group.length === 0) groups.delete(runtime);
    else group.sort(([, a], [, b]) => median(b) - median(a));
  }
  return groups;
}

function describe(samples: BySystem | undefined): string {
  if (samples === undefined) return "not measured yet";
  const all = Object.entries(samples).map(([name, values]) => `${name} ${short(median(values))}`);
  return all.join("; ");
}

function text(x: number, y: number, words: string, fill: string, more = ""): string {
  return `<text x="${Math.round(x * 10) / 10}" y="${y}" fill="${fill}" ${more}>${escape(words)}</text>`.replace(
    " >",
    ">",
  );
}

function rect(x: number, y: number, width: number, height: number, fill: string): string {
  return `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="2" fill="${fill}"/>`;
}

function escape(words: string): string {
  return words.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
