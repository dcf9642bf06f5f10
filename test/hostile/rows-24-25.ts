// Row 24: prototype pollution and deep JSON. Row 25: clients that take their time, and headers without end.
import { connect } from "node:net";
import { describe, expect, test } from "vitest";
import { writeNumber } from "../../src/wire/numbers.ts";
import { upgradeRequest } from "../adapters/raw-client.ts";
import { invoke } from "./cases.ts";
import { call, Enemy, enter, text } from "./enemy.ts";
import { limits, type Stage } from "./stage.ts";
import { idOf } from "./visitor.ts";

/** What pollutes prototypes where somebody copies it member by member. */
const corpus: readonly string[] = [
  '{"__proto__":{"polluted":1,"admin":true}}',
  '{"__proto__":null}',
  '{"__proto__":[]}',
  '{"__proto__":"x"}',
  '{"constructor":{"prototype":{"polluted":1,"admin":true}}}',
  '{"constructor":"x"}',
  '{"prototype":{"polluted":1}}',
  '{"a":{"__proto__":{"polluted":1,"admin":true}}}',
  '{"a":[{"b":{"constructor":{"prototype":{"polluted":1}}}}]}',
  '{"__\\u0070roto__":{"polluted":1,"admin":true}}',
  '{"\\u005f_proto__":{"admin":true}}',
  '{"c\\u006fnstructor":{"prototype":{"polluted":1}}}',
  '{"__proto__.polluted":1,"__proto__[polluted]":1,"constructor.prototype.polluted":1}',
  '{"__proto__":{"toString":"x","valueOf":"x","then":"x"}}',
  '{"toString":"x","valueOf":"x","hasOwnProperty":"x","toJSON":"x","then":"x"}',
  '{"__defineGetter__":"x","__defineSetter__":"x","__lookupGetter__":"x"}',
  '{"length":1e9,"0":"x"}',
  '{"":1,"\\u0000":2,"\\u2028":3}',
];

