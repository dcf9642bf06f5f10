import { afterAll, beforeAll, expect, test } from "vitest";
import type { Said } from "./hall/app.ts";
import type { HallOptions } from "./hall/run.ts";
import { eventually, Guest, type HallServer, runtimes, startHalls, stopHalls } from "./halls.ts";

/** An engine, and how to end it. */
export interface PairsEngine {
  readonly options: HallOptions;
  stop(): Promise<void>;
}

const texts = ["plain", "", "grüße ✓ 🙂 \u2028 \0", '{"a":1}'];
const bytes: readonly Said[] = [
  new Uint8Array(),
  Uint8Array.of(0, 255, 10, 13, 0x74, 0x7b),
  new Uint8Array(70_000).map((_, at) => at),
];
const all: readonly Said[] = [...texts, ...bytes];

/** Bytes are compared as what they are, whatever class a runtime makes of them. */
const comparable = (said: readonly unknown[]): unknown[] =>
  said.map((one) => (one instanceof Uint8Array ? `bytes ${Buffer.from(one).toString("hex")}` : one));

/**
 * Servers of one app on all runtimes: what is said at one is heard at each other.
 *
 * @param start starts their engine
 */
export function describePairs(start: () => Promise<PairsEngine>): void {
  let engine: PairsEngine;
  let servers: readonly HallServer[] = [];
  const guests: Guest[] = [];
  const at = (place: number): HallServer => servers[place % servers.length]!;

  beforeAll(async () => {
    engine = await start();
    servers = await startHalls(engine.options);
    for (const server of servers) guests.push(new Guest(server.name, server));
  });

  afterAll(async () => {
    for (const guest of guests) guest.leave();
    await stopHalls(servers);
    await engine.stop();
  });

  test.each(runtimes)("what is published at %s is heard at the others, and read there", async (from) => {
    const sender = guests.find(({ user }) => user === from)!;
    for (const pattern of ["kept/:room", "plain/:room"] as const) {
      const heard = new Map<string, unknown[]>();
      for (const { user, rooms } of guests) {
        const room = rooms.channel(pattern, { room: from });
        await room.subscribe();
        const said: unknown[] = [];
        heard.set(user, said);
        room.on((message, { offset }) => void said.push(message, offset));
      }
      for (const said of all) await sender.rooms.channel(pattern, { room: from }).publish(said);
      const kept = pattern === "kept/:room";
      const expected = comparable(all.flatMap((said, index) => [said, kept ? index + 1 : undefined]));
      for (const said of heard.values()) await eventually(() => comparable(said)).toEqual(expected);
      if (!kept) continue;
      for (const { rooms } of guests) {
        const past = await rooms.channel(pattern, { room: from }).history({ limit: 100 });
        expect(comparable(past.map(({ message }) => message))).toEqual(comparable(all));
      }
    }
  });

  test.each(runtimes)("who enters at %s is told of at the others, and so is who leaves", async (from) => {
    const who = guests.find(({ user }) => user === from)!;
    const others = guests.filter((guest) => guest !== who);
    const seen = others.map(({ rooms }) => {
      const { presence } = rooms.channel("plain/:room", { room: `with-${from}` });
      const told: string[] = [];
      presence.on("join", ({ id }) => void told.push(`+${id}`));
      presence.on("leave", ({ id }) => void told.push(`-${id}`));
      return { presence, told };
    });
    for (const { presence } of seen)
      await eventually(() => [...presence.members.keys()].toSorted()).toEqual(
        others.map(({ user }) => user).toSorted(),
      );
    const room = who.rooms.channel("plain/:room", { room: `with-${from}` });
    await room.subscribe();
    for (const { presence, told } of seen) {
      await eventually(() => told).toContain(`+${from}`);
      expect(presence.members.get(from)).toEqual({ id: from });
    }
    room.unsubscribe();
    for (const { presence, told } of seen) {
      await eventually(() => told).toContain(`-${from}`);
      expect(presence.members.has(from)).toBe(false);
      expect(told.filter((one) => one.endsWith(from))).toEqual([`+${from}`, `-${from}`]);
    }
  });

  test.each(runtimes.map((name, place) => [name, place] as const))(
    "who goes from %s to another has missed nothing, from the first message on",
    async (from, place) => {
      const guest = new Guest("wanderer", at(place));
      const room = guest.rooms.channel("kept/:room", { room: `from-${from}` });
      const heard: unknown[] = [];
      await room.subscribe();
      room.on((message, { recovered }) => void heard.push([message, recovered]));
      const begun: boolean[] = [];
      room.on("subscribed", ({ recovered }) => void begun.push(recovered));
      const speaker = guests[(place + 2) % guests.length]!.rooms.channel("kept/:room", { room: `from-${from}` });
      for (const [step, message] of (["first", "second"] as const).entries()) {
        guest.server = undefined;
        guest.cut();
        await eventually(() => guest.connection.status).not.toBe("open");
        await speaker.publish(message);
        guest.server = at(place + 1 + step);
        await eventually(() => heard.length).toBe(step + 1);
      }
      expect(heard).toEqual([
        ["first", true],
        ["second", true],
      ]);
      expect(begun).toEqual([true, true]);
      guest.leave();
    },
  );

  test("nothing was printed", () => {
    expect(servers.map(({ process }) => process.errors())).toEqual(servers.map(() => ""));
  });
}
