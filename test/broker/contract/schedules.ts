import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import type { Broker } from "../../../src/broker/broker.ts";
import {
  type Capabilities,
  type Ear,
  type Engine,
  linesOf,
  listen,
  minute,
  newChannel,
  type OpenEngine,
} from "../stage.ts";
import { until, upTo } from "../stage.ts";

type Step =
  | { readonly do: "publish"; readonly node: number; readonly room: number; readonly kept: boolean }
  | { readonly do: "listen" | "off" | "roll"; readonly node: number; readonly room: number }
  | {
      readonly do: "read";
      readonly node: number;
      readonly room: number;
      readonly after?: number;
      readonly limit: number;
    }
  | { readonly do: "enter" | "leave"; readonly node: number; readonly room: number; readonly key: number };

const place = { node: fc.nat(2), room: fc.nat(1) };
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant("publish" as const), ...place, kept: fc.boolean() }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom("listen", "off", "roll"), ...place }) },
  {
    weight: 2,
    arbitrary: fc.record(
      { do: fc.constant("read" as const), ...place, after: fc.nat(12), limit: fc.integer({ min: 1, max: 8 }) },
      { requiredKeys: ["do", "node", "room", "limit"] },
    ),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom("enter", "leave"), ...place, key: fc.nat(2) }) },
);

/** How many messages a channel keeps here. */
const size = 5;

/** Somebody listens, and should have heard some since they do, and may have heard what was under way by then. */
interface Listening {
  readonly node: number;
  readonly ear: Ear;
  readonly expected: string[];
  readonly before: readonly string[];
}

/** What a channel should be. */
class Room {
  readonly name = newChannel();
  readonly all: string[] = [];
  readonly kept: string[] = [];
  readonly entries = new Map<string, string>();
  readonly ears: Listening[] = [];

  /** What is read of it, by the words of the port. */
  page(after: number | undefined, limit: number): [messages: string[], to: number] {
    const first = Math.max(1, this.kept.length - size + 1);
    const from = after === undefined ? Math.max(first, this.kept.length - limit + 1) : Math.max(first, after + 1);
    const to = Math.min(this.kept.length, from + limit - 1);
    return [upTo(to, from).map((offset) => this.kept[offset - 1]!), to];
  }
}

async function play(nodes: readonly Broker[], steps: readonly Step[]): Promise<void> {
  const rooms = [new Room(), new Room()];
  let bodies = 0;
  for (const each of steps) {
    const [node, room] = [nodes[each.node]!, rooms[each.room]!];
    if (each.do === "publish") {
      const body = `${each.kept ? "kept" : "plain"} ${bodies++}`;
      const position = await node.publish(room.name, body, each.kept ? { size, ttl: 10 * minute } : undefined);
      if (each.kept) room.kept.push(body);
      expect(position?.offset).toBe(each.kept ? room.kept.length : undefined);
      room.all.push(body);
      for (const { expected } of room.ears) expected.push(body);
    } else if (each.do === "listen") {
      const before = [...room.all];
      room.ears.push({ node: each.node, ear: await listen(node, room.name), expected: [], before });
    } else if (each.do === "off") {
      const at = room.ears.findIndex((one) => one.node === each.node);
      if (at >= 0) await settle(room.ears.splice(at, 1)[0]!);
    } else if (each.do === "read") {
      const page = await node.read(room.name, { after: each.after, limit: each.limit });
      const { after } = each;
      if (after === undefined || after <= room.kept.length) {
        expect([page.messages, page.to]).toEqual(room.page(after, each.limit));
      } else expect(page.messages).toEqual([]);
      expect(page.position.offset).toBe(room.kept.length);
    } else if (each.do === "enter" || each.do === "leave") {
      const [who, key] = [`${each.node}:${each.key}`, `key${each.key}`];
      if (each.do === "enter") {
        const state = String(bodies++);
        await node.enter(room.name, key, state);
        room.entries.set(who, `${each.node} ${key}=${state}`);
      } else {
        await node.leave(room.name, key);
        room.entries.delete(who);
      }
    } else {
      expect(linesOf(await node.roll(room.name), nodes)).toEqual([...room.entries.values()].toSorted());
    }
  }
  for (const room of rooms) {
    for (const one of room.ears) await settle(one);
    for (const node of nodes) {
      expect(linesOf(await node.roll(room.name), nodes)).toEqual([...room.entries.values()].toSorted());
    }
  }
}

/** It has heard all that was published while it listened, and nothing made up; then it is taken off. */
async function settle({ ear, expected, before }: Listening): Promise<void> {
  await until(() => expected.every((body) => ear.bodies.includes(body)));
  const known = new Set<unknown>([...before, ...expected]);
  expect(ear.bodies.filter((body) => !known.has(body))).toEqual([]);
  ear.off();
}

/** Nodes do at random what they may, one after another, and all is as a plain model says. */
export function describeSchedules(open: OpenEngine, { schedules = 20 }: Capabilities): void {
  test("random schedules end as they should", { timeout: 120_000 }, async () => {
    const engine: Engine = await open();
    onTestFinished(() => engine.close());
    const nodes = [await engine.open(), await engine.open(), await engine.open()];
    const property = fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60 }), (steps) => play(nodes, steps));
    await fc.assert(property, { numRuns: schedules, endOnFailure: true });
  });
}
