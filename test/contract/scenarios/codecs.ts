import assert from "node:assert/strict";
import type { CourierClient } from "../couriers.ts";
import { collect, type Scenario } from "../stage.ts";

/** Sends values every way that there is, and compares what comes back. */
async function carry<Value>(
  { send, onMessage, call, answer }: CourierClient<Value>,
  values: readonly Value[],
  expected: readonly Value[] = values,
): Promise<void> {
  const echoes = collect<Value>(values.length);
  const off = onMessage(echoes.take);
  for (const value of values) send(value);
  assert.deepEqual(await echoes.all, expected, "messages");
  off();

  const asked: Value[] = [];
  answer((value) => {
    asked.push(value);
    return value;
  });
  for (const [i, value] of values.entries()) {
    const items: Value[] = [];
    const pending = call(value, values);
    for await (const item of pending) items.push(item);
    assert.deepEqual(items, expected, "items");
    assert.deepEqual(await (pending as unknown as Promise<Value>), expected[i], "result");
  }
  assert.deepEqual(asked, expected, "the server's calls");
}

const objects: readonly unknown[] = [
  null,
  true,
  0,
  -1.5e300,
  "",
  "ü€😀\u{1e}\u{1b}\u{2028}\u{feff}",
  [],
  [1, [2, [3]]],
  {},
  { "": 1, nested: { list: [null] }, "\u{1e}": "\0" },
  "x".repeat(60_000),
];
const texts = [
  "",
  "a",
  "ü€😀",
  "\u{1b}",
  "\u{1e}",
  "\u{1b}e\u{1b}s\u{1e}",
  "\u{feff}mark",
  "\0\r\n",
  "ü".repeat(50_000),
];
const blobs = [0, 1, 125, 126, 127, 128, 16_384, 100_000].map((length) => new Uint8Array(length).map((_, i) => i));

export const codecs: Readonly<Record<string, Scenario>> = {
  "json messages, calls, items and results both ways": ({ client }) => carry(client.json, objects),
  "json of undefined is an empty body": ({ client }) => carry(client.json, [undefined, null, undefined]),
  "text messages, calls, items and results both ways": ({ client }) => carry(client.text, texts),
  "text with lone surrogates": ({ client }) =>
    carry(client.text, ["\ud800", "a\udc00b", "\ud83d"], ["\ufffd", "a\ufffdb", "\ufffd"]),
  "bytes messages, calls, items and results both ways": ({ client }) => carry(client.bytes, blobs),
  "a custom codec that writes text, both ways": ({ client }) =>
    carry(client.dates, [new Date(0), new Date(1e12), new Date("2031-05-06T07:08:09.123Z")]),
  "a custom codec that writes bytes, both ways": ({ client }) =>
    carry(client.points, [
      { x: 0, y: -1 },
      { x: 1e300, y: Number.MIN_VALUE },
    ]),
  "text in a binary packet is the same text": async ({ client }) => {
    const echoes = collect<string>(texts.length);
    const off = client.text.onMessage(echoes.take);
    for (const text of texts) {
      client.text.send(text);
      // One frame of bytes in the turn, and all of its frames travel in a binary packet.
      client.bytes.send(Uint8Array.of(1));
    }
    assert.deepEqual(await echoes.all, texts);
    off();
  },
  "rpc takes and gives bytes and nothing": async ({ client: { calls } }) => {
    assert.deepEqual(await calls.bytes.reverse(Uint8Array.of(1, 2, 3)), Uint8Array.of(3, 2, 1));
    assert.deepEqual(await calls.bytes.reverse(new Uint8Array()), new Uint8Array());
    assert.equal(await calls.nothing(), undefined);
    assert.equal(await calls.echo(undefined), undefined);
    assert.equal(await calls.echo(null), null);
    assert.deepEqual(await calls.epoch(), { at: "1970-01-01T00:00:00.000Z" });
  },
  "a result may be far larger than a client's packet": async ({ client: { calls } }) => {
    assert.equal((await calls.big(1_500_000)).length, 1_500_000);
  },
};
