import { describe, expect, test } from "vitest";
import { createMemoryHub, memoryBroker } from "../../src/broker/memory-broker.ts";
import type { Broker } from "../../src/broker/broker.ts";
import { FakeClock } from "../../src/testing/fake-clock.ts";
import { describeBroker } from "./contract.ts";
import { ample, Ear, listen, minute, newChannel, upTo } from "./stage.ts";

describeBroker(
  "in memory",
  async () => {
    const clock = new FakeClock();
    const hub = createMemoryHub(clock);
    return {
      open: async () => memoryBroker({ clock, hub, lease: 2_000 }),
      pass: (ms) => clock.advance(ms),
      close: async () => {},
    };
  },
  { slack: 0, schedules: 200 },
);

describe("in memory", () => {
  function setUp(): { clock: FakeClock; hub: ReturnType<typeof createMemoryHub>; broker: Broker } {
    const clock = new FakeClock();
    const hub = createMemoryHub(clock);
    return { clock, hub, broker: memoryBroker({ clock, hub }) };
  }

  test("all is done at once", () => {
    const { broker } = setUp();
    const ear = new Ear();
    const off = broker.subscribe("a", ear) as () => void;
    expect(broker.publish("a", "plain")).toBeUndefined();
    expect(broker.publish("a", "kept", ample)).toEqual({ offset: 1, epoch: expect.any(String) });
    expect(broker.enter("a", "key", "state")).toBeUndefined();
    expect(broker.roll("a")).toEqual({ entries: [{ node: broker.node, key: "key", state: "state" }], version: 1 });
    expect(broker.read("a", { limit: 1 })).toMatchObject({ messages: ["kept"], to: 1 });
    expect(broker.leave("a", "key")).toBeUndefined();
    expect([ear.bodies, ear.changes.length]).toEqual([["plain", "kept"], 2]);
    off();
    expect(broker.close()).toBeUndefined();
  });

  test("a lone broker has a hub to itself", () => {
    const clock = new FakeClock();
    const [one, two] = [memoryBroker({ clock }), memoryBroker({ clock })];
    void one.publish("a", "x", ample);
    expect(two.read("a", { limit: 1 })).toMatchObject({ messages: [] });
  });

  test("channels that nobody uses leave nothing behind", async () => {
    const { clock, hub, broker } = setUp();
    for (const n of upTo(1000)) {
      const off = await broker.subscribe(`listened ${n}`, new Ear());
      await broker.publish(`kept ${n}`, "x", { size: 10, ttl: 10_000 + n });
      await broker.publish(`plain ${n}`, "x");
      await broker.read(`read ${n}`, { limit: 1 });
      await broker.read(`named ${n}`, { limit: 0, retention: { size: 10, ttl: 10_001 } });
      await broker.roll(`asked ${n}`);
      await broker.enter(`entered ${n}`, "key", "");
      await broker.leave(`entered ${n}`, "key");
      await broker.leave(`left ${n}`, "key");
      off();
    }
    // One timer serves all of them.
    expect([hub.size, clock.timers, clock.timersSet]).toEqual([2000, 1, 1]);
    await clock.advance(9_999);
    expect(hub.size).toBe(2000);
    await clock.advance(2_100);
    expect([hub.size, clock.timers]).toEqual([0, 0]);
    expect(clock.timersSet).toBeLessThan(5);
  });

  test("an epoch goes on while somebody listens, and for its time afterwards, and for a day at most", async () => {
    const { clock, hub, broker } = setUp();
    const long = { size: 10, ttl: 30 * 1_440 * minute };
    const ask = async (channel: string, retention: { size: number; ttl: number }) =>
      (await broker.read(channel, { limit: 0, retention })).position;
    const off = await broker.subscribe("a", new Ear());
    const first = await ask("a", ample);
    await ask("long", long);
    const { timersSet } = clock;
    await clock.advance(5 * ample.ttl);
    // It is not looked for while it cannot be over.
    expect([await ask("a", ample), clock.timersSet - timersSet < 3]).toEqual([first, true]);
    await broker.publish("a", "x", ample);
    await clock.advance(5 * ample.ttl);
    expect(await broker.read("a", { limit: 1 })).toMatchObject({ messages: [], position: { ...first, offset: 1 } });
    off();
    await clock.advance(ample.ttl - 1);
    expect(await broker.publish("a", "y", ample)).toEqual({ ...first, offset: 2 });
    await clock.advance(ample.ttl + 1_000);
    expect(hub.size).toBe(1);
    expect((await ask("a", ample)).epoch).not.toBe(first.epoch);
    await clock.advance(1_440 * minute);
    expect([hub.size, clock.timers]).toEqual([0, 0]);
  });

  test("a message's time is over to the ms, whatever held the process up", async () => {
    const { clock, broker } = setUp();
    for (const [held, messages] of [
      [999, ["x"]],
      [1000, []],
      [minute, []],
    ] as const) {
      // prettier-ignore
      const room = newChannel();
      await broker.publish(room, "x", { size: 1, ttl: 1000 });
      clock.hold(held);
      expect((await broker.read(room, { limit: 10 })).messages).toEqual(messages);
    }
  });

  test("another epoch begins where all is forgotten, and only there", async () => {
    const { clock, broker } = setUp();
    const retention = { size: 2, ttl: 1000 };
    const first = await broker.publish("a", "1", retention);
    clock.hold(999);
    const second = await broker.publish("a", "2", retention);
    expect(second).toEqual({ offset: 2, epoch: first!.epoch });
    clock.hold(1000);
    const third = await broker.publish("a", "3", retention);
    expect(third!.offset).toBe(1);
    expect(third!.epoch).not.toBe(first!.epoch);
  });

  test("no time is too long", async () => {
    const { clock, broker } = setUp();
    await broker.publish("a", "x", { size: 1, ttl: Number.MAX_SAFE_INTEGER });
    await clock.advance(minute);
    expect((await broker.read("a", { limit: 1 })).messages).toEqual(["x"]);
  });

  test("all hear in one order what listeners publish, change and subscribe while they hear", async () => {
    const { broker } = setUp();
    const order: string[][] = [[], [], []];
    const late = new Ear();
    const hear = (at: number, then?: (body: unknown) => void) => ({
      message: ({ body }: { body: unknown }) => {
        order[at]!.push(String(body));
        then?.(body);
      },
      change: ({ key }: { key: string }) => void order[at]!.push(key),
      interrupted: () => {},
    });
    await broker.subscribe("a", hear(0, (body) => body === "1" && void broker.publish("a", "2", ample))); // prettier-ignore
    await broker.subscribe(
      "a",
      hear(1, (body) => {
        if (body === "1") {
          void broker.enter("a", "enters", "");
          void broker.subscribe("a", late);
          void broker.publish("a", "3");
        }
      }),
    );
    await broker.subscribe("a", hear(2));
    await broker.publish("a", "1");
    const expected = ["1", "2", "enters", "3"];
    expect(order).toEqual([expected, expected, expected]);
    // It was not there when the others were published.
    expect(late.bodies).toEqual(["3"]);
  });

  test("a few bytes of a large packet do not keep it, and cannot be changed in it", async () => {
    const { broker } = setUp();
    const packet = new Uint8Array(1000).fill(7);
    await broker.publish("a", packet.subarray(10, 12), ample);
    packet.fill(0);
    const [body] = (await broker.read("a", { limit: 1 })).messages as [Uint8Array];
    expect([...body]).toEqual([7, 7]);
    expect(body.buffer.byteLength).toBe(2);
  });

  test("whoever closes with keep, and then without, takes out at once", async () => {
    const { clock, hub, broker } = setUp();
    const other = memoryBroker({ clock, hub });
    const ear = await listen(other, "a");
    await broker.enter("a", "key", "");
    await broker.close(true);
    expect(ear.changes).toHaveLength(1);
    await broker.close();
    expect(ear.changes).toHaveLength(2);
    await clock.advance(minute);
    expect(ear.changes).toHaveLength(2);
  });
});
