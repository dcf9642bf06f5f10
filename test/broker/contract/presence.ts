import { describe, expect, test } from "vitest";
import type { Roll } from "../../../src/broker/broker.ts";
import {
  type Capabilities,
  type Ear,
  linesOf,
  listen,
  newChannel,
  type OpenEngine,
  setUp,
  until,
  upTo,
} from "../stage.ts";

const keys: readonly string[] = [
  "a",
  "A",
  " ",
  "\u0000",
  "\u001e\u001f",
  "\ufeff",
  "a:b",
  "a/b",
  "{a}",
  "*",
  "👩‍👩‍👧‍👦",
  "é",
  "e\u0301",
  "__proto__",
  "x".repeat(256),
  "€".repeat(256),
  "\u{10ffff}".repeat(128),
];

/** What a roll becomes with the changes behind it. */
function follow(roll: Roll, ear: Ear): string[] {
  const entries = new Map(roll.entries.map(({ node, key, state }) => [`${node} ${key}`, state]));
  for (const { node, key, state, version } of ear.versions.values()) {
    if (version <= roll.version) continue;
    if (state === undefined) entries.delete(`${node} ${key}`);
    else entries.set(`${node} ${key}`, state);
  }
  return [...entries].map(([who, state]) => `${who}=${state}`).toSorted();
}

