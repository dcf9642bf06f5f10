import { describe, expect, test } from "vitest";
import {
  all,
  ample,
  type Capabilities,
  Ear,
  listen,
  newChannel,
  type OpenEngine,
  past,
  setUp,
  until,
  upTo,
} from "../stage.ts";
import type { Body } from "../../../src/wire/frames.ts";

const everyByte = Uint8Array.from({ length: 256 }, (_, at) => at);

const bodies: readonly (readonly [what: string, body: Body])[] = [
  ["an empty text", ""],
  ["no bytes", new Uint8Array()],
  ["a NUL", "\u0000"],
  ["controls and separators", "\u0000\u0001\u001e\u001f\u007f\u2028\u2029\r\n\t"],
  ["a byte order mark", "\ufeff\ufefftext\ufeff"],
  ["other planes and noncharacters", "👩‍👩‍👧‍👦 \u{10ffff}\uffff\ufffd é e\u0301"],
  ["a number", "12345678901234567890.10"],
  ["a script's false", "false"],
  ["every byte", everyByte],
  ["bytes that are a text", new TextEncoder().encode('{"a":1}')],
  ["bytes that are no text", Uint8Array.of(0xff, 0xfe, 0, 0xc0, 0x80)],
  ["a part of a larger buffer", everyByte.subarray(100, 110)],
  ["a MiB of text", "aé€😀".repeat((1024 * 1024) / 10)],
  ["a MiB of bytes", Uint8Array.from({ length: 1024 * 1024 }, (_, at) => (at * 7) & 0xff)],
];

/** What names may look like, whatever the engine makes of such characters. */
export const names: readonly string[] = [
  "a/b",
  "a//b",
  "A/b",
  "a/b:c*",
  "a>b",
  "a.b",
  ".",
  "..",
  "a.",
  "*",
  "a*",
  ">",
  "a.>",
  "a.*",
  "{x}",
  "{x}y",
  "x",
  "[a]",
  "[ab]",
  "a",
  "b",
  "?",
  "\\",
  "\\*",
  "%",
  "%2F",
  "a%2Fb",
  "$SYS",
  "_INBOX.a",
  "~",
  "!",
  "a:b",
  "a:b:c",
  "a=b",
  "a_b",
  "a-b",
  '"',
  "'",
  "`",
  "__proto__",
  "constructor",
  "~".repeat(512),
  "/".repeat(512),
  "/".repeat(511),
  "x".repeat(512),
  "x".repeat(511),
];

function isSame(one: Body | undefined, other: Body): boolean {
  if (typeof one === "string" || typeof other === "string") return one === other;
  if (!(one instanceof Uint8Array) || one.length !== other.length) return false;
  return one.every((byte, at) => byte === other[at]);
}

