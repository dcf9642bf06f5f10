import { describe, expect, test } from "vitest";
import { type Account, Ledger, nothing, readStamp, reconcile, writeStamp } from "./ledger.ts";
import { Random } from "../fuzz/random.ts";

/** What becomes of `sent` messages when these come. */
function become(sent: number, came: readonly number[]) {
  const [sender, receiver] = [new Ledger(), new Ledger()];
  for (let i = 0; i < sent; i++) sender.stamp("a", "x");
  for (const sequence of came) receiver.take({ sender: "a", channel: "x", sequence });
  return reconcile([sender.page(), receiver.page()]);
}

describe("what becomes of five messages", () => {
  test.each([
    ["all come", [0, 1, 2, 3, 4], { delivered: 5 }],
    ["none comes", [], { lost: 5 }],
    ["the first is lost", [1, 2, 3, 4], { delivered: 4, lost: 1 }],
    ["one is lost in between", [0, 1, 3, 4], { delivered: 4, lost: 1 }],
    ["the last ones are lost", [0, 1, 2], { delivered: 3, lost: 2 }],
    ["one comes twice at once", [0, 1, 1, 2, 3, 4], { delivered: 4, twice: 1 }],
    ["one comes three times", [0, 1, 2, 1, 3, 1, 4], { delivered: 4, twice: 2 }],
    ["a replay goes back too far", [0, 1, 2, 1, 2, 3, 4], { delivered: 3, twice: 2 }],
    ["two are swapped", [0, 2, 1, 3, 4], { delivered: 5, outOfOrder: 1 }],
    ["all come the other way round", [4, 3, 2, 1, 0], { delivered: 5, outOfOrder: 4 }],
    ["one comes late, twice", [0, 2, 1, 1, 3, 4], { delivered: 4, twice: 1, outOfOrder: 1 }],
    ["one comes that nobody has sent", [0, 1, 2, 3, 4, 5], { delivered: 5, unsent: 1 }],
    ["one comes that nobody has sent, with a gap", [0, 1, 2, 3, 4, 7], { delivered: 5, unsent: 1 }],
    ["all at once", [1, 3, 2, 2, 6], { delivered: 2, lost: 2, twice: 1, outOfOrder: 1, unsent: 1 }],
  ] as const)("%s", (_, came, expected) => {
    expect(become(5, came)).toEqual({ ...nothing, sent: 5, ...expected });
  });
});

test("what is planted is found, wherever it is", () => {
  const random = new Random(7);
  for (let round = 0; round < 200; round++) {
    const sent = random.between(50, 500);
    const came = Array.from({ length: sent }, (_, sequence) => sequence);
    const lost = new Set(Array.from({ length: random.below(10) }, () => random.below(sent)));
    const kept = came.filter((one) => !lost.has(one));
    // A duplicate behind the original, somewhere.
    const twice = random.below(5);
    const repeated = new Set<number>();
    for (let i = 0; i < twice; i++) {
      const at = random.below(kept.length);
      repeated.add(kept[at]!);
      kept.splice(random.between(at + 1, kept.length), 0, kept[at]!);
    }
    expect(become(sent, kept)).toEqual({
      ...nothing,
      sent,
      delivered: sent - lost.size - repeated.size,
      lost: lost.size,
      twice,
    });
  }
});

test("a ledger can be torn and pasted at any place, by way of JSON, and nothing is forgotten", () => {
  const came = [0, 2, 2, 1, 5, 5, 4, 9];
  const whole = become(12, came);
  for (let at = 0; at <= came.length; at++) {
    const sender = new Ledger();
    for (let i = 0; i < 12; i++) sender.stamp("a", "x");
    const nodes = [new Ledger(), new Ledger()] as const;
    for (const sequence of came.slice(0, at)) nodes[0].take({ sender: "a", channel: "x", sequence });
    nodes[1].paste(JSON.parse(JSON.stringify(nodes[0].tear(["x"]))) as ReturnType<Ledger["page"]>);
    for (const sequence of came.slice(at)) nodes[1].take({ sender: "a", channel: "x", sequence });
    expect(reconcile([sender.page(), nodes[0].page(), nodes[1].page()])).toEqual(whole);
  }
});

test("the sender's count goes along when it is torn", () => {
  const [one, two] = [new Ledger(), new Ledger()];
  one.stamp("a", "x");
  two.paste(one.tear(["x"]));
  expect(readStamp(two.stamp("b", "x"))).toEqual({ sender: "b", channel: "x", sequence: 1 });
  expect([one.sentOn("x"), two.sentOn("x")]).toEqual([0, 2]);
});

test("two ends that both have a channel are found out", () => {
  const [one, two] = [new Ledger(), new Ledger()];
  for (const ledger of [one, two]) ledger.take({ sender: "a", channel: "x", sequence: 0 });
  expect(() => reconcile([one.page(), two.page()])).toThrow("Two ends have x");
});

test("channels do not mix", () => {
  const [sender, receiver] = [new Ledger(), new Ledger()];
  for (const channel of ["x", "y", "x", "y", "z"]) {
    const stamp = readStamp(sender.stamp("a", channel));
    if (channel !== "z") receiver.take(stamp);
  }
  expect(reconcile([sender.page(), receiver.page()])).toEqual({ ...nothing, sent: 5, delivered: 4, lost: 1 });
  expect(reconcile([sender.page(["x"]), receiver.page(["x"])])).toEqual({ ...nothing, sent: 2, delivered: 2 });
});

test("a message's text comes back, and what is none is refused", () => {
  const stamp = { sender: "n1", channel: "c7.2>", sequence: 123_456 };
  expect(readStamp(writeStamp(stamp))).toEqual(stamp);
  expect(() => readStamp("x")).toThrow("Not a message");
  expect(() => new Ledger().take({ ...stamp, sequence: Number.NaN })).toThrow("No sequence number");
  expect(() => new Ledger().take({ ...stamp, sequence: 5_000_000 })).toThrow("came where 0 was due");
});

test("a million messages each way over 100 channels cost little, in time and memory", () => {
  const [one, two] = [new Ledger(), new Ledger()];
  const channels = Array.from({ length: 200 }, (_, i) => `c${i >> 1}.0${i % 2 ? ">" : "<"}`);
  const started = performance.now();
  for (let i = 0; i < 2_000_000; i++) {
    const channel = channels[i % 200]!;
    if (i % 2) two.take(readStamp(one.stamp("c", channel)));
    else one.take(readStamp(two.stamp("s", channel)));
  }
  const pages = [one.page(), two.page()];
  expect(reconcile(pages)).toEqual({ ...nothing, sent: 2_000_000, delivered: 2_000_000 });
  const accounts: Account[] = pages.flatMap(({ received }) => Object.values(received));
  expect(accounts.flatMap(({ missing, repeated }) => [...missing, ...repeated])).toEqual([]);
  expect(JSON.stringify(pages).length).toBeLessThan(30_000);
  console.log(`2,000,000 messages noted at both ends in ${Math.round(performance.now() - started)} ms`);
});