/** Who is in a channel is known to all. */
export function describePresence(open: OpenEngine, { kill = false, slack = 3_000 }: Capabilities): void {
  describe("presence", () => {
    test("who enters, changes and leaves is told on all nodes, each change with the next number", async () => {
      const { nodes, one, two, three } = await setUp(open, 3);
      const room = newChannel();
      const ears = await Promise.all(nodes.map((node) => listen(node, room)));
      const empty = await three.roll(room);
      expect(empty.entries).toEqual([]);

      await one.enter(room, "ada", "here");
      await two.enter(room, "bob", "");
      await one.enter(room, "ada", "away");
      await two.leave(room, "bob");
      const told = [
        [one.node, "ada", "here"],
        [two.node, "bob", ""],
        [one.node, "ada", "away"],
        [two.node, "bob", undefined],
      ];
      for (const ear of ears) {
        await until(() => ear.versions.size === told.length);
        const changes = [...ear.versions.values()];
        expect(changes.map(({ node, key, state }) => [node, key, state])).toEqual(told);
        const first = changes[0]!.version;
        expect(changes.map(({ version }) => version)).toEqual(upTo(first + told.length - 1, first));
        expect(ear.deliveries).toEqual([]);
      }
      for (const node of nodes) {
        const roll = await node.roll(room);
        expect(roll.entries).toEqual([{ node: one.node, key: "ada", state: "away" }]);
        expect(roll.version).toBe(ears[0]!.changes.at(-1)!.version);
      }
    });

    test("any key and any state come as they were", async () => {
      const { one, two } = await setUp(open, 2);
      const room = newChannel();
      const ear = await listen(two, room);
      const states = [...keys.map((key) => `{"key":${JSON.stringify(key)}}\u0000`), "", "\ufeff", "x".repeat(100_000)];
      const expected = [...keys, "empty", "mark", "large"].map((key, at) => ({
        node: one.node,
        key,
        state: states[at]!,
      }));
      for (const { key, state } of expected) await one.enter(room, key, state);
      await until(() => ear.versions.size === expected.length);
      const told = [...ear.versions.values()];
      expect(told.map(({ node, key, state }) => ({ node, key, state }))).toEqual(expected);
      const roll = await two.roll(room);
      expect(linesOf(roll)).toEqual(linesOf({ entries: expected, version: 0 }));
      for (const { key } of expected) await one.leave(room, key);
      expect((await two.roll(room)).entries).toEqual([]);
    });

    test("two nodes may have entered the same key", async () => {
      const { nodes, one, two } = await setUp(open, 2);
      const room = newChannel();
      await one.enter(room, "ada", "phone");
      await two.enter(room, "ada", "desk");
      expect(linesOf(await one.roll(room), nodes)).toEqual(["0 ada=phone", "1 ada=desk"]);
      await one.leave(room, "ada");
      expect(linesOf(await one.roll(room), nodes)).toEqual(["1 ada=desk"]);
      expect(linesOf(await two.roll(room), nodes)).toEqual(["1 ada=desk"]);
      // One node takes back what it has entered alone.
      await one.leave(room, "ada");
      expect(linesOf(await two.roll(room), nodes)).toEqual(["1 ada=desk"]);
    });

    test("who was not there does not leave", async () => {
      const { one, two } = await setUp(open, 2);
      const room = newChannel();
      const ear = await listen(two, room);
      await two.enter(room, "stays", "");
      await one.leave(room, "nobody");
      await one.leave(room, "stays");
      await one.enter(room, "ada", "");
      await one.leave(room, "bob");
      await one.leave(room, "ada");
      await one.leave(room, "ada");
      await one.enter(room, "end", "");
      await until(() => ear.changes.some(({ key }) => key === "end"));
      const changes = [...ear.versions.values()];
      expect(changes.map(({ key, state }) => [key, state])).toEqual([
        ["stays", ""],
        ["ada", ""],
        ["ada", undefined],
        ["end", ""],
      ]);
    });

    test("a channel's roll is its own", async () => {
      const { one, two } = await setUp(open, 2);
      const [room, other] = [newChannel(), newChannel()];
      const ear = await listen(two, other);
      await one.enter(room, "ada", "");
      await one.enter(other, "bob", "");
      await until(() => ear.changes.length > 0);
      expect(ear.changes.map(({ key }) => key)).toEqual(["bob"]);
      expect((await two.roll(room)).entries.map(({ key }) => key)).toEqual(["ada"]);
    });

    test("what many nodes enter at once has no hole, and all see the same", { timeout: 60_000 }, async () => {
      const { nodes } = await setUp(open, 4);
      const room = newChannel();
      const ears = await Promise.all(nodes.map((node) => listen(node, room)));
      const rolls: Promise<void>[] = [];
      const seen: [Roll, Ear][] = [];
      const work = nodes.map(async (node, at) => {
        for (const n of upTo(25)) {
          await node.enter(room, `key${n % 7}`, `${at}:${n}`);
          if (n % 3 === 0) await node.leave(room, `key${(n + 3) % 7}`);
          if (n % 8 === 0)
            rolls.push(Promise.resolve(node.roll(room)).then((roll) => void seen.push([roll, ears[at]!])));
        }
      });
      await Promise.all(work);
      await Promise.all(rolls);
      const final = await nodes[0]!.roll(room);
      for (const ear of ears) {
        await until(() => ear.versions.has(final.version));
        const versions = [...ear.versions.keys()];
        await until(() => ear.versions.size === final.version - versions[0]! + 1);
      }
      for (const node of nodes) {
        const roll = await node.roll(room);
        expect([roll.version, linesOf(roll, nodes)]).toEqual([final.version, linesOf(final, nodes)]);
      }
      const lines = final.entries.map(({ node, key, state }) => `${node} ${key}=${state}`).toSorted();
      // A roll and the changes behind its version are what there is.
      expect(seen.length).toBeGreaterThan(4);
      for (const [roll, ear] of seen) expect(follow(roll, ear)).toEqual(lines);
    });

    test("the numbers go on while anybody is there", async () => {
      const { one, two } = await setUp(open, 2);
      const room = newChannel();
      await one.enter(room, "stays", "");
      let last = (await two.roll(room)).version;
      for (const n of upTo(5)) {
        await two.enter(room, "ada", `${n}`);
        await two.leave(room, "ada");
        const { version } = await one.roll(room);
        expect(version).toBe(last + 2);
        last = version;
      }
    });

    test("who is there stays, for as long as the node is alive", { timeout: 60_000 }, async () => {
      const { engine, one, two } = await setUp(open, 2);
      const room = newChannel();
      const ear = await listen(two, room);
      await one.enter(room, "ada", "here");
      await engine.pass(one.lease * 2.5);
      expect((await two.roll(room)).entries).toEqual([{ node: one.node, key: "ada", state: "here" }]);
      expect(ear.changes).toHaveLength(1);
    });
  });

  describe("a node that goes", () => {
    test("takes out what it has entered when it is closed", async () => {
      const { engine, nodes, one, two } = await setUp(open, 2);
      const rooms = [newChannel(), newChannel()];
      const ears = await Promise.all(rooms.map((room) => listen(two, room)));
      for (const room of rooms) {
        await one.enter(room, "ada", "");
        await one.enter(room, "bob", "");
        await two.enter(room, "ada", "");
      }
      await one.close();
      await engine.pass(0);
      for (const [at, room] of rooms.entries()) {
        expect(linesOf(await two.roll(room), nodes)).toEqual(["1 ada="]);
        await until(() => ears[at]!.versions.size === 5);
        const left = ears[at]!.changes.filter(({ state }) => state === undefined);
        expect(left.map(({ node, key }) => `${node} ${key}`).toSorted()).toEqual([
          `${one.node} ada`,
          `${one.node} bob`,
        ]);
      }
    });

    test("leaves it to the lease when it is closed so", { timeout: 60_000 }, async () => {
      const { engine, nodes, one, two } = await setUp(open, 2);
      const room = newChannel();
      const ear = await listen(two, room);
      await one.enter(room, "ada", "");
      await two.enter(room, "bob", "");
      await one.close(true);
      await engine.pass(two.lease * 0.3);
      expect(linesOf(await two.roll(room), nodes)).toEqual(["0 ada=", "1 bob="]);
      await engine.pass(two.lease * 0.7 + slack);
      expect(linesOf(await two.roll(room), nodes)).toEqual(["1 bob="]);
      await until(() => ear.versions.size === 3);
      expect(ear.changes.at(-1)).toMatchObject({ node: one.node, key: "ada", state: undefined });
    });

    if (kill)
      test("is taken out after its lease, and that is told, though nobody asks", { timeout: 60_000 }, async () => {
        const { engine, nodes, one, two, three } = await setUp(open, 3);
        const rooms = [newChannel(), newChannel()];
        const ears = await Promise.all(rooms.map((room) => listen(two, room)));
        for (const room of rooms) {
          await one.enter(room, "ada", "");
          await three.enter(room, "bob", "");
        }
        await engine.pass(one.lease * 0.4);
        await engine.kill!(one);
        await engine.pass(one.lease * 0.4);
        for (const ear of ears) expect(ear.versions.size).toBe(2);
        await engine.pass(one.lease * 0.6 + slack);
        for (const [at, room] of rooms.entries()) {
          await until(() => ears[at]!.versions.size === 3, 1_000);
          expect(ears[at]!.changes.at(-1)).toMatchObject({ node: one.node, key: "ada", state: undefined });
          expect(linesOf(await two.roll(room), nodes)).toEqual(["2 bob="]);
        }
      });

    if (kill)
      test(
        "is taken out once, though many look after it, and those who look die too",
        { timeout: 60_000 },
        async () => {
          const { engine, nodes, one, two, three } = await setUp(open, 4);
          const room = newChannel();
          for (const n of upTo(5)) await one.enter(room, `key${n}`, "");
          await two.enter(room, "ada", "");
          const ear = await listen(three, room);
          const left = () => ear.changes.filter(({ state }) => state === undefined);
          await engine.kill!(one);
          await engine.pass(one.lease * 0.5);
          await engine.kill!(two);
          await engine.pass(one.lease + slack);
          await until(() => left().length >= 6);
          expect(linesOf(await three.roll(room), nodes)).toEqual([]);
          expect(
            left()
              .map(({ key }) => key)
              .toSorted(),
          ).toEqual(["ada", ...upTo(5).map((n) => `key${n}`)]);
        },
      );
  });
}
