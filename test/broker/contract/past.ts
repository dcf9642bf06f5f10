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
        const positions: (Position | undefined)[] = [];
        // So many that a slow machine is done with them within the patience.
        for (let from = 0; from < bodies.length; from += 50) {
          const some = bodies.slice(from, from + 50);
          positions.push(...(await all(some.map((body) => nodes[at]!.publish(room, body, ample)))));
        }
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

    test("has a name before it begins, which is the same for all, and its first message goes on with it", async () => {
      const { engine, nodes, one, two } = await setUp(open, 4);
      const room = newChannel();
      const ears = await Promise.all(nodes.map((node) => listen(node, room)));
      const ask = { limit: 0, retention: ample };
      const pages = await all([...nodes, ...nodes].map((node) => node.read(room, ask)));
      const { epoch } = pages[0]!.position;
      expect(epoch).not.toBe("");
      for (const page of pages) expect(page).toEqual({ messages: [], to: 0, position: { offset: 0, epoch } });
      await engine.pass(1_100);
      for (const after of [undefined, 0])
        expect((await two.read(room, { after, limit: 10 })).position).toEqual({ offset: 0, epoch });
      const positions = await all(nodes.map((node, at) => node.publish(room, `${at}`, ample)));
      expect(new Set(positions.map((position) => position!.offset))).toEqual(new Set(upTo(4)));
      expect(new Set(positions.map((position) => position!.epoch))).toEqual(new Set([epoch]));
      for (const ear of ears) {
        await until(() => ear.numbered.size === 4);
        expect(new Set(ear.deliveries.map(({ position }) => position?.epoch))).toEqual(new Set([epoch]));
      }
      // The name takes no message's place.
      for (const n of upTo(6, 5)) await two.publish(room, `${n}`, ample);
      for (const [after, limit, first] of [
        [0, 6, 1],
        [0, 2, 1],
        [0, 5, 1],
        [1, 4, 2],
        [undefined, 6, 1],
      ] as const) {
        const page = await one.read(room, { after, limit, retention: ample });
        expect(offsetsOf(page)).toEqual(upTo(first + limit - 1, first));
        expect(page.position).toEqual({ offset: 6, epoch });
      }
    });

    test("keeps as many messages as it should where it had a name before", async () => {
      const { one, two } = await setUp(open, 2);
      for (const size of [1, 3]) {
        const [room, retention] = [newChannel(), { size, ttl: ample.ttl }];
        const { epoch } = (await one.read(room, { limit: 0, retention })).position;
        for (const n of upTo(5)) {
          expect(await two.publish(room, `${n}`, retention)).toEqual({ offset: n, epoch });
          expect(offsetsOf(await past(one, room))).toEqual(upTo(n, Math.max(1, n - size + 1)));
        }
      }
    });

    test("has one name, whoever publishes while it is asked for", async () => {
      const { nodes } = await setUp(open, 3);
      for (const _ of upTo(10)) {
        const room = newChannel();
        const asked = nodes.map(async (node) => (await node.read(room, { limit: 0, retention: ample })).position);
        const given = nodes.map(async (node) => (await node.publish(room, "x", ample))!);
        const positions = await Promise.all([...asked, ...given]);
        expect(new Set(positions.map(({ epoch }) => epoch)).size).toBe(1);
        expect((await past(nodes[0]!, room)).messages).toEqual(["x", "x", "x"]);
      }
    });

    test("has another name where it was forgotten", async () => {
      const { engine, one, two } = await setUp(open, 2);
      const [room, quiet] = [newChannel(), newChannel()];
      const retention = { size: 10, ttl: 1_000 };
      const ask = { limit: 0, retention };
      const names = new Map<string, number>();
      for (const round of upTo(3)) {
        // One is named and begun, the other is only named.
        const [{ offset, epoch }, other] = [
          (await one.read(room, ask)).position,
          (await two.read(quiet, ask)).position,
        ];
        if (offset === 0) expect(names.has(epoch)).toBe(false);
        else expect(offset).toBe(names.get(epoch));
        expect(other.offset).toBe(0);
        const position = await two.publish(room, `${round}`, retention);
        expect(position).toEqual({ offset: offset + 1, epoch });
        names.set(epoch, position!.offset);
        await engine.pass(2_500);
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
