import { describe, expect, onTestFinished, test } from "vitest";
import * as v from "valibot";
import { prism } from "../../../mod.ts";
import type { Page } from "../../../src/broker/broker.ts";
import { Channels } from "../../../src/broker/channels.ts";
import { memoryBroker } from "../../../src/broker/memory-broker.ts";
import { serverClock } from "../../../src/server/clock.ts";
import { pubsub as half } from "../../../src/services/pubsub/client.ts";
import { pageOf } from "../../../src/services/pubsub/history.ts";
import { Readers } from "../../../src/services/pubsub/readers.ts";
import { channel, pubsub } from "../../../src/services/pubsub/server.ts";
import { connectInMemory } from "../../../src/testing/connect-in-memory.ts";

const KIB = 1_024;

/** Messages of a size, numbered. */
const text = (n: number, size: number): string => `${n} `.padEnd(size, "x");
const numberOf = (message: unknown): number => Number.parseInt(String(message), 10);
const upTo = (last: number, first = 1): number[] => Array.from({ length: last - first + 1 }, (_, at) => first + at);

async function createRoom(sendLimit = 4 * KIB * KIB) {
  const app = prism({ limits: { sendLimit, resumeWithin: 1_000 } }).service(
    "rooms",
    pubsub({ ":room": channel({ message: v.string(), subscribe: true, history: { size: 1_000, ttl: 600_000 } }) }),
  );
  onTestFinished(() => app.close());
  const join = () => {
    const client = connectInMemory<typeof app>(app, { services: { rooms: half() } });
    onTestFinished(() => client.connection.close());
    const events: string[] = [];
    for (const name of ["reset", "closed"] as const) client.connection.on(name, () => events.push(name));
    return { client, events, room: client.rooms.channel(":room", { room: "a" }) };
  };
  const publish = async (last: number, size: number, first = 1): Promise<void> => {
    for (const n of upTo(last, first)) await app.services.rooms.publish("a", text(n, size));
  };
  return { app, join, publish };
}

describe("a page of the past", () => {
  test("ends for a client where it is long enough, and the next one follows", async () => {
    const { app, join, publish } = await createRoom();
    await publish(300, 10 * KIB);
    const { room, events } = join();
    const all: number[] = [];
    const lengths: number[] = [];
    for (let before: number | undefined; before !== 1;) {
      const page = await room.history({ limit: 1_000, before });
      expect(page.map(({ message }) => numberOf(message))).toEqual(page.map(({ offset }) => offset));
      all.unshift(...page.map(({ offset }) => offset));
      lengths.push(page.length);
      before = page[0]!.offset;
    }
    expect(all).toEqual(upTo(300));
    // What is read at a time is 100.
    expect(lengths).toEqual([200, 100]);
    // The app itself gets what it asks for.
    const own = await app.services.rooms.channel(":room", { room: "a" }).history({ limit: 250 });
    expect(own.map(({ offset }) => offset)).toEqual(upTo(300, 51));
    expect(events).toEqual([]);
  });

  test("is not put together of two epochs, nor around what was forgotten meanwhile", async () => {
    const retention = { size: 250, ttl: 600_000 };
    const read = async (meddle: (channels: Channels, page: Page) => Page) => {
      const channels = new Channels(memoryBroker({ clock: serverClock }), serverClock, "rooms");
      for (const n of upTo(250)) await channels.publish("a", ` ${n}`, { retention });
      const given = channels.read.bind(channels);
      let reads = 0;
      channels.read = async (name, request) => {
        const page = await given(name, request);
        return ++reads === 2 ? meddle(channels, page) : page;
      };
      const found = { name: "a", params: {}, options: { history: retention } };
      const { messages, to } = await pageOf(channels, found as never, { limit: 250, before: undefined });
      return [messages.length, to];
    };
    expect(await read((_, page) => page)).toEqual([250, 250]);
    // When the third hundred is read, the oldest 120 are gone.
    const shift = (channels: Channels, page: Page): Page => {
      for (const n of upTo(120)) void channels.publish("a", ` ${n}`, { retention });
      return page;
    };
    expect(await read(shift)).toEqual([200, 250]);
    const forget = (_: Channels, page: Page): Page => ({ ...page, position: { ...page.position, epoch: "another" } });
    expect(await read(forget)).toEqual([100, 250]);
  });
});

describe("pages that are read at a time", () => {
  test("are four for each, and the others have their turn in order", async () => {
    const readers = new Readers();
    const [one, other] = [{}, {}];
    for (let i = 0; i < 4; i++) expect(readers.enter(one)).toBeUndefined();
    const begun: number[] = [];
    for (const n of [1, 2, 3]) void readers.enter(one)?.then(() => begun.push(n));
    expect(readers.enter(other)).toBeUndefined();
    const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));
    await turn();
    expect(begun).toEqual([]);
    readers.leave(one);
    await turn();
    expect(begun).toEqual([1]);
    for (let i = 0; i < 2; i++) readers.leave(one);
    await turn();
    expect(begun).toEqual([1, 2, 3]);
    // Four are busy still.
    expect(readers.enter(one)).toBeInstanceOf(Promise);
    for (let i = 0; i < 5; i++) readers.leave(one);
    for (let i = 0; i < 4; i++) expect(readers.enter(one)).toBeUndefined();
  });

  test("are let go of with their calls", async () => {
    const { join, publish } = await createRoom();
    await publish(2, 10);
    const { room } = join();
    for (let i = 0; i < 20; i++) {
      const pages = await Promise.all(upTo(20).map(() => room.history()));
      expect(pages.every(({ length }) => length === 2)).toBe(true);
    }
  });
});

describe("more than may be sent at once", () => {
  test("is a gap for who has missed it, and does not end their connection", async () => {
    const { join, publish } = await createRoom(64 * KIB);
    const { client, room, events } = join();
    const heard: number[] = [];
    const told: boolean[] = [];
    room.on((message) => void heard.push(numberOf(message)));
    room.on("subscribed", ({ recovered }) => void told.push(recovered));
    await room.subscribe();
    await publish(3, 10);
    await expect.poll(() => heard).toEqual([1, 2, 3]);
    client.connection.close();
    await publish(20, 4 * KIB, 4);
    client.connection.open();
    await expect.poll(() => told.length, { timeout: 5_000 }).toBe(2);
    expect(told.at(-1)).toBe(false);
    // What there is can be read.
    expect((await room.history({ limit: 1_000 })).length).toBe(20);
    await publish(21, 10, 21);
    await expect.poll(() => heard.at(-1)).toBe(21);
    expect(events.filter((name) => name === "closed").length).toBe(1);
  });

  test("leaves out the first for who begins with the last ones", async () => {
    const { join, publish } = await createRoom(64 * KIB);
    await publish(20, 4 * KIB);
    const { room } = join();
    const heard: number[] = [];
    const begun = room.subscribe({ last: 20 });
    room.on((message) => void heard.push(numberOf(message)));
    await begun;
    await expect.poll(() => heard.at(-1)).toBe(20);
    expect(heard).toEqual(upTo(20, 21 - heard.length));
    expect(heard.length).toBeGreaterThan(4);
    expect(heard.length).toBeLessThanOrEqual(8);
  });
});
