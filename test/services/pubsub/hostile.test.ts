import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import * as v from "valibot";
import { prism } from "../../../mod.ts";
import { toPresence } from "../../../src/services/pubsub/presence.ts";
import { pubsub as half } from "../../../src/services/pubsub/client.ts";
import { channel, pubsub } from "../../../src/services/pubsub/server.ts";
import { connectInMemory } from "../../../src/testing/connect-in-memory.ts";
import { createSocketPair } from "../../../src/socket/pair.ts";
import { writePackets } from "../../../src/wire/packets.ts";
import { FakeClock } from "../../../src/testing/fake-clock.ts";
import { join as enter } from "../../server/raw.ts";
import { connect } from "../../../src/client/connect.ts";
import { createStage } from "./stage.ts";

const rejections: unknown[] = [];
const note = (error: unknown): void => void rejections.push(error);
beforeEach(() => void process.on("unhandledRejection", note));
afterEach(async () => {
  await new Promise((resolve) => setTimeout(resolve, 5));
  process.off("unhandledRejection", note);
  expect(rejections.splice(0)).toEqual([]);
});

const deep = `${"[".repeat(2_000)}${"]".repeat(2_000)}`;

const bodies = [
  "",
  " ",
  "+",
  "+@",
  "+@5",
  "+@null",
  "+@[]",
  "+@{}",
  "+@{",
  '+@{"c":5}',
  '+@{"c":""}',
  '+@{"c":"%zz"}',
  '+@{"c":"nope"}',
  '+@{"c":"\\ud800/a"}',
  `+@{"c":"${"a".repeat(300)}"}`,
  '+@{"c":"kept/a","o":-1,"e":"x"}',
  '+@{"c":"kept/a","o":1.5,"e":"x"}',
  '+@{"c":"kept/a","n":-1}',
  '+@{"c":"kept/a","n":{"toString":1}}',
  `+@{"c":"kept/a","n":${deep}}`,
  `+@${deep}`,
  "+`",
  "+\x7f\x7f\x7f\x7f\x7f\x7f\x7f_{}",
  "-",
  "*",
  "*@1",
  ">",
  ">kept/a",
  ">kept/a x",
  ">kept/a {",
  ">kept/%zz 1",
  ">kept//a 1",
  `>${"a".repeat(3_000)} 1`,
  '>kept/a "text"',
  ">bytes/a 1",
  ">!all 1",
  "?",
  "?kept/a 5x",
  '?kept/a {"limit":0}',
  '?kept/a {"limit":1001}',
  '?kept/a {"limit":"1"}',
  `?kept/a {"limit":${deep}}`,
  '?kept/a {"before":0}',
  '?kept/a {"before":{"toString":1}}',
  "?nope {}",
  "!",
  "!add",
  "!add x",
  '!add "1"',
  `!add ${deep}`,
  "!__proto__ 1",
  "!constructor 1",
  `!${"x".repeat(3_000)} 1`,
  "@5",
  "\x7f",
  "`5",
  "=@5",
  ".@",
  "&@{}",
  ":@[]",
  "9",
];

