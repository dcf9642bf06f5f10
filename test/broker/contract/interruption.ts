import { describe, expect, test } from "vitest";
import type { Broker, Position } from "../../../src/broker/broker.ts";
import {
  all,
  ample,
  type Capabilities,
  codeOf,
  type Ear,
  linesOf,
  listen,
  newChannel,
  type OpenEngine,
} from "../stage.ts";
import { past, setUp, until, upTo } from "../stage.ts";
import { calls } from "./closing.ts";

/** How much later than it should a slow machine may do something, in ms. */
const late = 2_000;

/** Publishes until it is taken, and heard. */
async function untilHeard(node: Broker, room: string, ears: readonly Ear[]): Promise<void> {
  let tries = 0;
  await expect
    .poll(
      async () => {
        const body = `try ${tries++}`;
        if ((await codeOf(() => node.publish(room, body))) !== undefined) return false;
        await new Promise((resolve) => setTimeout(resolve, 50));
        return ears.every((ear) => ear.bodies.some((heard) => typeof heard === "string" && heard.startsWith("try ")));
      },
      { timeout: 20_000, interval: 50 },
    )
    .toBe(true);
}

/** Nothing but `unavailable` is told of what is not answered; a message is stored once or not at all. */
function isOnce(messages: readonly unknown[], given: ReadonlyMap<string, Position | undefined>): void {
  const places = new Map<unknown, number[]>();
  for (const [at, body] of messages.entries()) places.set(body, [...(places.get(body) ?? []), at + 1]);
  for (const [body, position] of given) {
    const found = places.get(body) ?? [];
    if (position) expect(found, body).toEqual([position.offset]);
    else expect(found.length, body).toBeLessThanOrEqual(1);
  }
}