/** Names that every object has, or that somebody might look for. */
const names = ["__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "then", "toJSON", "polluted"];

/** Guards against state keyed by `__proto__`, and against bodies that are copied member by member. */
export function row24(stage: Stage): void {
  describe("row 24: prototype pollution, deep JSON", () => {
    test("bodies, and what is sent on of them, come back as they were", async () => {
      const enemy = await enter(stage.port);
      for (const [i, json] of corpus.entries()) {
        enemy.send(text(invoke(i, "echo", json)));
        const answer = (await enemy.take(`=${writeNumber(i)}`)).slice(writeNumber(i).length + 1);
        expect(answer).toBe(JSON.stringify(JSON.parse(json)));
        enemy.send(text(`A${json}`));
        expect((await enemy.take("A")).slice(1)).toBe(answer);
      }
      await stage.expectServed(enemy);
      await stage.expectFine();
    });

    test.each(["put", "add"])("sessions: %s, stored, read by others", async (how) => {
      for (const json of corpus) {
        const visitor = stage.visitor("vault");
        const guest = await visitor.enter();
        await guest.ask(`account.${how}`, JSON.parse(json));
        const stored = (await stage.desk.stored(idOf(visitor.cookie))) ?? "";
        expect(stored, json).not.toMatch(/"__proto__"|"constructor":\{"prototype"/);
        // Neither who has it in memory, nor who reads it anew, finds more in it than its own members.
        // (`Object.assign` itself turns a `__proto__` into the prototype of what it assigns to, and of nothing else.)
        const others = how === "add" ? [] : [await visitor.enter()];
        for (const other of [...others, await stage.visitor("fresh", visitor.cookie).enter()]) {
          expect(await other.ask("account.admin"), json).toBe(null);
          other.tcp.destroy();
        }
        const { data } = await visitor.me();
        expect(Object.keys(data), json).toEqual(
          Object.keys(JSON.parse(json) as object).filter((key) => stored.includes(JSON.stringify(key).slice(1, -1))),
        );
        guest.tcp.destroy();
      }
      await stage.expectFine();
    });

    test("sessions: names that clients chose as keys, over sockets and HTTP", async () => {
      const visitor = stage.visitor("vault");
      const guest = await visitor.enter();
      await guest.ask("account.set", ["mine", 1]);
      for (const name of names) {
        for (const value of [{ admin: true }, "x", null, [1]]) {
          await guest.codeOf("account.set", [name, value]);
          await visitor.http("POST", "/set", JSON.stringify([name, value]));
        }
      }
      const other = await stage.visitor("fresh", visitor.cookie).enter();
      expect(await other.ask("account.admin")).toBe(null);
      expect(await other.ask("account.me")).toMatchObject({ data: { mine: 1, polluted: [1] } });
      // Somebody else's session is untouched.
      const stranger = await stage.visitor("vault").enter();
      expect(await stranger.ask("account.admin")).toBe(null);
      expect(await stranger.ask("account.me")).toMatchObject({ data: {} });
      for (const { tcp } of [guest, other, stranger]) tcp.destroy();
      await stage.expectFine();
    });

    test.each([1_000, 10_000, 100_000, 1_000_000])("%i levels of JSON, wherever JSON is read", async (levels) => {
      const lists = "[".repeat(levels) + "]".repeat(levels);
      const objects = '{"a":'.repeat(Math.min(levels, 500_000)) + "1" + "}".repeat(Math.min(levels, 500_000));
      for (const deep of [lists, "[".repeat(levels), objects]) {
        // An app that takes packets that large.
        const guest = await stage.visitor("vault").enter();
        const [service, , list = []] = guest.welcome.services["account"]!;
        for (const [i, procedure] of ["put", "add", "set", "login", "me"].entries()) {
          guest.send(text(`${call(service, i)}${writeNumber(list.indexOf(procedure))}${deep}`));
          expect(await guest.take(`!${writeNumber(i)}`)).toMatch(/^!.\{"code":"bad_input"/);
        }
        expect(await guest.ask("account.me")).toMatchObject({ data: {} });
        guest.tcp.destroy();
        const redeemed = stage.visitor("vault").redeem(deep);
        // A body that long may be cut before it is answered.
        expect(await redeemed.then(({ status }) => status).catch(() => 0)).toBeOneOf(
          levels < 10_000 ? [400] : [0, 400],
        );
      }
      await stage.expectFine();
    });

    test("control frames: a token that nobody asked for is passed over, however deep", async () => {
      for (const levels of [1_000, 10_000, 60_000]) {
        const guest = await stage.visitor("vault").enter();
        guest.send(text(['${"auth":', "[".repeat(levels), "]".repeat(levels), "}"].join("")));
        expect(await guest.ask("account.me")).toMatchObject({ data: {} });
        guest.send(text(['${"auth":', "[".repeat(levels), "}"].join("")));
        expect(await guest.closed).toBe(1002);
        guest.tcp.destroy();
        const asked = await stage.visitor("gate").enter({ headers: ["Origin: http://good.example"] });
        asked.send(text(['${"auth":', "[".repeat(levels), "]".repeat(levels), "}"].join("")));
        expect(await asked.closed).toBe(1008);
        asked.tcp.destroy();
      }
      await stage.expectFine();
    });

    test("as many levels as are allowed go there and back, into sessions too, and no more", async () => {
      const nested = (levels: number): unknown => {
        let value: unknown = 1;
        for (let i = 0; i < levels; i++) value = [value];
        return value;
      };
      const visitor = stage.visitor("vault");
      const guest = await visitor.enter();
      expect(await guest.codeOf("account.put", { deep: nested(511) })).toBeUndefined();
      expect((await visitor.me()).data).toEqual({ deep: nested(511) });
      expect(await guest.codeOf("account.put", { deep: nested(512) })).toBe("bad_input");
      guest.tcp.destroy();
      await stage.expectFine();
    });

    test("refuses JSON of 60,000 levels, in a call and in a message that would be sent on", async () => {
      const deep = "[".repeat(60_000) + "]".repeat(60_000);
      const enemy = await enter(stage.port);
      enemy.send(text(`A${deep}`), text(invoke(1, "echo", deep)), text(invoke(2, "math.add", deep)));
      expect(await enemy.got("!B")).toMatch(/"code":"bad_input"/);
      const answers = enemy.frames.filter((one) => /^[=!]A/.test(one));
      expect(answers).toEqual([expect.stringMatching(/^!A\{"code":"bad_input","message":"JSON nested deeper/)]);
      await stage.expectServed(enemy);
      await stage.expectPeace();
    });

    test("is fine", () => stage.expectFine());
  });
}

/** Guards against handshakes and bodies that are waited for without end, and header parsing with quadratic time. */
export function row25(stage: Stage): void {
  describe("row 25: slow loris, header floods", () => {
    test("many headers, and long ones", async () => {
      const many = Array.from({ length: 2_000 }, () => "X: x");
      const first = new Enemy(stage.port, upgradeRequest({ target: "/prism", headers: many }));
      expect(await first.status).toBe(stage.platform.manyHeaders);
      const long = new Enemy(stage.port, upgradeRequest({ target: "/prism", headers: [`X: ${"x".repeat(100_000)}`] }));
      expect(await long.status).toBe(stage.platform.longHeader);
      const protocols = Array.from({ length: 200 }, (_, i) => `prism.manifest.${"m".repeat(i)}`).join(",");
      const offers = new Enemy(
        stage.port,
        upgradeRequest({ target: "/prism", headers: [`Sec-WebSocket-Protocol: ${protocols}`] }),
      );
      expect(await offers.status).toBeOneOf([101, 431]);
      for (const { tcp } of [first, long, offers]) tcp.destroy();
      await stage.expectPeace();
    });

    test("requests that never come to their end", async () => {
      const slow = Array.from({ length: 30 }, () => new Enemy(stage.port, "GET /prism HTTP/1.1\r\nHost: x\r\n"));
      const drip = setInterval(() => slow.forEach(({ tcp }) => tcp.write("X: y\r\n")), 200);
      const cut = Promise.all(slow.map(({ closed }) => closed)).then(() => true);
      if (stage.platform.cutsSlowRequests) await cut;
      else {
        const late = new Promise<boolean>((resolve) => setTimeout(() => resolve(false), limits.handshake * 2));
        expect(await Promise.race([cut, late])).toBe(false);
      }
      clearInterval(drip);
      await stage.expectPeace();
      for (const { tcp } of slow) tcp.destroy();
    });

    test("a body that never comes to its end: 400 when the handshake has had its time", async () => {
      const head = `POST /prism/session HTTP/1.1\r\nHost: good.example\r\nContent-Type: text/plain\r\n`;
      const kinds = [`${head}Content-Length: 100\r\n\r\n`, `${head}Transfer-Encoding: chunked\r\n\r\n`];
      const started = performance.now();
      const slow = Array.from({ length: 20 }, (_, i) => new Enemy(stage.port, kinds[i % 2]));
      const drip = setInterval(() => slow.forEach(({ tcp }, i) => tcp.write(i % 2 > 0 ? "1\r\nx\r\n" : "x")), 100);
      const statuses = await Promise.all(slow.map(({ status }) => status));
      clearInterval(drip);
      // Or cut, which does as well.
      expect(statuses.filter((status) => ![0, 400].includes(status))).toEqual([]);
      expect(performance.now() - started).toBeLessThan(limits.handshake * 2);
      for (const { tcp } of slow) tcp.destroy();
      await stage.expectPeace();
    });

    test("a body that is too long is answered, or cut, before it has come", async () => {
      const head = `POST /prism/session HTTP/1.1\r\nHost: good.example\r\nContent-Length: 1000000000\r\n\r\n`;
      const enemy = new Enemy(stage.port, head);
      const more = setInterval(() => enemy.tcp.write("x".repeat(1_000)), 5);
      expect(await enemy.status).toBeOneOf([0, 400, 413]);
      clearInterval(more);
      enemy.tcp.destroy();
      await stage.expectPeace();
    });

    test("headers without end are cut off, in linear time", async () => {
      for (const line of ["X: y\r\n", `X: ${"y".repeat(8_000)}\r\n`, `X: ${" ".repeat(8_000)}y\r\n`, "x"]) {
        const tcp = connect(stage.port, "127.0.0.1");
        tcp.on("error", () => {});
        const gone = new Promise<void>((resolve) => tcp.on("close", () => resolve()));
        tcp.resume().write("GET /prism HTTP/1.1\r\nHost: good.example\r\n");
        const started = performance.now();
        for (let sent = 0; !tcp.destroyed && tcp.writable && sent < 20_000_000;) {
          const chunk = line.repeat(Math.ceil(16_384 / line.length));
          sent += chunk.length;
          if (tcp.write(chunk)) continue;
          await Promise.race([gone, new Promise<void>((resolve) => tcp.once("drain", resolve))]);
        }
        // Node passes over the spaces in front of a value without counting them; time is up for them, too.
        await gone;
        expect(performance.now() - started).toBeLessThan(limits.handshake * 2.5);
        tcp.destroy();
      }
      await stage.expectPeace();
    });

    test("is fine", () => stage.expectFine());
  });
}
