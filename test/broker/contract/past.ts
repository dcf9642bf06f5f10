import { describe, expect, test } from "vitest";
import type { Page, Position } from "../../../src/broker/broker.ts";
import { all, ample, listen, newChannel, type OpenEngine, past, setUp, until, upTo } from "../stage.ts";

/** The offsets of what a page has, from where it begins. */
function offsetsOf({ messages, to }: Page): number[] {
  return upTo(to, to - messages.length + 1);
}

/** Messages are numbered, kept and read. */
export function describePast(open: OpenEngine): void {
  describe("numbering", () => {
    test("has no hole, whoever publishes, and is the same on all nodes", { timeout: 60_000 }, async () => {
      const { nodes } = await setUp(open, 4);
      const room = newChannel();
      const ears = await Promise.all(nodes.map((node) => listen(node, room)));
      const given = new Map<number, string>();
      const epochs = new Set<string>();
      const publish = async (at: number): Promise<void> => {
        const bodies = upTo(250).map((n) => `${at}:${n}`);
        const positions = await all(bodies.map((body) => nodes[at]!.publish(room, body, ample)));
        for (const [i, position] of positions.entries()) {
          given.set(position!.offset, bodies[i]!);
          epochs.add(position!.epoch);
        }
      };
      await Promise.all([0, 1, 2, 3].map(publish));
      const expected = new Map([...given].toSorted(([a], [b]) => a - b));
      expect([...expected.keys()]).toEqual(upTo(1000));
      expect(epochs.size).toBe(1);
      for (const ear of ears) {
        await until(() => ear.numbered.size === 1000);
        expect(ear.numbered).toEqual(expected);
        for (const { position } of ear.deliveries) epochs.add(position!.epoch);
      }
      for (const node of nodes) {
        const page = await past(node, room);
        expect(page.messages).toEqual([...expected.values()]);
        epochs.add(page.position.epoch);
        expect([page.to, page.position.offset, epochs.size]).toEqual([1000, 1000, 1]);
      }
    });

    test("is each channel's own, and of those that are kept alone", async () => {
      const { one, two } = await setUp(open, 2);
      const [room, other] = [newChannel(), newChannel()];
      expect(await one.publish(room, "a", ample)).toHaveProperty("offset", 1);
      expect(await one.publish(room, "plain")).toBeUndefined();
      await one.enter(room, "key", "state");
      expect(await two.publish(other, "b", ample)).toHaveProperty("offset", 1);
      expect(await two.publish(room, "c", ample)).toHaveProperty("offset", 2);
      expect((await past(two, room)).messages).toEqual(["a", "c"]);
    });
  });

  describe("the past", () => {
    test("is read from after a message, so many at a time, or the last ones", async () => {
      const { one, two } = await setUp(open, 2);
      const room = newChannel();
      let position: Position | undefined;
      for (const n of upTo(12)) position = await one.publish(room, `${n}`, { size: 100, ttl: ample.ttl });
      const cases: [after: number | undefined, limit: number, messages: number[]][] = [
        [undefined, 100, upTo(12)],
        [undefined, 5, upTo(12, 8)],
        [undefined, 1, [12]],
        [0, 100, upTo(12)],
        [0, 5, upTo(5)],
        [5, 5, upTo(10, 6)],
        [10, 5, [11, 12]],
        [11, 1, [12]],
        [12, 5, []],
      ];
      for (const [after, limit, expected] of cases) {
        for (const node of [one, two]) {
          const page = await node.read(room, { after, limit });
          expect(page.messages, `after ${after}, ${limit} at most`).toEqual(expected.map(String));
          expect(page.to).toBe(expected.at(-1) ?? after);
          expect(page.position).toEqual(position);
        }
      }
    });

    test("of a channel that never had a message is nothing", async () => {
      const { one } = await setUp(open, 1);
      const [never, plain] = [newChannel(), newChannel()];
      await one.publish(plain, "a");
      for (const room of [never, plain]) {
        for (const after of [undefined, 0]) {
          const page = await one.read(room, { after, limit: 10 });
          expect([page.messages, page.to, page.position.offset]).toEqual([[], 0, 0]);
        }
      }
    });

    test("is no longer than it should be, and a page shows what is gone", async () => {
      const { one, two } = await setUp(open, 2);
      const room = newChannel();
      for (const n of upTo(25)) await (n % 2 ? one : two).publish(room, `${n}`, { size: 10, ttl: ample.ttl });
      expect(offsetsOf(await past(two, room))).toEqual(upTo(25, 16));
      const page = await two.read(room, { after: 3, limit: 4 });
      expect(page.messages).toEqual(["16", "17", "18", "19"]);
      expect([page.to, page.to - page.messages.length, page.position.offset]).toEqual([19, 15, 25]);
      const rest = await two.read(room, { after: page.to, limit: 100 });
      expect([offsetsOf(rest), rest.messages]).toEqual([upTo(25, 20), upTo(25, 20).map(String)]);
    });

    test("may be one message long", async () => {
      const { one } = await setUp(open, 1);
      const room = newChannel();
      for (const n of upTo(3)) {
        await one.publish(room, `${n}`, { size: 1, ttl: ample.ttl });
        const page = await past(one, room);
        expect([page.messages, page.to]).toEqual([[`${n}`], n]);
      }
    });

    test("is forgotten when its time is over, message by message", async () => {
      const { engine, one, two } = await setUp(open, 2);
      const room = newChannel();
      const retention = { size: 100, ttl: 3_000 };
      const first = await one.publish(room, "1", retention);
      await engine.pass(2_000);
      expect((await past(two, room)).messages).toEqual(["1"]);
      expect(await one.publish(room, "2", retention)).toEqual({ offset: 2, epoch: first!.epoch });
      await engine.pass(1_500);
      const page = await two.read(room, { after: 0, limit: 10 });
      expect([page.messages, page.to, page.position]).toEqual([["2"], 2, { offset: 2, epoch: first!.epoch }]);
      await engine.pass(2_000);

      // Whether it still knows how far it was is its own affair, but it says so.
      const empty = await one.read(room, { after: 0, limit: 10 });
      expect([empty.messages, empty.to]).toEqual([[], empty.position.offset]);
      const third = await two.publish(room, "3", retention);
      if (third!.epoch === first!.epoch) expect([empty.position.offset, third!.offset]).toEqual([2, 3]);
      else expect(third!.offset).toBe(1);
      expect((await past(one, room)).messages).toEqual(["3"]);
    });

    test("is younger than its time where new messages come", async () => {
      const { engine, one } = await setUp(open, 1);
      const room = newChannel();
      const retention = { size: 100, ttl: 1_000 };
      for (let round = 0; round < 4; round++) {
        await one.publish(room, `${round}`, retention);
        await engine.pass(600);
      }
      const { messages, to } = await past(one, room);
      expect(messages.length).toBeLessThanOrEqual(2);
      expect([messages.at(-1), to]).toEqual(["3", 4]);
    });

    test("together with what is heard is whole", { timeout: 60_000 }, async () => {
      const { one, two, three } = await setUp(open, 3);
      const room = newChannel();
      const last = 400;
      let published = 0;
      const publishing = (async (): Promise<void> => {
        for (const _ of upTo(last / 5)) {
          const some = upTo(5).map((n) => (n % 2 ? one : two).publish(room, `${++published}`, ample));
          await all(some);
        }
      })();
      const readers = upTo(12).map(async (n) => {
        const [node, ear] = [[one, two, three][n % 3]!, await listen([one, two, three][n % 3]!, room)];
        await until(() => published >= Math.min(last - 50, n * 25));
        const before = ear.deliveries.length;
        const page = await past(node, room);
        await publishing;
        await until(() => ear.numbered.has(last));
        const read = new Set(offsetsOf(page));
        // All that came since then and is not in it stands behind it.
        for (const { position } of ear.deliveries.slice(before)) {
          if (!read.has(position!.offset)) expect(position!.offset).toBeGreaterThan(page.position.offset);
        }
        const whole = new Set([...read, ...[...ear.numbered.keys()].filter((offset) => offset > page.to)]);
        expect([...whole].toSorted((a, b) => a - b)).toEqual(upTo(last));
        expect(page.to).toBe(page.position.offset);
      });
      await Promise.all([publishing, ...readers]);
    });
  });
}
