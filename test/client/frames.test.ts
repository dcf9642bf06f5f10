import { expect, test } from "vitest";
import { createStage } from "./scripted.ts";

test.each([
  ["no number of frames", undefined, 1],
  ["a number of frames", 7, Math.ceil(100 / 7)],
  ["one frame", 1, 100],
  ["more frames than the protocol", 5_000, 1],
])("a welcome that speaks of %s: what is flushed is split", async (_, frames, packets) => {
  const { clock, client, opened } = createStage();
  const end = await opened({ frames });
  const before = end.packets.length;
  for (let i = 0; i < 100; i++) client.a.send(i);
  await clock.settle();
  expect(end.packets.slice(before)).toHaveLength(packets);
  expect(end.frames()).toEqual(Array.from({ length: 100 }, (__, i) => `A${i}`));
});

test.each([1_024, 5_000])("a welcome that speaks of %i frames: no packet has more than 1,024", async (frames) => {
  const { clock, client, opened } = createStage();
  const end = await opened({ frames });
  const before = end.packets.length;
  for (let i = 0; i < 1_025; i++) client.a.send(i);
  await clock.settle();
  expect(end.packets.slice(before).map((packet) => String(packet).split("\x1e").length)).toEqual([1_024, 1]);
});

test.each(["7", null, [7]])("a welcome that speaks of %j frames is none", async (frames) => {
  const { clock, opened } = createStage();
  const end = await opened({ frames });
  await clock.settle();
  expect(end.closings).toEqual([{ code: 4004, reason: "Malformed welcome" }]);
});
