// Row 26: what ends a line, steers a terminal or turns its letters around, wherever a client can put it.
import { Buffer } from "node:buffer";
import { describe, expect, onTestFinished, test } from "vitest";
import { prism } from "../../mod.ts";
import { rpc } from "../../src/services/rpc/server.ts";
import { upgradeRequest } from "../adapters/raw-client.ts";
import { Enemy, frame, text } from "./enemy.ts";
import type { Ready } from "./server/run.ts";
import { type Stage, startServer } from "./stage.ts";
import { Visitor } from "./visitor.ts";

const nasty: readonly string[] = [
  "a\r\nX-Forged: 1",
  "a\nX-Forged: 1\n\n<script>",
  "a\rX-Forged: 1",
  "a\u2028b",
  "a\u2029b",
  "a\u0085b",
  "\n2025-01-02T03:04:05.000Z info  Connected forged",
  "\x1b[2J\x1b[31mred\x1b[0m",
  "\x1b]0;title\x07",
  "\x1b]8;;http://evil.example\x07here\x1b]8;;\x07",
  "\x9b31mred",
  "\b\b\b\x7f",
  "a\0b",
  "a\tb\vc\fd",
  "\u202egnp.exe",
  "\u2066a\u2069",
  "\u200e\u200f\u061c",
  "%0d%0aX-Forged: 1",
  "%00%1b[2J",
  "\\r\\nX-Forged: 1",
  "😀".repeat(300),
  "x".repeat(5_000),
];

const LINE = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (info |warn |error) /;
const STEERS = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/u;

/** What a header can carry: neither CR nor LF nor NUL, which end it on every platform, or the request. */
const inHeader = nasty.filter((one) => !/[\r\n\0]/.test(one) && one.length < 5_000);

