// Row 18, on one server: the cookie tampered with, set by somebody else, logged out, expired.
import { describe, expect, test } from "vitest";
import { BRIEF, IDLE, OLD_SECRET, SECRET } from "./secrets.ts";
import type { AppName } from "./server/run.ts";
import type { Stage } from "./stage.ts";
import { text } from "./enemy.ts";
import { type Guest, idOf, setCookies, signed, type Visitor } from "./visitor.ts";

const PING = text("(");

/** How long it takes at most until all connections of a session are closed, in ms. */
const PROMPT = 250;

/** How long a ticket is good, and more, in ms. */
const LATER = 10_500;

/** The ticket that comes with a new id. */
async function ticketOf(guest: Guest): Promise<string> {
  return (JSON.parse((await guest.take('${"session":')).slice(1)) as { session: string }).session;
}

/** Another character in the place of one. */
const flips = (text: string): string[] =>
  Array.from({ length: text.length * 8 }, (_, i) => {
    const place = i >> 3;
    const flipped = String.fromCharCode(text.charCodeAt(place) ^ (1 << (i & 7)));
    return text.slice(0, place) + flipped + text.slice(place + 1);
  });

/**
 * Guards against ids that a client chooses (fixation), sessions that are still valid after a logout, signatures that are
 * compared in part, and names and values that are compared before they are put into one canonical form.
 */
