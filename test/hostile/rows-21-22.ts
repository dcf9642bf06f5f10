// Rows 21 and 22: what the app's own code does wrong, in handlers, hooks and middleware.
import { describe, expect, test } from "vitest";
import { writeNumber } from "../../src/wire/numbers.ts";
import { call, text } from "./enemy.ts";
import { isTyped, monsters, SECRET_TEXT, thrown, times, toDeed } from "./server/deeds.ts";
import { returned } from "./server/gate.ts";
import { outcomes } from "./server/wild.ts";
import { startServer, type Stage } from "./stage.ts";
import type { Ready } from "./server/run.ts";
import { type Failure, type Guest, Visitor } from "./visitor.ts";

const deeds = times.flatMap((time) => Object.keys(thrown).map((what) => ({ what, deed: toDeed(time, what) })));

/** The code that a caller hears of a deed. */
const codeOf = (what: string): string => (isTyped(what) ? "teapot" : "internal");

/** Nothing that a client got has the text of an error in it. */
function expectNoText(guest: Guest): void {
  expect(guest.frames.filter((one) => one.includes(SECRET_TEXT))).toEqual([]);
}

/** Guards against a thrown error that ends the process, and against handlers that nobody ever lets go of. */
export function row21(stage: Stage): void {
  describe("row 21: handlers that throw, reject late, never settle", () => {
    test.each(["act", "first", "midway", "result", "checked"])("%s: everything, at every time", async (place) => {
      const guest = await stage.visitor("wild").enter();
      const heard = deeds.map(async ({ what, deed }) => {
        const failure = await guest.ask(`handlers.${place}`, deed).then(
          () => undefined,
          (error: Failure) => error,
        );
        expect(failure?.message ?? "").not.toContain(SECRET_TEXT);
        // What breaks the schema of a result is the server's own fault.
        return { deed, code: failure?.code, expected: place === "result" ? "internal" : codeOf(what) };
      });
      for (const { deed, code, expected } of await Promise.all(heard)) expect(code, deed).toBe(expected);
      expect(await guest.ask("handlers.echo", "served")).toBe("served");
      expectNoText(guest);
      guest.tcp.destroy();
      const failed = (await stage.desk.notices()).filter((line) => line.startsWith("wild error A handler failed"));
      expect(failed).toHaveLength(deeds.filter(({ what }) => place === "result" || !isTyped(what)).length);
    });

    test.each(Object.keys(outcomes))("a handler that returns %s", async (what) => {
      const guest = await stage.visitor("wild").enter();
      const code = await guest.codeOf("handlers.returns", what);
      expect(code).toBe(what === "a then that fails after all" ? undefined : "internal");
      expect(await guest.ask("handlers.echo", "served")).toBe("served");
      guest.tcp.destroy();
      await stage.desk.notices();
    });

    test("items that a schema throws at", async () => {
      const guest = await stage.visitor("wild").enter();
      const [service, , names = []] = guest.welcome.services["handlers"]!;
      const place = writeNumber(names.indexOf("items"));
      for (const [i, { what, deed }] of deeds.entries()) {
        const id = writeNumber(500 + (i % 400));
        guest.send(text(`${call(service, 500 + (i % 400))}${place}`), text(`>${id}${JSON.stringify(deed)}`));
        expect(await guest.take(`!${id}`), deed).toContain(`"code":"${codeOf(what)}"`);
      }
      expectNoText(guest);
      guest.tcp.destroy();
      await stage.desk.notices();
    });

    test("generators that throw when they are left", async () => {
      const guest = await stage.visitor("wild").enter();
      const [service, , names = []] = guest.welcome.services["handlers"]!;
      const place = writeNumber(names.indexOf("leaving"));
      for (const [i, { deed }] of deeds.entries()) {
        guest.send(text(`${call(service, i)}${place}${JSON.stringify(deed)}`));
        await guest.take(`<${writeNumber(i)}0`);
        guest.send(text(`#${writeNumber(i)}`));
        expect(await guest.take(`!${writeNumber(i)}`)).toContain('"code":"cancelled"');
      }
      const other = await stage.visitor("wild").enter();
      await other.ask("handlers.left", deeds.length);
      expect(await guest.ask("handlers.echo", "served")).toBe("served");
      for (const { tcp } of [guest, other]) tcp.destroy();
      await stage.desk.notices();
    });

    test("calls that fail after their caller has gone: aborted, contained", async () => {
      const other = await stage.visitor("wild").enter();
      const guest = await stage.visitor("wild").enter();
      for (const { deed } of deeds) guest.ask("handlers.outlives", deed).catch(() => {});
      await guest.ask("handlers.echo", 1);
      guest.tcp.resetAndDestroy();
      expect(await other.ask("handlers.outlived", deeds.length)).toMatchObject({ taken: deeds.length });
      // Two turns later all that was to be rejected has been.
      for (let i = 0; i < 3; i++) await other.ask("handlers.act", "later:null").catch(() => {});
      other.tcp.destroy();
      await stage.expectPeace();
      await stage.desk.notices();
    });

    test("calls that never settle are let go of with their callers", async () => {
      const callers = 40;
      for (const [key, procedure] of [
        ["calls that hang", "handlers.never"],
        ["streams that hang", "handlers.mute"],
      ] as const) {
        const guests: Guest[] = [];
        for (let i = 0; i < callers; i++) guests.push(await stage.visitor("wild").enter());
        for (const guest of guests) {
          for (let i = 0; i < 5; i++) guest.ask(procedure, key).catch(() => {});
          await guest.ask("handlers.echo", 1);
        }
        const held = await stage.desk.remains(key);
        expect(held).toBeGreaterThanOrEqual(callers);
        for (const { tcp } of guests) tcp.resetAndDestroy();
        await expect.poll(async () => (await stage.desk.state("wild")).connections).toBe(0);
        // The last may still be on some stack.
        const left = await stage.desk.remains(key);
        expect(left).toBeLessThanOrEqual(held / 10);
      }
      expect((await stage.desk.state("wild")).sessions).toBe(0);
      await stage.desk.notices();
    });

    // What looks at them, and throws, must be caught also on the path of a promise.
    test.each(Object.keys(monsters))("%s, thrown by a handler", async (what) => {
      const own = startServer(stage.name, { apps: ["wild"] });
      const { ports } = await own.ready<Ready>();
      const guest = await new Visitor(ports.wild).enter();
      try {
        for (const time of times) expect(await guest.codeOf("handlers.act", toDeed(time, what)), time).toBe("internal");
        expect(own.errors()).toBe("");
      } finally {
        guest.tcp.destroy();
        await own.stop();
      }
    });

    test("is fine", () => stage.expectFine());
  });
}