/** The way to the engine is lost, and comes back. */
export function describeInterruption(open: OpenEngine, capabilities: Capabilities): void {
  const {
    patience = 0,
    queue = 0,
    queueBytes = 0,
    slack = 3_000,
    pause = false,
    stop = false,
    cut = false,
    hold = false,
  } = capabilities;
  const timeout = 60_000;

  if (pause)
    describe("while the engine answers nothing", () => {
      test.each(calls)("what is asked rejects in time: %s", { timeout }, async (name, call) => {
        const { engine, one } = await setUp(open, 1);
        await one.roll(newChannel());
        await engine.pause!();
        const start = performance.now();
        const code = await codeOf(() => call(one, newChannel()));
        const took = performance.now() - start;
        await engine.resume!();
        // Of what nobody numbers, an engine need not tell that it has arrived.
        if (name !== "publish" || code !== undefined) expect(code).toBe("unavailable");
        expect(took).toBeLessThan(patience + late);
      });

      test("no more wait than may, and all is as it was once it answers again", { timeout }, async () => {
        const { engine, one, two } = await setUp(open, 2);
        const room = newChannel();
        const ear = await listen(two, room);
        await one.publish(room, "before", ample);
        await two.enter(room, "ada", "");
        await engine.pause!();
        const start = performance.now();
        const asked = upTo(queue + 40).map((n) => codeOf(() => one.publish(room, `waits ${n}`, ample)));
        const soon = await Promise.all(asked.slice(queue + 20));
        expect(new Set(soon)).toEqual(new Set(["unavailable"]));
        expect(performance.now() - start).toBeLessThan(patience * 0.8);
        expect(new Set(await Promise.all(asked))).toEqual(new Set(["unavailable"]));
        await engine.resume!();
        await untilHeard(one, room, [ear]);
        expect(await codeOf(() => one.publish(room, "after", ample))).toBeUndefined();
        await until(() => ear.bodies.includes("after") || ear.interruptions > 0);
        const { messages } = await past(two, room);
        expect([messages[0], messages.at(-1)]).toEqual(["before", "after"]);
        expect(new Set(messages).size).toBe(messages.length);
        expect(linesOf(await one.roll(room), [one, two])).toEqual(["1 ada="]);
      });

      test(
        "no more bytes wait than may, and those that do are counted no longer than they wait",
        { timeout },
        async () => {
          const { engine, one } = await setUp(open, 1);
          const [room, body] = [newChannel(), new Uint8Array(queueBytes * 0.4)];
          await one.publish(room, "before", ample);
          for (let round = 0; round < 2; round++) {
            await engine.pause!();
            const asked = upTo(2).map(() => codeOf(() => one.publish(room, body, ample)));
            const start = performance.now();
            for (const retention of [ample, undefined])
              expect(await codeOf(() => one.publish(room, body, retention))).toBe("unavailable");
            expect(performance.now() - start).toBeLessThan(patience * 0.8);
            // What holds nothing may wait all the same.
            asked.push(codeOf(() => one.roll(room)));
            if (round === 0) expect(await Promise.all(asked)).toEqual(asked.map(() => "unavailable"));
            await engine.resume!();
            for (const code of await Promise.all(asked)) expect([undefined, "unavailable"]).toContain(code);
            await expect.poll(() => codeOf(() => one.publish(room, body, ample)), { timeout: 10_000 }).toBeUndefined();
          }
        },
      );

      test("a moment of it is waited for", { timeout }, async () => {
        const { engine, one, two } = await setUp(open, 2);
        const room = newChannel();
        const ear = await listen(two, room);
        await engine.pause!();
        const asked = upTo(20).map((n) => one.publish(room, `${n}`, ample));
        await new Promise((resolve) => setTimeout(resolve, patience * 0.3));
        await engine.resume!();
        const positions = await all(asked);
        expect(positions.map((position) => position!.offset).toSorted((a, b) => a - b)).toEqual(upTo(20));
        await until(() => ear.numbered.size === 20 || ear.interruptions > 0);
      });
    });

  if (stop)
    describe("an engine that ends and starts again", () => {
      test("has what was subscribed and entered, tells of it, and begins another epoch", { timeout }, async () => {
        const { engine, nodes, one, two } = await setUp(open, 2);
        const [room, quiet] = [newChannel(), newChannel()];
        const ears = await Promise.all([listen(one, room), listen(two, room)]);
        const quietEar = await listen(two, quiet);
        const before = await one.publish(room, "before", ample);
        await one.enter(room, "ada", "here");
        await two.enter(room, "bob", "");
        await two.enter(room, "gone", "");
        await two.leave(room, "gone");
        const named = await one.read(quiet, { limit: 0, retention: ample });
        await engine.stop!();
        const start = performance.now();
        for (const [name, call] of calls) {
          const code = await codeOf(() => call(one, newChannel()));
          // What engines take without an answer may be taken; nothing may be told that is not so.
          if (name !== "publish" && name !== "subscribe" && name !== "leave") expect(code, name).toBe("unavailable");
          else expect([undefined, "unavailable"]).toContain(code);
        }
        expect(performance.now() - start).toBeLessThan(calls.length * (patience + late));
        await engine.start!();

        await until(() => [...ears, quietEar].every((ear) => ear.interruptions > 0), 30_000);
        await untilHeard(one, room, ears);
        await untilHeard(one, quiet, [quietEar]);
        await expect
          .poll(async () => linesOf(await two.roll(room), nodes), { timeout: 15_000 })
          .toEqual(["0 ada=here", "1 bob="]);
        const after = await two.publish(room, "after", ample);
        expect(after!.offset).toBe(1);
        expect(after!.epoch).not.toBe(before!.epoch);
        const page = await past(one, room);
        expect([page.messages, page.to, page.position]).toEqual([["after"], 1, after]);
        const { position } = await one.read(quiet, { limit: 0, retention: ample });
        expect([position.offset, position.epoch === named.position.epoch]).toEqual([0, false]);
        // They are kept alive again.
        await engine.pass(one.lease * 1.5);
        expect(linesOf(await two.roll(room), nodes)).toEqual(["0 ada=here", "1 bob="]);
      });

      test("who left meanwhile is not back", { timeout }, async () => {
        const { engine, nodes, one, two } = await setUp(open, 2);
        const room = newChannel();
        const ear = await listen(two, room);
        await one.enter(room, "stays", "");
        await one.enter(room, "leaves", "");
        await engine.stop!();
        await codeOf(() => one.leave(room, "leaves"));
        await engine.start!();
        await until(() => ear.interruptions > 0, 30_000);
        await expect.poll(async () => linesOf(await two.roll(room), nodes), { timeout: 15_000 }).toEqual(["0 stays="]);
        await engine.pass(one.lease);
        expect(linesOf(await two.roll(room), nodes)).toEqual(["0 stays="]);
      });
    });

  if (cut)
    describe("a node whose sockets are closed", () => {
      test("stores each message once, or says that it is not known", { timeout }, async () => {
        const { engine, nodes, one, two } = await setUp(open, 3);
        const room = newChannel();
        const given = new Map<string, Position | undefined>();
        const publish = async (at: number): Promise<void> => {
          for (const n of upTo(60)) {
            const some = ["a", "b", "c"].map(async (part) => {
              const body = `${at}:${n}${part}`;
              let position: Position | undefined;
              expect([undefined, "unavailable"]).toContain(
                await codeOf(async () => (position = await nodes[at]!.publish(room, body, ample))),
              );
              given.set(body, position);
            });
            await Promise.all(some);
            if (n % 7 === 0) await engine.cut!([one, two][at]!);
            else if (n % 7 === 3) void engine.cut!([one, two][at]!);
          }
        };
        await Promise.all([publish(0), publish(1)]);
        const page = await past(nodes[2]!, room);
        isOnce(page.messages, given);
        expect(page.messages.length).toBe(page.to);
        expect([...given.values()].filter((position) => position !== undefined).length).toBeGreaterThan(100);
      });

      test("hears for who comes while the last listener leaves", { timeout }, async () => {
        const { engine, one, two } = await setUp(open, 2);
        for (const ms of [0, 10, 20, 40]) {
          const room = newChannel();
          const first = await listen(one, room);
          await engine.cut!(one);
          await new Promise((resolve) => setTimeout(resolve, ms));
          const second = listen(one, room);
          first.off();
          await untilHeard(two, room, [await second]);
          expect(first.deliveries).toEqual([]);
        }
      });

      test("is told, hears again, and is still in the roll", { timeout }, async () => {
        const { engine, nodes, one, two } = await setUp(open, 2);
        const room = newChannel();
        const [ear, other] = [await listen(one, room), await listen(two, room)];
        await one.enter(room, "ada", "");
        await until(() => other.changes.length > 0);
        await engine.cut!(one);
        await until(() => ear.interruptions > 0);
        await untilHeard(two, room, [ear]);
        expect(other.interruptions).toBe(0);
        await engine.pass(one.lease * 1.3);
        expect(linesOf(await two.roll(room), nodes)).toEqual(["0 ada="]);
        // It was away for a moment only: nobody was told that they had left.
        expect(other.changes.filter(({ state }) => state === undefined)).toEqual([]);
      });
    });

  if (hold)
    describe("a node that was held up for longer than its lease", () => {
      test("is out meanwhile, and back with what it had", { timeout }, async () => {
        const { engine, nodes, one, two } = await setUp(open, 2);
        const room = newChannel();
        const [ear, other] = [await listen(one, room), await listen(two, room)];
        await one.enter(room, "ada", "here");
        await one.enter(room, "bob", "");
        await one.publish(room, "before", ample);
        await engine.hold!(one);
        await engine.pass(one.lease + slack);
        expect(linesOf(await two.roll(room), nodes)).toEqual([]);
        await two.publish(room, "meanwhile", ample);
        await engine.release!(one);
        await expect
          .poll(async () => linesOf(await two.roll(room), nodes), { timeout: 20_000 })
          .toEqual(["0 ada=here", "0 bob="]);
        await until(() => other.versions.size === 6);
        await until(() => ear.interruptions > 0 || ear.bodies.includes("meanwhile"));
        await untilHeard(two, room, [ear]);
        expect((await past(one, room)).messages).toEqual(["before", "meanwhile"]);
        await engine.pass(one.lease * 1.5);
        expect(linesOf(await two.roll(room), nodes)).toEqual(["0 ada=here", "0 bob="]);
      });
    });
}
