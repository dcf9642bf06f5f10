import fc from "fast-check";
import { expect, test } from "vitest";
import { createStorage } from "unstorage";
import type { LiveSession } from "../../src/session/live-session.ts";
import type { SessionRecord, SessionStore } from "../../src/session/session-store.ts";
import { createUnstorageStore } from "../../src/session/unstorage-store.ts";
import { isPrismError } from "../../src/wire/errors.ts";
import { FakeClock } from "../../src/testing/fake-clock.ts";
import { createServer, Holder, joinBuses, type TestServer } from "./servers.ts";

const KEYS = ["a", "b", "c"];
const NAMES = ["one", "two", "three"] as const;
type Name = (typeof NAMES)[number];

/** A server, what its user has done, and what that user has seen and been told. */
class Side {
  readonly name: Name;
  readonly server: TestServer;
  live: LiveSession | undefined;
  readonly holder = new Holder();
  readonly seen = new Set<unknown>();
  readonly written = new Set<unknown>();
  readonly deleted = new Set<string>();
  /** By key: how much had been stored when its user was told of a conflict. */
  readonly told = new Map<string, number>();

  constructor(name: Name, server: TestServer) {
    this.name = name;
    this.server = server;
  }

  look(): void {
    for (const value of Object.values(this.live?.data ?? {})) this.seen.add(value);
  }
}

/** Everything that was ever stored, and who has done it: no change but what a user knows of may be in it. */
class Ledger {
  readonly at = new Map<string, SessionRecord>();
  /** The ids that somebody has. A new id is nobody's until the old one has ended. */
  readonly ids = new Set<string>();
  readonly values = new Map<unknown, { readonly by: Name; readonly since: number }>();
  readonly faults: string[] = [];
  count = 0;

  note(side: Side, id: string, record: SessionRecord | undefined): void {
    const before = this.at.get(id);
    this.count++;
    if (before?.dead !== undefined && record?.dead === undefined) this.faults.push("A dead id comes alive");
    if (record?.dead?.next !== undefined) {
      this.compare(side, before?.data ?? {}, this.at.get(record.dead.next)?.data ?? {});
      this.ids.add(record.dead.next);
    } else if (record?.dead === undefined && this.ids.has(id)) {
      this.compare(side, before?.data ?? {}, record?.data ?? {});
    }
    for (const value of Object.values(record?.data ?? {})) {
      if (!this.values.has(value)) this.values.set(value, { by: side.name, since: this.count });
    }
    if (record === undefined) this.at.delete(id);
    else this.at.set(id, record);
  }

  compare(side: Side, from: Readonly<Record<string, unknown>>, to: Readonly<Record<string, unknown>>): void {
    for (const key of KEYS) {
      const [before, after] = [from[key], to[key]];
      if (before === after) continue;
      if (after === undefined ? !side.deleted.has(key) : !side.written.has(after)) {
        this.faults.push(
          `${side.name} makes ${key} ${String(after)} from ${JSON.stringify(before)}, as nobody has said`,
        );
      }
      const known = this.values.get(before);
      if (before === undefined || known === undefined || known.by === side.name || side.seen.has(before)) continue;
      if ((side.told.get(key) ?? 0) < known.since) {
        this.faults.push(`${side.name} makes ${key} ${String(after)}, and never knew of ${JSON.stringify(before)}`);
      }
    }
  }
}

const command = fc.record({
  side: fc.nat({ max: NAMES.length - 1 }),
  what: fc.oneof(
    { weight: 6, arbitrary: fc.constant("set" as const) },
    { weight: 5, arbitrary: fc.constant("save" as const) },
    // What is emptied is removed, and counts as never stored: that meets what others have read before.
    { weight: 5, arbitrary: fc.constantFrom("delete" as const, "refresh" as const, "clear" as const) },
    { weight: 2, arbitrary: fc.constantFrom("open", "regenerate", "destroy", "release", "again") },
  ),
  key: fc.constantFrom(...KEYS),
  wait: fc.boolean(),
});

