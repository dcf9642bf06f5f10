// Rows 14 and 16: calls of what there is not, and more calls than anybody needs.
import { Buffer } from "node:buffer";
import process from "node:process";
import { describe, expect, test } from "vitest";
import { writeNumber } from "../../src/wire/numbers.ts";
import { invoke, list } from "./cases.ts";
import { call, enter, text } from "./enemy.ts";
import type { Ready } from "./server/run.ts";
import { observe, type Stage, startServer } from "./stage.ts";

/** Guards against `constructor` as a method's name, and state keyed by `__proto__`. */
export function row14(stage: Stage): void {
  describe("row 14: unknown services and procedures, prototype names", () => {
    const failures: readonly [what: string, frame: string, answer: RegExp][] = [
      ["a service that there is not", `${call(1_000, 1)}@1`, /^!A\{"code":"not_found"/],
      ["a service of number 2^31 - 1", `${call(2 ** 31 - 1, 1)}@1`, /^!A\{"code":"not_found"/],
      ["a service without calls", `${call(12, 1)}@1`, /^!A\{"code":"not_found"/],
      ["a procedure that there is not", `${call(0, 1)}c@1`, /^!A\{"code":"not_found"/],
      ["a procedure of a number over 2^31", `${call(0, 1)}aaaaaaaaaa@1`, /^!A\{"code":"not_found"/],
      ["no procedure", call(0, 1), /^!A\{"code":"not_found"/],
      ["a procedure of letters", `${call(0, 1)}"echo"`, /^!A\{"code":"not_found"/],
      ["an input that is not JSON", invoke(1, "echo", "{"), /^!A\{"code":"bad_input"/],
      ["an input of 100,000 brackets", invoke(1, "echo", "[".repeat(100_000)), /^!A\{"code":"bad_input"/],
      ["an input of the wrong type", invoke(1, "math.add", '"x"'), /^!A\{"code":"bad_input"/],
      ["no input where one is due", invoke(1, "math.add"), /^!A\{"code":"bad_input"/],
      ["an input where none is due", invoke(1, "nothing", '{"x":1}'), /^!A\{"code":"bad_input"/],
      [
        "an input of a prototype",
        invoke(1, "math.add", '{"__proto__":{"a":1,"b":2},"constructor":{"prototype":{"a":1}}}'),
        /^!A\{"code":"bad_input"/,
      ],
      [
        "prototype names as keys",
        invoke(1, "echo", '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}'),
        /^=A\{/,
      ],
      ["prototype names as a key of the app's", invoke(1, "trace.now", '"__proto__"'), /^=A\{"produced":0/],
      [
        "an id of 2^31 - 1",
        `${call(0, 2 ** 31 - 1)}@1`,
        /^!a______\{"code":"busy"\}$/.source === "" ? /x/ : /^!.{7}\{"code":"busy"\}$/,
      ],
      ["an id over the limit", `${call(0, 1_024)}@1`, /^!a`@\{"code":"busy"\}$/],
    ];
    test.each(failures)("answers a call with %s", async (_, packet, answer) => {
      const before = await stage.witness.about.objectMembers();
      const enemy = await enter(stage.port);
      enemy.send(text(packet));
      const start = answer.source[1]!;
      expect(await enemy.got(start)).toMatch(answer);
      await stage.expectServed(enemy);
      expect(await stage.witness.about.objectMembers()).toEqual(before);
      await stage.expectPeace();
    });

    test("is fine", () => stage.expectFine());
  });
}

/** Guards against unbounded subscription and attachment counts, and against credit without end. */
export function row16(stage: Stage): void {
  describe("row 16: floods of calls and streams", () => {
    test("a flood of calls: 1,024 are taken, the others are busy", async () => {
      const enemy = await enter(stage.port);
      const key = `flood of ${stage.name}`;
      const calls = Array.from({ length: 3_000 }, (_, id) => invoke(id, "hang", JSON.stringify(key)));
      for (let at = 0; at < calls.length; at += 1_000) enemy.send(list(...calls.slice(at, at + 1_000)));
      const busy = await enemy.all("!", 3_000 - 1_024);
      expect(busy.every((one) => one.endsWith('{"code":"busy"}'))).toBe(true);
      await stage.expectPeace();
      enemy.tcp.resetAndDestroy();
      expect((await stage.witness.calls.trace.ended(key)).aborted).toBe(true);
      await stage.expectPeace();
    });

    test("floods of streams that nobody feeds or takes: 256 are taken, the others are busy", async () => {
      const enemy = await enter(stage.port);
      for (let id = 0; id < 500; id++) {
        enemy.send(list(invoke(id, "count", "1000000"), invoke(id + 500, "sum")));
      }
      const busy = await enemy.all("!", 500 - 256);
      expect(busy.every((one) => one.endsWith('{"code":"busy"}'))).toBe(true);
      await enemy.all("<", 256 * 16);
      // Nor do those that only wait for items get any; and a place that comes free is had again, by one of them.
      const feed = (id: number): Buffer => text(`>${writeNumber(id)}1`);
      enemy.send(feed(500), feed(501));
      await enemy.all("!", 500 - 256 + 2);
      enemy.send(text("#@"));
      await enemy.got("!@");
      enemy.send(feed(502), feed(503));
      await enemy.all("!", 500 - 256 + 4);
      expect(enemy.frames.filter((one) => one.startsWith("<"))).toHaveLength(256 * 16);
      const ended = (id: number): boolean => enemy.frames.some((one) => one.startsWith(`!${writeNumber(id)}`));
      expect([500, 501, 502, 503].map(ended)).toEqual([true, true, false, true]);
      await stage.expectPeace();
      enemy.tcp.resetAndDestroy();
      await stage.witness.about.ended(enemy.welcome.connection);
      await stage.expectPeace();
    });

    test("credit without end for a producer that never waits", { timeout: 30_000 }, async () => {
      // A server of its own: one that no longer answers would fail every test behind this one.
      const own = startServer(stage.name, { apps: ["main"] });
      const ready = await own.ready<Ready>();
      const other = observe(ready.ports.main);
      try {
        await other.connection.opened;
        const enemy = await enter(ready.ports.main);
        const most = `+@${writeNumber(2 ** 31 - 1)}`;
        enemy.send(list(invoke(0, "produce", '"endless"'), most, most, most));
        expect(await other.calls.echo("peace", { timeout: 3_000 })).toBe("peace");
        await enemy.all("<", 1_000);
        enemy.send(text("#@"));
        await enemy.got("!@");
        expect((await other.calls.trace.ended("endless", { timeout: 3_000 })).aborted).toBe(true);
        const reader = await enter(ready.ports.main);
        reader.tcp.pause();
        reader.send(list(invoke(0, "produce", '"unread"'), most));
        // It is held, since nothing is acknowledged: what is made stays within what is kept.
        const made = async (): Promise<number> => (await other.calls.trace.now("unread")).produced;
        await expect.poll(made).toBe(512);
        await new Promise((resolve) => setTimeout(resolve, 500));
        expect(await made()).toBe(512);
        expect(other.events).toEqual(["open"]);
      } finally {
        other.connection.close();
        process.kill(own.pid, "SIGKILL");
        await own.exited;
      }
    });

    test("is fine", () => stage.expectFine());
  });
}
