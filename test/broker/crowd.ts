import { expect, onTestFinished, test } from "vitest";
import type { RuntimeName } from "../support/runtimes.ts";
import { Guest, startHalls, stopHalls } from "./halls.ts";
import type { PairsEngine } from "./pairs.ts";
import { upTo } from "./stage.ts";

/** How many there are, all with sockets and sessions of their own. */
const MEMBERS = 1_000;
/** How much later than it should a slow machine may do something, in ms. */
const LATE = 1_000;

/** Notes of each member how often they have left and joined, as one client is told. */
class Follower {
  readonly guest: Guest;
  readonly #room;
  left = new Map<string, number>();
  joined = new Map<string, number>();

  constructor(guest: Guest) {
    this.guest = guest;
    this.#room = guest.rooms.channel("plain/:room", { room: "crowd" });
    this.#room.presence.on("leave", (_, key) => void this.left.set(key, (this.left.get(key) ?? 0) + 1));
    this.#room.presence.on("join", (_, key) => void this.joined.set(key, (this.joined.get(key) ?? 0) + 1));
  }

  knows(keys: ReadonlySet<string>): boolean {
    const { members } = this.#room.presence;
    if (members.size !== keys.size) return false;
    for (const key of keys) if (!members.has(key)) return false;
    return true;
  }

  forget(): void {
    this.left = new Map();
    this.joined = new Map();
  }
}

/** How long it takes, in ms, until all know that exactly these are there. */
async function untilKnown(followers: readonly Follower[], users: Iterable<string>, most: number): Promise<number> {
  const keys = new Set(users);
  const start = performance.now();
  const known = (): boolean => followers.every((follower) => follower.knows(keys));
  await expect.poll(known, { timeout: most, interval: 5 }).toBe(true);
  return Math.round(performance.now() - start);
}

/**
 * A thousand members over three servers, of which one is killed, and whose members come back at the others.
 *
 * @param start starts their engine
 * @param leases within how many leases who was at a server that is killed is out
 * @param killed on which runtimes servers are killed
 */
export function describeCrowd(start: () => Promise<PairsEngine>, leases: number, killed: readonly RuntimeName[]): void {
  test.each(killed)(
    "of a thousand, exactly those leave whose server on %s is killed",
    { timeout: 60_000 },
    async (name) => {
      const engine = await start();
      const servers = await startHalls(engine.options);
      const victim = servers.find((server) => server.name === name)!;
      const rest = servers.filter((server) => server !== victim);
      const guests: Guest[] = [];
      onTestFinished(async () => {
        for (const guest of guests) guest.leave();
        await stopHalls(servers);
        await engine.stop();
      });
      const join = (user: string, place: number, among = servers): Guest => {
        const guest = new Guest(user, among[place % among.length]!);
        guests.push(guest);
        return guest;
      };

      const followers = rest.map((_, place) => new Follower(join(`f${place}`, place, rest)));
      const members = upTo(MEMBERS).map((n) => join(`m${n}`, n));
      const begun = performance.now();
      await Promise.all(members.map(({ rooms }) => rooms.channel("plain/:room", { room: "crowd" }).subscribe()));
      const all = guests.map(({ user }) => user);
      await untilKnown(followers, all, 15_000);
      const filled = Math.round(performance.now() - begun);

      for (const follower of followers) follower.forget();
      const homeless = members.filter(({ server }) => server === victim);
      const gone = new Set(homeless.map(({ user }) => user));
      for (const guest of homeless) guest.server = undefined;
      process.kill(victim.process.pid, "SIGKILL");
      const within = engine.options.lease! * leases;
      const out = await untilKnown(
        followers,
        all.filter((user) => !gone.has(user)),
        within + LATE,
      );

      for (const [place, guest] of homeless.entries()) guest.server = rest[place % rest.length];
      const back = await untilKnown(followers, all, 15_000);

      // Time for what would come late, and should not.
      await new Promise((resolve) => setTimeout(resolve, engine.options.lease));
      const once = new Map([...gone].map((user) => [user, 1]));
      for (const { left, joined } of followers) expect([left, joined]).toEqual([once, once]);
      expect(await untilKnown(followers, all, 1_000)).toBeLessThan(1_000);
      expect(rest.map(({ process }) => process.errors())).toEqual(rest.map(() => ""));
      console.log(
        `${engine.options.engine}, ${name} killed: ${MEMBERS} members came within ${filled} ms; its ${gone.size} were out ` +
          `${out} ms after the kill (lease ${engine.options.lease} ms, ${within} ms promised), and back within ${back} ms`,
      );
    },
  );
}