test.each([2, 3])(
  "no interleaving on %i servers loses a change untold, or wakes a dead id",
  async (servers) => {
    const property = fc.asyncProperty(
      fc.scheduler(),
      fc.array(command, { minLength: 4, maxLength: 30, size: "max" }),
      async (scheduler, commands) => {
        const clock = new FakeClock();
        const inner = createUnstorageStore(createStorage());
        const ledger = new Ledger();
        const buses = joinBuses(servers);
        const sides = NAMES.slice(0, servers).map((name, at) => {
          const store: SessionStore = {
            ...inner,
            async read(id) {
              await scheduler.schedule(Promise.resolve());
              const record = await inner.read(id);
              await scheduler.schedule(Promise.resolve());
              return record;
            },
            async write(id, record, expected, ttl) {
              await scheduler.schedule(Promise.resolve());
              const written = await inner.write(id, record, expected, ttl);
              if (written) ledger.note(side, id, record);
              await scheduler.schedule(Promise.resolve());
              return written;
            },
          };
          const side: Side = new Side(name, createServer(store, clock, {}, buses[at]));
          return side;
        });
        /** Ids that were ended, by what was answered. */
        const dead: string[] = [];
        const running: Promise<unknown>[] = [];
        let id: string | undefined;
        let last = 0;

        async function open(side: Side, wanted: string): Promise<void> {
          const knownDead = dead.includes(wanted);
          const live = await side.server.sessions.open(wanted, side.holder);
          if (typeof live === "string") return;
          if (knownDead) ledger.faults.push("A dead id is opened");
          if (side.live === live) return;
          if (side.live !== undefined || live.end !== undefined) side.server.sessions.release(live, side.holder);
          else side.live = live;
        }

        async function save(side: Side, live: LiveSession): Promise<void> {
          const mine = Object.entries(live.data).filter(([, value]) => side.written.has(value));
          try {
            await side.server.sessions.save(live);
            for (const [key, value] of mine) {
              const gone = live.data[key] !== value || live.end !== undefined;
              if (!gone && !ledger.values.has(value)) ledger.faults.push(`${String(value)} was never stored`);
            }
          } catch (error) {
            if (!isPrismError(error, "conflict")) return;
            for (const key of (error.data as { keys: string[] }).keys) side.told.set(key, ledger.count);
            side.look();
          }
        }

        async function regenerate(side: Side, old: LiveSession): Promise<void> {
          try {
            const { live } = await side.server.sessions.regenerate(old, side.holder);
            dead.push(old.id);
            id = live.id;
            if (side.live === old) side.live = live;
            else side.server.sessions.release(live, side.holder);
          } catch (error) {
            if (isPrismError(error, "conflict")) {
              for (const key of (error.data as { keys: string[] }).keys) side.told.set(key, ledger.count);
            }
          }
        }

        function run(side: Side, { what, key }: { what: string; key: string }): Promise<unknown> | undefined {
          const { sessions } = side.server;
          if (side.live?.end !== undefined) side.live = undefined;
          if (what === "again") return dead[0] === undefined ? undefined : open(side, dead[last % dead.length]!);
          if (side.live === undefined) {
            if (id !== undefined) return open(side, id);
            side.live = sessions.begin(side.holder);
            id = side.live.id;
            ledger.ids.add(id);
          }
          const { live } = side;
          side.look();
          switch (what) {
            case "set": {
              const value = `${side.name} ${last++}`;
              side.written.add(value);
              live.data[key] = value;
              return undefined;
            }
            case "delete":
              side.deleted.add(key);
              delete live.data[key];
              return undefined;
            case "clear":
              for (const each of KEYS) side.deleted.add(each);
              live.data = {};
              return save(side, live);
            case "save":
              return save(side, live);
            case "refresh":
              return sessions.refresh(live);
            case "regenerate":
              return regenerate(side, live);
            case "destroy":
              return sessions.destroy(live, side.holder).then(() => void dead.push(live.id));
            case "release":
              side.live = undefined;
              sessions.release(live, side.holder);
              return undefined;
            default:
              return undefined;
          }
        }

        for (const { side, wait, ...rest } of commands) {
          const going = run(sides[side % servers]!, rest)?.catch(() => {});
          if (going === undefined) continue;
          running.push(going);
          if (wait) await scheduler.waitFor(going);
        }
        await scheduler.waitFor(Promise.all(running));
        expect(ledger.faults).toEqual([]);
        for (const { server } of sides) {
          for (const live of server.sessions.live.values()) {
            expect((await inner.read(live.id))?.dead, "who has a dead session is told").toBeUndefined();
            const refreshed = server.sessions.refresh(live);
            await scheduler.waitFor(refreshed);
            await scheduler.waitFor(server.sessions.save(live).catch(() => server.sessions.save(live)));
            expect((await inner.read(live.id))?.data ?? {}).toEqual(live.data);
          }
        }
        expect(clock.timers).toBe(0);
      },
    );
    await fc.assert(property, { numRuns: 500 });
  },
  60_000,
);
