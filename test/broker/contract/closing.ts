import { describe, expect, test } from "vitest";
import type { Broker } from "../../../src/broker/broker.ts";
import { ample, codeOf, Ear, listen, newChannel, type OpenEngine, setUp, until } from "../stage.ts";

/** All that may be asked of a broker. */
export const calls: readonly (readonly [name: string, call: (node: Broker, room: string) => unknown])[] = [
  ["publish", (node, room) => node.publish(room, "a")],
  ["publish with a retention", (node, room) => node.publish(room, "a", ample)],
  ["subscribe", (node, room) => node.subscribe(room, new Ear())],
  ["read", (node, room) => node.read(room, { limit: 10 })],
  ["enter", (node, room) => node.enter(room, "key", "state")],
  ["leave", (node, room) => node.leave(room, "key")],
  ["roll", (node, room) => node.roll(room)],
];

/** A node ends what it has with its engine. */
export function describeClosing(open: OpenEngine): void {
  describe("a node", () => {
    test("has a name of its own, and says how long its lease is", async () => {
      const { nodes } = await setUp(open, 3);
      for (const { node, lease } of nodes) {
        expect(node).toMatch(/^[\w-]{22}$/);
        expect(lease).toBeGreaterThan(0);
      }
      expect(new Set(nodes.map(({ node }) => node)).size).toBe(3);
    });

    test.each([false, true])("does nothing more when it is closed, however often: keep %s", async (keep) => {
      const { one, two } = await setUp(open, 2);
      const room = newChannel();
      const ear = await listen(one, room);
      const other = await listen(two, room);
      await one.close(keep);
      await one.close(keep);
      await one.close();
      for (const [name, call] of calls) expect(await codeOf(() => call(one, room)), name).toBe("closed");
      await two.publish(room, "a");
      await two.enter(room, "ada", "");
      await until(() => other.deliveries.length > 0 && other.changes.length > 0);
      expect([ear.deliveries, ear.changes, ear.interruptions]).toEqual([[], [], 0]);
      ear.off();
    });

    test("that closes leaves nothing waiting", async () => {
      const { one, two } = await setUp(open, 2);
      const room = newChannel();
      const asked = calls.map(([, call]) => codeOf(() => call(one, room)));
      await one.close();
      for (const code of await Promise.all(asked)) expect([undefined, "closed"]).toContain(code);
      // What it may have entered on its way out is gone as well.
      expect((await two.roll(room)).entries).toEqual([]);
    });
  });
}