/** Guards against hooks whose failure lets somebody in, ends the process, or keeps a place for nobody. */
export function row22(stage: Stage): void {
  describe("row 22: middleware and hooks that throw", () => {
    const own = ["Origin: http://good.example"];

    async function statusOf(query: string, headers: readonly string[] = own): Promise<number> {
      const enemy = await stage.visitor("gate").knock({ target: `/prism?${query}`, headers });
      expect(enemy.head).not.toMatch(/secret|x-forged|evil/i);
      enemy.tcp.destroy();
      return enemy.status;
    }

    test.each(["admit", "origins"])("%s: 500, everything, at every time", async (hook) => {
      for (const { deed } of deeds) {
        expect(await statusOf(new URLSearchParams({ [hook]: deed }).toString()), deed).toBe(500);
      }
      const notices = await stage.desk.notices();
      expect(notices.filter((line) => line.startsWith("gate error Admission failed"))).toHaveLength(deeds.length);
    });

    test("what admit returns that it should not", async () => {
      const statuses: Record<string, number> = {};
      for (const what of Object.keys(returned)) {
        statuses[what] = await statusOf(new URLSearchParams({ returns: what }).toString());
      }
      console.log(`${stage.name}: ${JSON.stringify(statuses)}`);
      const refused = ["a response that was read", "a response with status 200", "what only looks like a response"];
      for (const what of [...refused, "a header over two lines", "a header with a bad name"]) {
        expect([101, 0], what).not.toContain(statuses[what]);
      }
      await stage.desk.notices();
      // Responses that cannot be sent are printed by the server beneath.
      stage.forgive();
    });

    test("authenticate: 1008, everything, at every time; only a typed error has a text", async () => {
      for (const { what, deed } of deeds) {
        const guest = await stage.visitor("gate").enter({ headers: own });
        guest.send(text(`$${JSON.stringify({ auth: deed })}`));
        expect(await guest.closed, deed).toBe(1008);
        expect(guest.reason, deed).toBe(isTyped(what) ? "Short and stout" : "Unauthorized");
        guest.tcp.destroy();
      }
      const notices = await stage.desk.notices();
      const untyped = deeds.filter(({ what }) => !isTyped(what));
      expect(notices.filter((line) => line.startsWith("gate error Authentication failed"))).toHaveLength(
        untyped.length,
      );
    });

    test("listeners to connect, disconnect and error: the connection goes on", async () => {
      for (const { deed } of deeds) {
        const target = `/prism?${new URLSearchParams({ connect: deed, disconnect: deed }).toString()}`;
        const guest = await stage.visitor("gate").enter({ target, headers: own, token: "ok" });
        expect(await guest.ask("talk.echo", deed)).toBe(deed);
        guest.tcp.destroy();
      }
      await expect.poll(async () => (await stage.desk.state("gate")).connections).toBe(0);
      const notices: string[] = [];
      const told = async (): Promise<number[]> => {
        notices.push(...(await stage.desk.notices()));
        return ["connect", "disconnect"].map(
          (event) => notices.filter((line) => line.startsWith(`gate error A listener to ${event} failed`)).length,
        );
      };
      await expect.poll(told).toEqual([deeds.length, deeds.length]);
    });

    test("middleware: a typed error, or internal; what is dropped is cancelled", async () => {
      const guest = await stage.visitor("wild").enter();
      const number = (name: string): number => guest.welcome.services[name]![0];
      const ask = async (service: string, id: number, body: string): Promise<string> => {
        guest.send(text(`${call(number(service), id)}${body}`));
        return await guest.take(`!${writeNumber(id)}`, `=${writeNumber(id)}`);
      };
      for (const service of ["fenced", "sink"]) {
        for (const { what, deed } of deeds) {
          guest.send(text(`${writeNumber(number(service))}${JSON.stringify(deed)}`));
          expect(await ask(service, 900, JSON.stringify(deed)), deed).toContain(`"code":"${codeOf(what)}"`);
        }
      }
      expect(await ask("twice", 901, '"x"')).toMatch(/^[!=]/);
      expect(await ask("late", 902, '"x"')).toContain('"code":"cancelled"');
      const stuck = writeNumber(903);
      guest.send(text(`${call(number("stuck"), 903)}"x"`), text(`#${stuck}`));
      expect(await guest.take(`!${stuck}`)).toContain('"code":"cancelled"');
      expect(await guest.ask("handlers.echo", "served")).toBe("served");
      expectNoText(guest);
      guest.tcp.destroy();
      await stage.desk.notices();
    });

    test("guards: a typed error, or internal", async () => {
      for (const { what, deed } of deeds) {
        const target = `/prism?${new URLSearchParams({ guard: deed }).toString()}`;
        const guest = await stage.visitor("wild").enter({ target });
        expect(await guest.codeOf("handlers.guarded"), deed).toBe(codeOf(what));
        guest.tcp.destroy();
      }
      await stage.desk.notices();
    });

    test("no place is kept for those who were refused: as many come in as ever", async () => {
      const guests: Guest[] = [];
      for (let i = 0; i < 12; i++) guests.push(await stage.visitor("gate").enter({ headers: own, token: "ok" }));
      expect(await statusOf("")).toBe(503);
      for (const { tcp } of guests) tcp.destroy();
      await expect.poll(async () => (await stage.desk.state("gate")).connections).toBe(0);
      await stage.desk.notices();
    });

    test("is fine", () => stage.expectFine());
  });
}