export function row18(stage: Stage): void {
  describe("row 18: the cookie tampered with, fixed, logged out, expired", () => {
    /** Somebody who has logged in, with a cookie that is good. */
    async function logIn(app: AppName = "vault"): Promise<{ visitor: Visitor; id: string }> {
      const visitor = stage.visitor(app);
      expect(await visitor.http("POST", "/login", "Ada")).toMatchObject({ status: 200 });
      const { id, data } = await visitor.me();
      expect(data["name"]).toBe("Ada");
      return { visitor, id };
    }

    /** Somebody with such cookies is nobody: over HTTP, and over a socket if asked for, where a cookie of its own comes. */
    async function expectNobody(id: string, visitor: Visitor, socket = true): Promise<void> {
      const me = await visitor.me();
      expect(me.data).toEqual({});
      expect(me.id).not.toBe(id);
      if (!socket) return;
      const guest = await visitor.enter();
      const own = await guest.ask<{ id: string; data: object }>("account.me");
      guest.tcp.destroy();
      expect(own.data).toEqual({});
      expect([id, me.id]).not.toContain(own.id);
      expect(setCookies(guest.head).map((cookie) => cookie.split("=")[0])).toEqual(["prism.sid"]);
    }

    test("the upgrade's response sets the cookie, once, so that no script sees it", async () => {
      const visitor = stage.visitor("vault");
      const first = await visitor.enter();
      expect(setCookies(first.head)).toEqual([
        expect.stringMatching(
          /^prism\.sid=s%3A[\w-]{22}\.[A-Za-z\d%]{43,}; Max-Age=604800; Path=\/; HttpOnly; SameSite=Lax$/,
        ),
      ]);
      const { id } = await first.ask<{ id: string }>("account.me");
      expect(idOf(visitor.cookie)).toBe(id);
      expect(visitor.cookie).toBe(signed(id, SECRET));
      const second = await visitor.enter();
      expect(setCookies(second.head)).toEqual([]);
      expect(await second.ask("account.me")).toMatchObject({ id });
      for (const { tcp } of [first, second]) tcp.destroy();
    });

    test("over TLS it is __Host- and Secure, and a socket and HTTP share it", async () => {
      const visitor = stage.visitor("secure");
      const guest = await visitor.enter({ headers: ["Origin: https://good.example"] });
      const cookie = /^__Host-prism\.sid=s%3A[^;]*; Max-Age=604800; Path=\/; HttpOnly; SameSite=Lax; Secure$/;
      expect(setCookies(guest.head)).toEqual([expect.stringMatching(cookie)]);
      await guest.ask("account.set", ["name", "Ada"]);
      expect(await visitor.me()).toMatchObject({ data: { name: "Ada" } });
      const login = await visitor.http("POST", "/login", "Eve");
      expect(login.cookies).toEqual([expect.stringMatching(cookie)]);
      expect(await guest.closed).toBe(4004);
      const again = await visitor.enter();
      expect(await again.ask("account.me")).toMatchObject({ id: login.text, data: { name: "Eve" } });
      again.tcp.destroy();
      // The name without its prefix could have been set by any neighbour.
      const [value = ""] = visitor.jar.values();
      const neighbour = stage.visitor("secure", value);
      expect((await neighbour.me()).data).toEqual({});
      const page = await visitor.knock({ headers: ["Origin: http://good.example"] });
      expect(await page.status).toBe(403);
    });

    test("each bit of it, flipped, makes it nobody's", { timeout: 20_000 }, async () => {
      const { visitor, id } = await logIn();
      const value = decodeURIComponent(visitor.cookie!);
      // The padding that base64 leaves open is compared, too.
      const tampered = [...flips(value), `${value}=`, ` ${value}`, `${value}.`, value.slice(0, -1), value.slice(2)];
      for (const [i, text] of tampered.entries()) {
        const forger = stage.visitor("vault", encodeURIComponent(text));
        const { data } = await forger.me();
        expect(data, text).toEqual({});
        if (i % 32 === 0) await expectNobody(id, forger);
      }
      expect((await visitor.me()).data).toEqual({ name: "Ada" });
    });

    test("nobody else's secret, form or name will do", async () => {
      const { visitor, id } = await logIn();
      const good = visitor.cookie!;
      const signature = decodeURIComponent(good).slice(25);
      const forged = [
        signed(id, ""),
        signed(id, SECRET.toUpperCase()),
        signed(id, `${SECRET} `),
        signed(id, id),
        id,
        `s:${id}`,
        `s:${id}.`,
        `s:${id}.${"A".repeat(43)}`,
        `j:${id}.${signature}`,
        `s:${id.toLowerCase()}.${signature}`,
        `s:${id}%00.${signature}`,
        `s:${id}/../${id}.${signature}`,
        `s%3a${id}.${"%41".repeat(43)}`,
        `"${good}"`,
        encodeURIComponent(good),
        `${good}%`,
        "%",
        "s:__proto__.x",
        "s:..%2F..%2Fetc%2Fpasswd.x",
      ];
      for (const cookie of forged) {
        const stranger = stage.visitor("vault", cookie);
        expect((await stranger.me()).data, cookie).toEqual({});
      }
      for (const name of ["Prism.sid", "prism.sid2", "xprism.sid", "__Host-prism.sid", "__Secure-prism.sid", ""]) {
        const stranger = stage.visitor("vault");
        stranger.jar.set(name, good);
        await expectNobody(id, stranger);
      }
      // The one before the secret that signs now is good still, and its cookie renewed.
      const old = stage.visitor("vault", signed(id, OLD_SECRET));
      expect(await old.me()).toEqual({ id, data: { name: "Ada" } });
      expect(old.cookie).toBe(good);
    });

    test("an id that a client made up, however well signed, is not the id that it gets after a login", async () => {
      const chosen = "chosenByTheAttacker_00";
      const attacker = stage.visitor("vault", signed(chosen, `${SECRET}?`));
      const guest = await attacker.enter();
      const { id } = await guest.ask<{ id: string }>("account.me");
      expect(id).not.toBe(chosen);
      guest.tcp.destroy();
    });

    test("of several by its name, the one that is good counts, among the first four", async () => {
      const { visitor, id } = await logIn();
      const bad = `s%3A${"A".repeat(22)}.${"A".repeat(43)}`;
      const as = async (...values: string[]): Promise<Record<string, unknown>> => {
        const cookie = values.map((value) => `prism.sid=${value}`).join("; ");
        return (JSON.parse((await stage.visitor("vault").http("GET", "/me", "", { cookie })).text) as { data: {} })
          .data;
      };
      const good = visitor.cookie!;
      expect(await as(bad, good)).toEqual({ name: "Ada" });
      expect(await as(good, bad)).toEqual({ name: "Ada" });
      expect(await as(bad, bad, bad, good)).toEqual({ name: "Ada" });
      expect(await as(bad, bad, bad, bad, good)).toEqual({});
      // A cookie that a neighbour has set, of a session of its own: the browser sends the longer path first.
      const other = await logIn();
      expect((await visitor.me()).id).toBe(id);
      expect(other.id).not.toBe(id);
    });

    test("a cookie of 15 KB is as good as none, and one of 16 KiB is refused where the platform has a limit", async () => {
      const long = stage.visitor("vault", "s%3A".padEnd(15_000, "A"));
      const guest = await long.enter();
      expect(await guest.ask("account.me")).toMatchObject({ data: {} });
      guest.tcp.destroy();
      const many = stage.visitor("vault");
      for (let i = 0; i < 1_500; i++) many.jar.set(`c${i}`, "x");
      await expectNobody("", many, false);
      const longer = await stage.visitor("vault", "s%3A".padEnd(16_384, "A")).knock();
      expect(await longer.status).toBe(stage.platform.longCookie);
      longer.tcp.destroy();
    });

    test("fixed: the session that an attacker gave its victim is nobody's after the login", async () => {
      const attacker = stage.visitor("vault");
      const lurking = await attacker.enter();
      const victim = stage.visitor("vault", attacker.cookie);
      const guest = await victim.enter();
      await guest.ask("account.set", ["note", "kept"]);
      expect(idOf(victim.cookie)).toBe(idOf(attacker.cookie));

      const id = await guest.ask<string>("account.login", "Ada");
      expect(id).not.toBe(idOf(attacker.cookie));
      expect(await lurking.closed).toBe(4004);
      const ticket = await ticketOf(guest);
      // Until the victim has its cookie, whoever comes with the old one is to come again; it is told nothing.
      const early = await attacker.knock();
      expect([await early.status, setCookies(early.head)]).toEqual([503, []]);
      expect((await attacker.me()).data).toEqual({});
      expect((await attacker.redeem(ticket.replace(/./, (first) => (first === "A" ? "B" : "A")))).status).toBe(403);

      const { status, cookies } = await victim.redeem(ticket);
      expect([status, cookies.length]).toEqual([204, 1]);
      expect(idOf(victim.cookie)).toBe(id);
      expect(await victim.me()).toEqual({ id, data: { note: "kept", name: "Ada" } });
      expect((await attacker.me()).data).toEqual({});
      guest.tcp.destroy();
    });

    test("a ticket is good once, with the old cookie, from a page that may, and in time", async () => {
      const { visitor, id } = await logIn();
      const old = visitor.cookie!;
      const guest = await visitor.enter();
      const next = await guest.ask<string>("account.login", "Eve");
      const ticket = await ticketOf(guest);
      const statusOf = async (cookie: string | undefined, text: string, headers = {}): Promise<number> => {
        const { status, cookies } = await stage.visitor("vault", cookie).redeem(text, headers);
        expect(cookies).toEqual(status === 204 ? [expect.stringContaining(next)] : []);
        return status;
      };
      expect(await statusOf(undefined, ticket)).toBe(403);
      expect(await statusOf((await logIn()).visitor.cookie, ticket)).toBe(403);
      expect(await statusOf(signed(next, SECRET), ticket)).toBe(403);
      expect(await statusOf(old, ticket.toLowerCase())).toBe(403);
      expect(await statusOf(old, `${ticket} `)).toBe(403);
      expect(await statusOf(old, "")).toBeOneOf([400, 403]);
      expect(await statusOf(old, "x".repeat(200))).toBe(400);
      expect(await statusOf(old, ticket, { origin: "http://evil.example" })).toBe(403);
      expect(await statusOf(old, ticket, { origin: "null" })).toBe(403);
      expect((await visitor.http("GET", "/prism/session")).status).toBe(405);
      // Of several at once, one.
      const all = await Promise.all(Array.from({ length: 8 }, () => statusOf(old, ticket)));
      expect(all.toSorted((a, b) => a - b)).toEqual([204, ...Array.from({ length: 7 }, () => 403)]);
      expect(await statusOf(old, ticket)).toBe(403);

      const late = await guest.ask<string>("account.login", "Zoe");
      const second = await ticketOf(guest);
      await stage.desk.skip(LATER);
      expect((await stage.visitor("vault", signed(next, SECRET)).redeem(second)).status).toBe(403);
      // Who kept no cookies goes on; and the old ids are dead.
      expect(await guest.ask("account.me")).toEqual({ id: late, data: { name: "Zoe" } });
      for (const dead of [id, next]) await expectNobody(dead, stage.visitor("vault", signed(dead, SECRET)));
      guest.tcp.destroy();
    });

    test.each(["a socket", "HTTP"])("logged out over %s: all is closed in 250 ms, and the cookie dead", async (by) => {
      const { visitor, id } = await logIn();
      const cookie = visitor.cookie!;
      const guests = await Promise.all(Array.from({ length: 6 }, () => visitor.enter()));
      // Nothing of theirs is left to be read: Deno resets a connection that it closes with unread bytes, and no code comes.
      for (const guest of guests) expect(await guest.ask("account.me")).toMatchObject({ id });
      const started = performance.now();
      if (by === "HTTP") {
        const { cookies } = await visitor.http("POST", "/logout");
        expect(cookies).toEqual([expect.stringMatching(/^prism\.sid=; Max-Age=0; Path=\/; HttpOnly; SameSite=Lax$/)]);
      } else await guests[0]!.ask("account.logout");
      const codes = await Promise.all(guests.map(({ closed }) => closed));
      const elapsed = performance.now() - started;
      expect(codes).toEqual(guests.map(() => 1008));
      expect(elapsed).toBeLessThan(PROMPT);
      await expectNobody(id, stage.visitor("vault", cookie));
      // What another app, on the same store, keeps in memory is found out with the next message.
      expect((await stage.visitor("fresh", cookie).me()).data).toEqual({});
      for (const { tcp } of guests) tcp.destroy();
    });

    test("logged out while a handshake is on its way: it comes in as nobody, or not at all", async () => {
      for (let i = 0; i < 10; i++) {
        const { visitor, id } = await logIn();
        const guest = await visitor.enter();
        const cookie = visitor.cookie!;
        const late = stage.visitor("vault", cookie).knock();
        const [code, knocked] = await Promise.all([guest.codeOf("account.logout"), late]);
        expect(code).toBeUndefined();
        expect([101, 503]).toContain(await knocked.status);
        if ((await knocked.status) === 101) {
          // Closed with 1008 where it came in before; else it has a session of its own.
          const first = setCookies(knocked.head);
          if (first.length === 0) expect(await knocked.closed).toBe(1008);
          else expect(first[0]).not.toContain(id);
        }
        for (const { tcp } of [guest, knocked]) tcp.destroy();
      }
    });

    test("expired in all: live connections are closed with 1008, whatever they do, and the cookie is dead", async () => {
      const started = performance.now();
      const { visitor, id } = await logIn("brief");
      const guests = [await visitor.enter(), await visitor.enter()];
      const busy = setInterval(() => guests[0]!.ask("account.me").catch(() => {}), 50);
      const cookie = visitor.cookie!;
      expect(await Promise.all(guests.map(({ closed }) => closed))).toEqual([1008, 1008]);
      clearInterval(busy);
      expect(performance.now() - started).toBeGreaterThanOrEqual(BRIEF - 10);
      // The id may come back, as that of a session without anything in it.
      expect((await stage.visitor("brief", cookie).me()).data).toEqual({});
      expect(id).toBe(idOf(cookie));
      for (const { tcp } of guests) tcp.destroy();
    });

    test("expired without a word: who talks stays, and heartbeats are no talk", async () => {
      const talker = await logIn("idle");
      const sleeper = await logIn("idle");
      const talking = await talker.visitor.enter();
      const sleeping = await sleeper.visitor.enter();
      const started = performance.now();
      const talk = setInterval(() => talking.ask("account.me").catch(() => {}), IDLE / 8);
      const beat = setInterval(() => sleeping.send(PING), IDLE / 8);
      expect(await sleeping.closed).toBe(1008);
      const elapsed = performance.now() - started;
      expect(elapsed).toBeGreaterThan(IDLE / 2);
      expect(elapsed).toBeLessThan(IDLE * 2);
      expect(await talking.ask("account.me")).toMatchObject({ id: talker.id, data: { name: "Ada" } });
      for (const timer of [talk, beat]) clearInterval(timer);
      expect((await stage.visitor("idle", sleeper.visitor.cookie).me()).data).toEqual({});
      for (const { tcp } of [talking, sleeping]) tcp.destroy();
    });

    test("is fine", () =>
      stage.expectFine([
        "vault warn Refused by the option origins (prism({ origins: (origin) => … }): it is none that a list can have)",
        'vault warn Refused by the option origins (prism({ origins: ["same", "http://evil.example"] }))',
        'secure warn Refused by the option origins (prism({ origins: ["same", "http://good.example"] }))',
      ]));
  });
}
