// Two servers on different runtimes share their sessions through one Redis (FAULTS.md, row 18, across nodes).
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SECRET } from "../hostile/secrets.ts";
import type { Ready } from "../hostile/server/run.ts";
import { startServer } from "../hostile/stage.ts";
import { idOf, signed, Visitor } from "../hostile/visitor.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";
import type { RuntimeName, RuntimeProcess } from "../support/runtimes.ts";

const names: readonly RuntimeName[] = ["node20", "bun", "deno"];
const pairs: readonly [RuntimeName, RuntimeName][] = [
  ["node20", "bun"],
  ["bun", "deno"],
  ["deno", "node20"],
];

/** Guards against a session that is still valid after a logout somewhere else, and changes that nobody hears were lost. */
describe("row 18: one session, two servers", () => {
  let redis: RedisServer;
  const servers: RuntimeProcess[] = [];
  const ports = new Map<RuntimeName, number>();

  beforeAll(async () => {
    redis = await startRedis();
    for (const name of names) servers.push(startServer(name, { apps: ["shared"], redis: redis.url }));
    for (const server of servers) ports.set(server.name, (await server.ready<Ready>()).ports.shared);
  });

  afterAll(async () => {
    await Promise.all(servers.map((server) => server.stop()));
    await redis.stop();
  });

  const at = (name: RuntimeName, cookie?: string): Visitor => new Visitor(ports.get(name)!, { cookie });

  describe.each(pairs)("%s and %s", (one, two) => {
    async function logIn(): Promise<Visitor> {
      const visitor = at(one);
      expect((await visitor.http("POST", "/login", "Ada")).status).toBe(200);
      return visitor;
    }

    test("what is changed on one is seen on the other, over HTTP and sockets", async () => {
      const first = await logIn();
      const second = at(two, first.cookie);
      expect(await second.me()).toEqual({ id: idOf(first.cookie), data: { name: "Ada" } });
      const guest = await first.enter();
      await guest.ask("account.set", ["n", 1]);
      expect((await second.me()).data).toEqual({ name: "Ada", n: 1 });
      const other = await second.enter();
      expect(await other.ask("account.me")).toMatchObject({ data: { n: 1 } });
      await second.http("POST", "/set", '["m",2]');
      expect((await first.me()).data).toEqual({ name: "Ada", n: 1, m: 2 });
      // And by who has had it all the while.
      expect(await guest.ask("account.me")).toMatchObject({ data: { n: 1, m: 2 } });
      for (const { tcp } of [guest, other]) tcp.destroy();
    });

    test("a logout on one makes the cookie dead on the other, and so does a login", async () => {
      const first = await logIn();
      const old = first.cookie!;
      const staying = await at(two, old).enter();
      expect(await staying.ask("account.me")).toMatchObject({ data: { name: "Ada" } });
      expect((await first.http("POST", "/logout")).status).toBe(200);
      expect((await at(two, old).me()).data).toEqual({});
      const late = await at(two, old).enter();
      const { id, data } = await late.ask<{ id: string; data: object }>("account.me");
      expect(data).toEqual({});
      expect(id).not.toBe(idOf(old));
      // Who was there is found out when the session is next opened there, which it just was.
      expect(await staying.closed).toBe(1008);
      for (const { tcp } of [staying, late]) tcp.destroy();

      const again = await logIn();
      const before = again.cookie!;
      const guest = await again.enter();
      const next = await guest.ask<string>("account.login", "Eve");
      const ticket = (JSON.parse((await guest.take('${"session":')).slice(1)) as { session: string }).session;
      const moving = await at(two, before).knock();
      expect(await moving.status).toBe(503);
      // The ticket is good on any server.
      const moved = at(two, before);
      expect((await moved.redeem(ticket)).status).toBe(204);
      expect(moved.cookie).toBe(signed(next, SECRET));
      expect((await again.redeem(ticket)).status).toBe(403);
      expect(await moved.me()).toEqual({ id: next, data: { name: "Eve" } });
      guest.tcp.destroy();
    });

    test("of changes to different keys at once none is lost, and none to the same key without telling", async () => {
      const visitor = await logIn();
      const guests = [await visitor.enter(), await at(two, visitor.cookie).enter()] as const;
      const rounds = 30;
      const add = async (place: 0 | 1): Promise<(string | undefined)[]> => {
        const codes: (string | undefined)[] = [];
        for (let i = 1; i <= rounds; i++) codes.push(await guests[place].codeOf("account.set", [`key${place}`, i]));
        return codes;
      };
      expect(new Set((await Promise.all([add(0), add(1)])).flat())).toEqual(new Set([undefined]));
      expect((await at(two, visitor.cookie).me()).data).toEqual({ name: "Ada", key0: rounds, key1: rounds });

      // Both begin with the same: one of them wins, the other hears of it, and has what is stored.
      let conflicts = 0;
      for (let i = 0; i < rounds; i++) {
        const codes = await Promise.all(
          guests.map((guest, place) => guest.codeOf("account.set", ["both", `${place}:${i}`])),
        );
        for (const code of codes) expect([undefined, "conflict"]).toContain(code);
        conflicts += codes.filter((code) => code === "conflict").length;
        const { both } = (await at(one, visitor.cookie).me()).data;
        const winners = codes.flatMap((code, place) => (code === undefined ? [`${place}:${i}`] : []));
        expect(winners).toContain(both);
        for (const guest of guests) if (codes.includes("conflict")) await guest.codeOf("account.set", ["turn", i]);
      }
      // Each was based on what the other had not seen.
      expect(conflicts).toBeGreaterThan(0);
      for (const { tcp } of guests) tcp.destroy();
    });
  });

  test("nothing was printed", () => {
    expect(servers.map((server) => server.errors())).toEqual(names.map(() => ""));
  });
});
