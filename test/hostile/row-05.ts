// Row 5: the store of the sessions fails, or hangs, at any operation.
import { afterAll, describe, expect, test } from "vitest";
import { SECRET } from "./secrets.ts";
import type { Fault } from "./server/storage.ts";
import type { Stage } from "./stage.ts";
import { type Guest, idOf, signed, type Visitor } from "./visitor.ts";

const healthy: Fault = { how: "none", every: 1 };

/** After a timeout the store is left alone for so long, in ms. */
const REST = 1_000;

const failing: readonly Fault[] = [
  { how: "throws", every: 1 },
  ...[1, 2, 3, 5].flatMap((every): Fault[] => [
    { how: "rejects", every },
    { how: "rejects", every, done: true },
  ]),
];

/**
 * All that befalls is told: nothing, or that the store is not there; and, where an answer was lost, that somebody else seems
 * to have written.
 */
const told = ({ done }: Fault): readonly (string | undefined)[] => [
  undefined,
  "unavailable",
  ...(done === true ? ["conflict"] : []),
];

const toCode = (status: number): string | undefined =>
  new Map([
    [409, "conflict"],
    [503, "unavailable"],
  ]).get(status) ?? ([101, 200].includes(status) ? undefined : String(status));

/** Guards against a thrown input error that ends the process, and a login that is half done: two ids for one session. */
export function row05(stage: Stage): void {
  describe("row 5: the store fails or hangs", () => {
    afterAll(() => stage.desk.fail(healthy));

    /** Somebody who has logged in; the store may still have to come to itself. */
    async function logIn(): Promise<{ visitor: Visitor; guest: Guest; id: string }> {
      const visitor = stage.visitor("vault");
      const attempt = (): Promise<number> => visitor.http("POST", "/login", "Ada").then(({ status }) => status);
      await expect.poll(attempt, { timeout: REST * 3 }).toBe(200);
      return { visitor, guest: await visitor.enter(), id: idOf(visitor.cookie) };
    }

    /** Who has a cookie of an id. What another's `save` has failed with may be told once more, to whoever comes next. */
    async function holder(id: string): Promise<unknown> {
      const visitor = stage.visitor("vault", signed(id, SECRET));
      await visitor.http("GET", "/me");
      return (await visitor.me()).data["name"];
    }

    const named = ({ how, every, done }: Fault): string =>
      `every ${every}. operation ${how}${done === true ? ", and is done" : ""}`;
    test.each(failing.map((fault) => [named(fault), fault] as const))("%s", async (_, fault) => {
      const [{ visitor, guest, id }, leaver] = [await logIn(), await logIn()];
      const typed = told(fault);
      await stage.desk.fail(fault);
      for (let i = 0; i < 6; i++) expect(typed).toContain(await guest.codeOf("account.set", ["i", i]));
      expect([200, 503, ...(fault.done === true ? [409] : [])]).toContain(
        (await visitor.http("POST", "/set", '["http",1]')).status,
      );
      const knocked = await visitor.knock();
      expect([101, 503]).toContain(await knocked.status);
      knocked.tcp.destroy();
      // What needs no store is there all the while.
      expect(await guest.ask("account.me")).toMatchObject({ id, data: { name: "Ada" } });

      const renewed = await guest.codeOf("account.renew");
      expect(typed).toContain(renewed);
      const logout = await leaver.guest.codeOf("account.logout");
      expect(typed).toContain(logout);
      await stage.desk.fail(healthy);

      // Nothing is half done: of two ids one has the session; where an answer was lost, one at most.
      const fresh = renewed === undefined ? (await guest.ask<{ id: string }>("account.me")).id : undefined;
      const names = [await holder(id), fresh && (await holder(fresh))];
      if (renewed === undefined) expect(names).toEqual([undefined, "Ada"]);
      else if (fault.done === true)
        expect(names).toBeOneOf([
          [undefined, undefined],
          ["Ada", undefined],
        ]);
      else expect(names).toEqual(["Ada", undefined]);
      // And it goes on as if nothing had been.
      if (renewed !== undefined && names[0] === "Ada") {
        expect(told(fault).filter((code) => code !== "unavailable")).toContain(
          await guest.codeOf("account.set", ["after", true]),
        );
        expect(await holder(id)).toBe("Ada");
      }
      const left = await holder(leaver.id);
      if (logout === undefined) {
        expect(left).toBeUndefined();
        expect(await leaver.guest.closed).toBe(1008);
      } else if (fault.done !== true) expect(left).toBe("Ada");
      for (const { tcp } of [guest, leaver.guest]) tcp.destroy();
    });

    // What a handler has put into the session before `regenerate()` failed must not stay there, under the old id.
    test("a login that failed is not half done: nobody is logged in under the old id", async () => {
      const { guest, id } = await logIn();
      await stage.desk.fail({ how: "rejects", every: 1 });
      const code = await guest.codeOf("account.login", "Eve");
      await stage.desk.fail(healthy);
      const name = await holder(id);
      guest.tcp.destroy();
      expect([code, name]).toEqual(["unavailable", "Ada"]);
    });

    test("a connection that is read anew for each message hears of it, and stays", async () => {
      const { id } = await logIn();
      const guest = await stage.visitor("fresh", signed(id, SECRET)).enter();
      await stage.desk.fail({ how: "rejects", every: 1 });
      expect(await guest.codeOf("account.me")).toBe("unavailable");
      await stage.desk.fail(healthy);
      expect(await guest.ask("account.me")).toMatchObject({ id, data: { name: "Ada" } });
      guest.tcp.destroy();
    });

    test("records that are none, or not whole, are as good as none", async () => {
      const { id } = await logIn();
      const whole = (await stage.desk.stored(id))!;
      const broken = [
        "",
        "null",
        "[]",
        "{}",
        "1",
        '"x"',
        whole.slice(0, -1),
        whole.slice(1),
        whole.replace(/"version":\d+/, '"version":-1'),
        whole.replace(/"version":\d+/, '"version":1e99'),
        whole.replace(/"version":\d+/, '"version":"1"'),
        whole.replace(/"data":\{.*\}/, '"data":[]}'),
        whole.replace(/"created":\d+/, '"created":null'),
        `${whole}${whole}`,
        `{"x":1,${whole.slice(1)}`,
        "[".repeat(100_000),
      ];
      for (const text of broken) {
        await stage.desk.store([id, text]);
        const visitor = stage.visitor("vault", signed(id, SECRET));
        const { status } = await visitor.http("GET", "/me");
        expect(status, text.slice(0, 80)).toBe(200);
        const guest = await visitor.enter();
        expect(await guest.ask("account.me"), text.slice(0, 80)).toMatchObject({ data: {} });
        guest.tcp.destroy();
      }
    });

    const hanging: readonly Fault[] = [
      { how: "hangs", every: 1 },
      { how: "hangs", every: 3, done: true },
    ];
    test.each(hanging)("%o", { timeout: 20_000 }, async (fault) => {
      const guests = await Promise.all(Array.from({ length: 8 }, logIn));
      await stage.desk.fail(fault);
      const started = performance.now();
      const deeds = guests.flatMap(({ guest, visitor }, i) => [
        guest.codeOf("account.set", ["i", i]),
        guest.codeOf("account.set", ["j", i]),
        i % 2 > 0 ? guest.codeOf("account.login", "Eve") : Promise.resolve(undefined),
        visitor.http("POST", "/set", '["http",1]').then(({ status }) => toCode(status)),
        visitor.knock().then(async ({ status, tcp }) => {
          tcp.destroy();
          return toCode(await status);
        }),
      ]);
      const codes = await Promise.all(deeds);
      expect(codes.filter((code) => !told(fault).includes(code))).toEqual([]);
      expect(codes).toContain("unavailable");
      // A line of those who wait does not make the wait longer.
      expect(performance.now() - started).toBeLessThan(REST);
      for (const { guest } of guests) expect(await guest.ask("account.me")).toMatchObject({ data: {} });

      await stage.desk.fail(healthy);
      const { guest } = await logIn();
      expect(await guest.codeOf("account.set", ["k", 1])).toBeUndefined();
      for (const { tcp } of [guest, ...guests.map((one) => one.guest)]) tcp.destroy();
    });

    // The lock of an id must not be held for as long as the driver takes, which is for ever.
    test("a session of which one operation never came to its end is to be had again", async () => {
      const { visitor, guest } = await logIn();
      await stage.desk.fail({ how: "hangs", every: 1 });
      await guest.codeOf("account.set", ["i", 1]);
      await stage.desk.fail(healthy);
      guest.tcp.destroy();
      await expect.poll(async () => (await visitor.http("GET", "/me")).status, { timeout: REST * 1.3 }).toBe(200);
    });

    test("is fine, and the log says when it failed and when it worked again", async () => {
      await stage.desk.fail(healthy);
      (await logIn()).guest.tcp.destroy();
      await stage.expectPeace();
      const notices = await stage.desk.notices();
      const known = new Set([
        "vault warn The session store fails (Error: The store is down)",
        "vault warn The session store fails (Error: The store is broken)",
        "vault warn The session store fails (Error: No answer in 150 ms)",
        "vault warn The session store fails (Error: An earlier write has not come to its end)",
        "vault warn The session store works again",
        "fresh warn The session store fails (Error: The store is down)",
        "fresh warn The session store works again",
      ]);
      expect(notices.filter((line) => !known.has(line))).toEqual([]);
      const count = (text: string): number => notices.filter((line) => line.includes(text)).length;
      expect(count("vault warn The session store works again")).toBe(count("vault warn The session store fails"));
      await stage.expectFine();
    });
  });
}