describe("what a client sends", () => {
  test.each(bodies.map((body) => [body.slice(0, 40), body]))(
    "%j is refused, and nothing else comes of it",
    async (_, body) => {
      const { open, clock, failures, hub } = createStage();
      const app = open();
      const idle = hub.size;
      for (const bytes of [false, true]) {
        const peer = await enter(app, clock);
        const call = new TextEncoder().encode(`?@@${body}`);
        if (bytes) writePackets([call], 1_000_000, peer.socket);
        const frames = await peer.say(...(bytes ? [] : [`?@@${body}`]));
        expect(peer.closings).toEqual([]);
        expect(frames).toHaveLength(1);
        const answer = frames[0]!;
        // To leave what there is not, or follow it no more, is no mistake.
        if (body !== "-@") expect(answer).toMatch(/^!@\{"code":"(bad_input|not_found|unauthorized)"/);
        expect(answer.length).toBeLessThan(700);
        peer.socket.close();
        await clock.advance(60_000);
      }
      expect(failures()).toEqual([]);
      expect(hub.size).toBe(idle);
    },
  );

  test("anything is answered, and no error but one for clients", async () => {
    const { open, clock, failures } = createStage();
    const app = open();
    const part = fc.oneof(
      fc.constantFrom(
        "+",
        "-",
        "*",
        ">",
        "?",
        "!",
        "@",
        "A",
        "a@",
        " ",
        "1",
        "0",
        "{}",
        '{"c":"kept/a"}',
        '{"c":"kept/b","p":1,"n":5}',
      ),
      fc.constantFrom("kept/a", "plain/x", "add", "%", "/", '"', "\\", "[", "null", "5", '"o":1,"e":"', "\u00e9"),
      fc.string({ maxLength: 4 }),
    );
    const bodies = fc.array(fc.array(part, { maxLength: 6 }), { minLength: 1, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(bodies, async (all) => {
        const peer = await enter(app, clock);
        for (const parts of all) {
          const body = parts
            .join("")
            .replaceAll("\x1e", "")
            .replace(/\p{Surrogate}/gu, "");
          const frames = await peer.say(`?@@${body}`);
          expect(peer.closings).toEqual([]);
          expect(frames.filter((frame) => /^[=!]@/.test(frame))).toHaveLength(1);
          for (const frame of frames) expect(frame).not.toMatch(/^!@\{"code":"internal"/);
        }
        peer.socket.close();
        await clock.advance(60_000);
      }),
      { numRuns: 60 },
    );
    expect(failures()).toEqual([]);
  });

  test("what servers tell each other is no channel, whatever is declared", async () => {
    const clock = new FakeClock();
    const any = channel({ message: v.any(), input: v.any(), publish: (value: unknown) => value, subscribe: true });
    const app = prism({ clock, session: false }).service(
      "rooms",
      pubsub({ ":x": any }, { emits: { alert: v.string() } }),
    );
    const peer = await enter(app, clock);
    for (const [at, name] of ["~all", "!all", "%21all", "all"].entries()) {
      await peer.say(`?@${"@ABC"[at]}+${"@ABC"[at]}{"c":"${name}"}`);
      await peer.say(`?@D>${name} {"kick":["all","x"]}`);
    }
    peer.frames();
    await app.services.rooms.emit("alert", "secret", { to: { connection: "somebody else" } });
    expect(await peer.say()).toEqual([]);
    await app.services.rooms.emit("alert", "all");
    expect(await peer.say()).toEqual(['@!alert "all"']);
  });

  test("names are compared in one form, before anybody is asked", async () => {
    const asked: string[] = [];
    const { open, clock } = createStage({ hooks: { subscribe: ({ room }) => (asked.push(room), room !== "café") } });
    const peer = await enter(open(), clock);
    for (const name of ["kept/caf\u00e9", "kept/cafe\u0301", "kept/caf%c3%a9", "%6bept/cafe%CC%81"])
      expect(await peer.say(`?@@+@{"c":"${name}"}`)).toEqual([
        '!@{"code":"unauthorized","message":"Not allowed to subscribe to kept/caf%C3%A9"}',
      ]);
    expect(asked).toEqual(["café", "café", "café", "café"]);
  });
});

describe("what a server sends", () => {
  const down = [
    "",
    "+",
    "+5",
    "+{}",
    '+{"s":0}',
    '+{"s":0,"c":"x","o":"y","e":5,"r":-1,"l":"z"}',
    '+{"s":0,"c":0,"o":1,"e":"x","r":1e9}',
    '+{"s":"__proto__","c":0}',
    "-",
    "-{}",
    '-{"s":0,"code":5,"message":{}}',
    "*",
    '*{"s":0,"m":5}',
    '*{"s":0,"m":null}',
    '*{"s":0,"m":[1]}',
    '*{"s":0,"m":[["__proto__",{}]]}',
    ":",
    ":@5",
    ":@[1]",
    ':@[["__proto__",{"x":1}]]',
    "!",
    "!alert",
    "!alert {",
    "!__proto__ 1",
    "@{",
    "@",
    "=@{",
    ".",
    ".@",
    "&@5",
    "&@{}",
    '&@{"o":"x","e":"y","l":2}',
    "~",
    "\x7f",
    "9",
    deep,
  ];

  test("is logged where it cannot be, and thrown nowhere", async () => {
    const clock = new FakeClock();
    const said: unknown[] = [];
    const sockets: { send(data: string): void }[] = [];
    const client = connect("ws://x", {
      services: { rooms: half() },
      clock,
      log: (entry: unknown) => void said.push(entry),
      dial: async () => {
        const [near, far] = createSocketPair(clock);
        sockets.push(far);
        return Object.assign(near, { protocol: "prism.1" });
      },
    });
    const { rooms } = client;
    const room = rooms.channel("a/:x", { x: "b" });
    const heard: unknown[] = [];
    room.on((message, info) => void heard.push([message, info.offset]));
    room.on("ended", () => void 0);
    room.presence.on("join", () => void 0);
    rooms.on("alert", () => {
      throw new Error("A listener that fails");
    });
    await clock.advance(10);
    const say = async (...frames: string[]): Promise<void> => {
      for (const frame of frames) sockets[0]!.send(frame);
      await clock.advance(10);
    };
    await say(
      '${"welcome":1,"connection":"c","resumed":false,"received":0,"sent":0,"heartbeat":25000,"packet":131072,"services":{"rooms":[0,"pubsub"]}}',
    );
    await say('@+{"s":0,"c":0,"o":0,"e":"x"}', "=@");
    await say(...down.map((body) => `@${body}`));
    expect(client.connection.status).toBe("open");
    expect(said.length).toBeGreaterThan(10);
    // It still works.
    heard.length = 0;
    void room.subscribe();
    await say('@+{"s":0,"c":7,"o":4,"e":"x"}', "@G5");
    expect(heard.at(-1)).toEqual([5, 5]);
  });
});

describe("presence", () => {
  test("the id of a session is told nowhere", async () => {
    const { key, state } = await toPresence({ id: "s3cret", deep: { by: "x-s3cret" } }, "s3cret");
    expect(key + state).not.toContain("s3cret");
    expect(JSON.parse(state)).toEqual({ id: key, deep: { by: `x-${key}` } });
    expect(await toPresence({ a: 1 }, "s3cret")).toEqual({ key, state: '{"a":1}' });
    expect((await toPresence({ id: "u-s3cret" }, "s3cret")).key).toBe(`u-${key}`);
    expect(await toPresence({ id: 7 }, "")).toEqual({ key: "7", state: '{"id":7}' });
  });

  test.each([
    [undefined],
    [null],
    ["text"],
    [{ id: "" }],
    [{ id: {} }],
    [{ id: "x".repeat(257) }],
    [{ id: "\ud800" }],
    [{ text: "x".repeat(4_097) }],
    [{ text: "€".repeat(1_400) }],
  ])("%j cannot be told", async (told) => {
    await expect(toPresence(told, "session")).rejects.toThrow(TypeError);
  });

  test("clients are told of a session, and not its id", async () => {
    const ids: string[] = [];
    const app = prism().service(
      "rooms",
      pubsub({
        "a/:x": channel({
          message: v.number(),
          subscribe: true,
          presence: ({ session }) => (ids.push(session.id), { id: session.id }),
        }),
      }),
    );
    const client = connectInMemory<typeof app>(app, { services: { rooms: half() } });
    const room = client.rooms.channel("a/:x", { x: 1 });
    const off = await room.presence.follow();
    expect(room.presence.self).toBeDefined();
    expect(JSON.stringify([...room.presence.members, room.presence.self])).not.toContain(ids[0]!);
    off();
    await app.close();
  });
});