/** Guards against lines forged in logs, headers forged in responses, and terminals steered by a log. */
export function row26(stage: Stage): void {
  describe("row 26: CR, LF, U+2028, escape codes, bidi", () => {
    let marks = 0;

    /** Has something done, and looks at the lines that the log has printed meanwhile: as many as there were entries. */
    async function printed(deed: () => Promise<unknown>): Promise<string[]> {
      const mark = async (): Promise<string[]> => {
        const word = `mark ${++marks}`;
        stage.server.write(word);
        return await stage.server.linesBefore(word);
      };
      await mark();
      const before = (await stage.desk.counts()).printed;
      await deed();
      await expect.poll(async () => (await stage.desk.state("diary")).connections).toBe(0);
      const { printed: after } = await stage.desk.counts();
      const lines = await mark();
      expect(lines).toHaveLength(after - before);
      for (const line of lines) {
        expect(line).toMatch(LINE);
        expect(line).not.toMatch(STEERS);
        expect(line.length).toBeLessThan(4_000);
      }
      return lines;
    }

    /** Asks to come in, with bytes of one's own. */
    async function knock(target: string, headers: readonly string[] = []): Promise<Enemy> {
      const request = upgradeRequest({ target, headers: ["Sec-WebSocket-Protocol: prism.1", ...headers] });
      const enemy = new Enemy(stage.ports.diary, Buffer.from(request));
      await enemy.status;
      expect(enemy.head).not.toMatch(/^x-forged/im);
      expect(enemy.head.replaceAll("\r\n", "")).not.toMatch(/[\x00-\x1f\x7f]/);
      return enemy;
    }

    async function knockAll(targets: readonly string[], headers: readonly (readonly string[])[] = [[]]): Promise<void> {
      for (const target of targets) {
        for (const some of headers) {
          const { tcp } = await knock(target, some);
          tcp.destroy();
        }
      }
    }

    test.each(["header", "refuse", "error"])("in the query, as a hook's %s", async (name) => {
      // Of control characters `Headers` itself takes all but these three.
      const texts = nasty.filter((one) => name !== "header" || /[\r\n\0]/.test(one) || !/[\x00-\x1f\x7f]/.test(one));
      const lines = await printed(() => knockAll(texts.map((one) => `/prism?${name}=${encodeURIComponent(one)}`)));
      expect(lines.length).toBeGreaterThanOrEqual(texts.length);
    });

    // Node and Bun would send it; Deno would end the process ("panicked").
    test("control characters in a header that a hook took from the query: 500", async () => {
      const own = startServer(stage.name, { apps: ["diary"] });
      onTestFinished(async () => void (await own.stop()));
      const { ports } = await own.ready<Ready>();
      for (const one of ["\x1b[31m", "\x7f", "a\bb"]) {
        const enemy = await new Visitor(ports.diary).knock({ target: `/prism?header=${encodeURIComponent(one)}` });
        enemy.tcp.destroy();
        expect(await enemy.status).toBe(500);
      }
    });

    test("in paths of plain HTTP", async () => {
      const lines = await printed(async () => {
        for (const one of nasty.filter((text) => !text.includes("%00"))) {
          const { status, headers } = await stage.visitor("diary").http("GET", `/x${encodeURIComponent(one)}`);
          expect([404, 500]).toContain(status);
          expect(headers["x-forged"]).toBeUndefined();
        }
      });
      expect(lines.length).toBeGreaterThan(10);
    });

    test.each(["Origin", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "Cookie", "User-Agent"])(
      "in the header %s, as bytes",
      async (name) => {
        const headers = inHeader.map((one) => [`${name}: ${one}`]);
        await printed(() =>
          knockAll(["/prism"], name === "Origin" ? headers : headers.map((one) => [...one, "Origin: x"])),
        );
        await printed(() => knockAll(["/prism"], headers));
        // And as their first four bytes in Latin-1, which is how platforms read them.
        for (const code of [0x80, 0x85, 0x9b, 0x9d, 0xa0, 0xff]) {
          await printed(async () => {
            const request = upgradeRequest({ target: "/prism", headers: [`${name}: a${String.fromCharCode(code)}b`] });
            const enemy = new Enemy(stage.ports.diary, Buffer.from(request, "latin1"));
            await enemy.status;
            enemy.tcp.destroy();
          });
        }
      },
    );

    test("in tokens, and in the reason of the close that follows", async () => {
      const lines = await printed(async () => {
        for (const one of nasty.flatMap((text) => [text, `!${text}`])) {
          const enemy = await knock("/prism");
          await enemy.got("$");
          enemy.send(text("%@"), text(`$${JSON.stringify({ auth: one })}`));
          expect(await enemy.closed, one).toBe(1008);
          expect(Buffer.byteLength(enemy.reason)).toBeLessThanOrEqual(123);
          enemy.tcp.destroy();
        }
      });
      expect(lines.length).toBeGreaterThanOrEqual(nasty.length);
    });

    test("in errors of handlers, messages of services, reasons of closes, from either end", async () => {
      const lines = await printed(async () => {
        for (const one of nasty) {
          const guest = await stage.visitor("diary").enter({ token: "ok" });
          expect(await guest.codeOf("calls.fail", one)).toBe("internal");
          expect(await guest.codeOf("calls.refuse", one)).toBe(one);
          guest.send(text(`A${JSON.stringify(one)}`));
          await guest.ask("calls.kick", one).catch(() => {});
          expect(await guest.closed).toBe(1008);
          guest.tcp.destroy();

          const leaving = await stage.visitor("diary").enter({ token: "ok" });
          const reason = Buffer.from(one).subarray(0, 120).toString().replace(/�$/, "");
          leaving.send(frame(0x88, Buffer.concat([Buffer.of(0x0b, 0xb8), Buffer.from(reason)])));
          await leaving.closed;
          leaving.tcp.destroy();
        }
      });
      expect(lines.filter((line) => line.includes(" Call failed "))).toHaveLength(nasty.length);
      expect(lines.filter((line) => line.includes(" A handler failed "))).toHaveLength(nasty.length);
      expect(lines.filter((line) => line.includes(" Disconnected "))).toHaveLength(nasty.length * 2);
    });

    test("in tickets, subprotocols, methods", async () => {
      await printed(async () => {
        for (const one of nasty) {
          const { status, headers } = await stage.visitor("diary").redeem(one);
          expect([400, 403]).toContain(status);
          expect(headers["x-forged"]).toBeUndefined();
        }
        await knockAll(["/prism"], inHeader.map((one) => [`Sec-WebSocket-Protocol: prism.manifest.${one}`])); // prettier-ignore
        for (const one of inHeader) {
          const enemy = new Enemy(stage.ports.diary, Buffer.from(`${one} /prism HTTP/1.1\r\nHost: x\r\n\r\n`));
          expect([0, 400, 404, 405, 426, 501, 505]).toContain(await enemy.status);
          enemy.tcp.destroy();
        }
      });
    });

    test("in names of services, which are refused", () => {
      for (const one of nasty) expect(() => prism().service(one, rpc({})), one).toThrow(TypeError);
    });

    test("is fine", () => stage.expectFine());
  });
}