/** What is published is heard. */
export function describePublishing(open: OpenEngine, { ordered = true }: Capabilities): void {
  describe("publishing", () => {
    test("a message comes to every node that listens, the publishing one too, and to no other channel", async () => {
      const { nodes, one, three } = await setUp(open, 3);
      const [room, other] = [newChannel(), newChannel()];
      const ears = await Promise.all(nodes.map((node) => listen(node, room)));
      const others = await Promise.all(nodes.map((node) => listen(node, other)));
      expect(await one.publish(room, "a")).toBeUndefined();
      expect(await three.publish(room, "b", ample)).toEqual({ offset: 1, epoch: expect.stringMatching(/./) });
      for (const ear of ears) {
        await until(() => ear.deliveries.length === 2);
        expect(new Set(ear.bodies)).toEqual(new Set(["a", "b"]));
        const positions = new Map(ear.deliveries.map(({ body, position }) => [body, position?.offset]));
        expect(positions).toEqual(new Map([["a", undefined], ["b", 1]])); // prettier-ignore
      }
      await three.publish(other, "end");
      for (const ear of others) {
        await until(() => ear.deliveries.length > 0);
        expect(ear.bodies).toEqual(["end"]);
      }
    });

    test("a node that does not listen may publish", async () => {
      const { one, two } = await setUp(open, 2);
      const room = newChannel();
      expect(await one.publish(room, "nobody")).toBeUndefined();
      const ear = await listen(one, room);
      await two.publish(room, "a");
      await until(() => ear.bodies.includes("a"));
      // Where one message may come after another, one may come after a subscription that was later, too.
      expect(ear.bodies.filter((body) => ordered || body !== "nobody")).toEqual(["a"]);
    });

    test.each(bodies)("a body comes as what it was: %s", async (_, body) => {
      const { one, two } = await setUp(open, 2);
      const room = newChannel();
      const ears = [await listen(one, room), await listen(two, room)];
      await one.publish(room, body);
      await one.publish(room, body, ample);
      for (const ear of ears) {
        await until(() => ear.deliveries.length === 2);
        for (const heard of ear.bodies) expect(isSame(heard, body)).toBe(true);
      }
      for (const node of [one, two]) {
        const { messages } = await past(node, room);
        expect(messages).toHaveLength(1);
        expect(isSame(messages[0], body)).toBe(true);
      }
    });

    test("names are compared as they are", async () => {
      const { one, two } = await setUp(open, 2);
      const ears = await Promise.all(names.map((name) => listen(one, name)));
      for (const [at, name] of names.entries()) {
        await two.publish(name, `plain ${at}`);
        expect(await two.publish(name, `kept ${at}`, ample)).toHaveProperty("offset", 1);
        await two.enter(name, "key", `state ${at}`);
      }
      for (const [at, name] of names.entries()) {
        const ear = ears[at]!;
        await until(() => ear.deliveries.length >= 2 && ear.changes.length > 0);
        expect(new Set(ear.bodies)).toEqual(new Set([`plain ${at}`, `kept ${at}`]));
        expect(ear.changes.map(({ state }) => state)).toEqual([`state ${at}`]);
        expect((await past(one, name)).messages).toEqual([`kept ${at}`]);
        expect((await one.roll(name)).entries).toEqual([{ node: two.node, key: "key", state: `state ${at}` }]);
      }
    });

    test("all that is published after a subscription has settled is heard", async () => {
      const { one, two } = await setUp(open, 2);
      const rooms = upTo(60).map(() => newChannel());
      const heard = rooms.map(async (room, at) => {
        const ear = await listen(one, room);
        await two.publish(room, "a", at % 2 ? ample : undefined);
        await until(() => ear.deliveries.length > 0);
        return ear.bodies;
      });
      expect(await Promise.all(heard)).toEqual(rooms.map(() => ["a"]));
    });

    if (ordered)
      test("what one node publishes comes in its order, and once", async () => {
        const { one, two } = await setUp(open, 2);
        const room = newChannel();
        const ears = [await listen(one, room), await listen(two, room)];
        const every = upTo(300).map((n) => `message ${n}`);
        await all(every.map((body, at) => two.publish(room, body, at % 3 === 0 ? ample : undefined)));
        for (const ear of ears) {
          await until(() => ear.deliveries.length >= every.length);
          expect(ear.bodies).toEqual(every);
          expect([...ear.numbered.keys()]).toEqual(upTo(100));
        }
      });
  });

  describe("listening", () => {
    test("who was taken off hears nothing from then on", async () => {
      const { one, two } = await setUp(open, 2);
      const room = newChannel();
      const stays = await listen(one, room);
      for (let round = 0; round < 20; round++) {
        const ear = await listen(one, room);
        const published = [
          one.publish(room, `${round}`),
          two.publish(room, `${round}`, ample),
          two.enter(room, "a", ""),
        ];
        // Some is under way, and must not be heard.
        if (round % 2) await published[round % 3];
        ear.off();
        const { length } = ear.deliveries;
        const changes = ear.changes.length;
        await all(published);
        await two.leave(room, "a");
        await until(() => stays.deliveries.length >= 2 * round + 2);
        expect([ear.deliveries.length, ear.changes.length]).toEqual([length, changes]);
      }
    });

    test("taking off twice, or one of several, takes off nobody else", async () => {
      const { one, two } = await setUp(open, 2);
      const room = newChannel();
      const twice = new Ear();
      const [first, second] = [await one.subscribe(room, twice), await one.subscribe(room, twice)];
      const other = await listen(one, room);
      await two.publish(room, "a");
      await until(() => twice.deliveries.length === 2 && other.deliveries.length === 1);
      first();
      first();
      await two.publish(room, "b");
      await until(() => other.deliveries.length === 2);
      expect(twice.bodies).toEqual(["a", "a", "b"]);
      second();
      other.off();
      const late = await listen(one, room);
      await two.publish(room, "c");
      await until(() => late.deliveries.length > 0);
      expect([twice.bodies, other.bodies, late.bodies]).toEqual([["a", "a", "b"], ["a", "b"], ["c"]]);
    });

    test("one that takes another off while it hears has it hear no more", async () => {
      const { one, two } = await setUp(open, 2);
      const room = newChannel();
      const heard: string[] = [];
      const offs: (() => void)[] = [];
      const take = (name: string, other: number) => ({
        message: () => {
          heard.push(name);
          offs[other]!();
        },
        change: () => {},
        interrupted: () => {},
      });
      offs.push(await one.subscribe(room, take("first", 1)), await one.subscribe(room, take("second", 0)));
      const last = await listen(one, room);
      await two.publish(room, "a");
      await until(() => last.deliveries.length > 0);
      expect(heard).toHaveLength(1);
    });

    test("subscriptions that come and go at once end as the last of them says", async () => {
      const { one, two } = await setUp(open, 2);
      for (let round = 0; round < 15; round++) {
        const room = newChannel();
        const gone: Ear[] = [];
        const going: Promise<void>[] = [];
        for (let n = 0; n < 4; n++) {
          going.push(
            listen(one, room).then((ear) => {
              ear.off();
              gone.push(ear);
            }),
          );
        }
        if (round % 2) await going[0];
        const ear = await listen(one, room);
        await two.publish(room, "a");
        await until(() => ear.deliveries.length > 0);
        await Promise.all(going);
        await two.publish(room, "b");
        await until(() => ear.deliveries.length > 1);
        expect(ear.bodies).toEqual(["a", "b"]);
        ear.off();
      }
    });

    test("what a listener does while it hears is done in turn", async () => {
      const { one } = await setUp(open, 1);
      const room = newChannel();
      const first = new Ear();
      first.message = function (delivery) {
        this.deliveries.push(delivery);
        if (delivery.body === "a") void one.publish(room, "b");
      };
      await one.subscribe(room, first);
      const second = await listen(one, room);
      await one.publish(room, "a");
      await until(() => second.deliveries.length === 2);
      expect([first.bodies, second.bodies]).toEqual([["a", "b"], ["a", "b"]]); // prettier-ignore
    });
  });
}
