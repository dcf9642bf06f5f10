import { describe, expect, test } from "vitest";
import { writeChart } from "../../bench/report/chart.ts";
import { goals, judge } from "../../bench/report/goals.ts";
import { format, short } from "../../bench/report/numbers.ts";
import { writeResults } from "../../bench/report/results.ts";
import { kindOf, toSamples } from "../../bench/report/systems.ts";
import { kept, makeKept, makeTable } from "./fixtures/sections.ts";

/* The page and the chart, from figures that are made up. */

const page = writeResults(kept);

function rowOf(system: string, bound: string): string | undefined {
  return page.split("\n").find((line) => line.includes(`| ${system} | ${bound} |`));
}

describe("a goal", () => {
  test("that every round meets is met", () => {
    expect(rowOf("Prism, Node 26", "≥ 7 × Socket.IO, Node 26")).toMatch(/ 8.4 \(7.84–8.46\) \| met \|$/);
  });

  test("that not every round meets says how many do", () => {
    expect(rowOf("Prism, Node 20", "≥ 14 × tRPC, Node 20")).toMatch(
      / 14.3 \(13.2–15.5\) \| met, 2 of 3 rounds meet it \|$/,
    );
  });

  test("that is missed says so", () => {
    expect(rowOf("Prism, Node 20", "≥ 0.8 × ws corked, Node 20")).toMatch(
      / 0.75 \(0.744–0.756\) \| \*\*missed\*\* \|$/,
    );
  });

  test("of which nothing is known says so", () => {
    expect(rowOf("Prism, core and rpc", "≤ 4,600 bytes")).toMatch(/ not measured \| {2}\|$/);
    expect(rowOf("Prism, Node 26", "≥ 20 × Socket.IO, Node 26")).toMatch(/ not measured \| {2}\|$/);
  });

  test("that is to be under another is missed by as much", () => {
    const [, goal] = goals.filter(({ section }) => section === "idle-memory");
    const bytes = { "Prism, Node 20": [100, 100], "Socket.IO, Node 20": [100, 101] };
    const section = makeKept("idle-memory", [makeTable({ connections: 10_000, bytes }, bytes)]);
    expect(judge(goal!, [section])).toMatchObject({ reached: "0.99 (0.99–1)", met: true, rounds: 1, of: 2 });
  });

  test.each([
    [
      "samples that are none",
      { "Prism, Node 20": [1, Number.NaN], "Socket.IO, Node 20": [1, 1] },
      /no list of numbers/,
    ],
    ["rounds in which only one had its turn", { "Prism, Node 20": [1, 1], "Socket.IO, Node 20": [1] }, /2 turns/],
  ])("is not judged by %s", (_, bytes, message) => {
    const section = makeKept("idle-memory", [makeTable({ connections: 10_000, bytes }, {})]);
    expect(() => writeResults([section])).toThrow(message);
  });

  test("is not judged by one of two tables", () => {
    const [rpc] = kept.filter(({ id }) => id === "rpc");
    expect(() => writeResults([{ ...rpc!, tables: [...rpc!.tables, ...rpc!.tables] }])).toThrow(/2 tables/);
  });
});

describe("the page", () => {
  test("has the sections in the order in which they run, each with its day and its effort", () => {
    const headings = page.split("\n").filter((line) => line.startsWith("## "));
    expect(headings).toEqual(["## Goals", "## Machine", "## Title of rpc", "## Title of fan-out"]);
    expect(page).toContain("2001-01-01, with `--rounds 3`.");
  });

  test("follows from the sections alone", () => {
    expect(writeResults(kept.toReversed())).toBe(page);
  });

  test("tells of each machine what was measured there", () => {
    const [first, second] = kept;
    const machine = { ...second!.machine, cpu: "Another" };
    expect(page).toContain(
      "\nA made-up processor, 2 cores, 8 GiB, Linux 6.1.\nNode 20.0.0, Bun 1.0.0, socket.io 4.0.0.\n",
    );
    const two = writeResults([first!, { ...second!, machine }]);
    expect(two).toContain("rpc: Another, 2 cores");
    expect(two).toContain("fan-out: A made-up processor, 2 cores");
  });

  test("can be written while nothing is kept", () => {
    expect(writeResults([])).toContain("not measured");
  });
});

describe("the chart", () => {
  const bars = (svg: string): string[] =>
    [...svg.matchAll(/<rect x="(\d+)" y="\d+" width="([\d.]+)" height="13"/g)].map(([, x, width]) => `${x}:${width}`);

  test("has a bar for each system, as long as its median", () => {
    const svg = writeChart(kept, "light");
    // The generator's own limit is none.
    expect(bars(svg)).toHaveLength(17 + 7);
    const widths = bars(svg).map((bar) => Number(bar.split(":")[1]));
    // ws corked and Prism on Node 26: 490 k and 420 k.
    expect(widths[1]! / widths[0]!).toBeCloseTo(420 / 490, 2);
    for (const value of ["490 k", "420 k", "3.00 M"]) expect(svg).toContain(`>${value}</text>`);
  });

  test("is the same on a dark page but for its colours", () => {
    const plain = (svg: string): string => svg.replaceAll(/#[\da-f]{6}/g, "#");
    expect(plain(writeChart(kept, "dark"))).toBe(plain(writeChart(kept, "light")));
    expect(writeChart(kept, "dark")).not.toBe(writeChart(kept, "light"));
  });

  test("says what was not measured", () => {
    expect(writeChart([], "light").match(/>not measured yet</g)).toHaveLength(2);
  });

  test("refuses a system of a runtime that it does not know", () => {
    const rates = { "Prism, Node 21": [1] };
    const section = makeKept("rpc", [makeTable({ case: "schema", inFlight: 16, rates }, rates)]);
    expect(() => writeChart([section], "light")).toThrow(/No runtime is called "Node 21"/);
  });
});

test.each([
  ["Prism, Node 20", "prism"],
  ["ws, Node 20", "control"],
  ["ws corked, Node 26", "control"],
  ["Bun.serve, Bun", "control"],
  ["crossws, Node 20", "control"],
  ["raw TCP, Node 20", "control"],
  ["Socket.IO, Node 20", "peer"],
])("%s is a %s", (system, kind) => {
  expect(kindOf(system)).toBe(kind);
});

test("labels of rows become names that goals know, and others are left out", () => {
  const labels = [
    "Prism, schema · Node 20.20.2",
    "ws echo, corked · Node 26.1.0",
    "Bun.serve · Bun",
    "tRPC · Node 26.1.0",
  ];
  const names = ["Prism, Node 20", "ws corked, Node 26", "Bun.serve, Bun"];
  expect(Object.keys(toSamples(labels.map((label) => [label, [1]])))).toEqual(names);
  expect(() => toSamples([["tRPC · Node 26.1.0", [1]]])).toThrow(/No system/);
});

test("numbers keep three digits, and thousands apart", () => {
  expect([1_234_567.8, 99.94, 0.81234, 1, 0].map(format)).toEqual(["1,234,568", "99.9", "0.812", "1", "0"]);
  expect([1_234_567, 999_600, 93_400, 9_340].map(short)).toEqual(["1.23 M", "1.00 M", "93 k", "9,340"]);
});
