// Rows 11 to 13: what breaks the grammar of PROTOCOL.md, and that of RFC 6455.
import { Buffer } from "node:buffer";
import { constants, deflateRawSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { upgradeRequest } from "../adapters/raw-client.ts";
import { type Case, invoke, list, malformed } from "./cases.ts";
import { binary, call, Enemy, enter, frame, text, upgrade } from "./enemy.ts";
import type { Platform } from "./platforms.ts";
import { limits, type Stage } from "./stage.ts";

const MB = 1_048_576;

/** Sends cases, each to a client of its own. */
function send(stage: Stage, cases: readonly Case[]): void {
  test.each(cases)("%s", async (_, code, ...packets) => {
    const enemy = await enter(stage.port);
    enemy.send(...(packets as Buffer[]));
    if (code === undefined) await stage.expectServed(enemy);
    else {
      expect(await enemy.closed).toBe(code);
      expect((await stage.witness.about.ended(enemy.welcome.connection)).code).toBe(code);
      enemy.tcp.destroy();
    }
    await stage.expectPeace();
  });
}

type Breach = readonly [what: string, code: (platform: Platform) => number | undefined, frame: Buffer];

/** Sends what the platform itself answers. */
function breach(stage: Stage, breaches: readonly Breach[]): void {
  test.each(breaches)("%s, which the platform answers itself", async (_, expected, bytes) => {
    const enemy = await enter(stage.port);
    enemy.send(bytes);
    expect(await enemy.closed).toBe(expected(stage.platform));
    enemy.tcp.destroy();
    await stage.witness.about.ended(enemy.welcome.connection);
    await stage.expectPeace();
  });
}

/** Guards against input errors that end the process: a thrown parser error, an unhandled `error` event of a socket. */
export function row11(stage: Stage): void {
  describe("row 11: malformed frames", () => {
    send(
      stage,
      malformed.filter(([, code]) => code === 1002 || code === undefined),
    );

    const greetings: readonly [what: string, code: number | undefined, packet: Buffer][] = [
      ["a hello", undefined, text('${"hello":1}')],
      ["a hello of a later version", undefined, text('${"hello":7,"resume":1,"received":"x","manifest":[]}')],
      ["a hello of no version", 1008, text('${"hello":0}')],
      ["a hello that is no number", 1008, text('${"hello":"1"}')],
      ["a hello by inheritance", 1002, text('${"__proto__":{"hello":1}}')],
      ["a call before the hello", 1002, text(invoke(1, "echo", "1"))],
      ["a message before the hello", 1002, text("A1")],
      ["an acknowledgement before the hello", 1002, text("%@")],
      ["another control frame before the hello", 1002, text('${"auth":"x"}')],
      ["no control frame but a list", 1002, text('$[{"hello":1}]')],
      ["bytes before the hello", 1002, binary(Uint8Array.of(1, 2, 3))],
    ];
    test.each(greetings)("without a subprotocol, %s", async (_, code, packet) => {
      const enemy = await upgrade(stage.port);
      enemy.send(packet);
      if (code === undefined) {
        await enemy.got('${"welcome":1');
        enemy.send(text("%@"));
        await stage.expectServed(enemy);
      } else {
        expect(await enemy.closed).toBe(code);
        enemy.tcp.destroy();
      }
      await stage.expectPeace();
    });

    test("no hello, or half of one, or only pings: closed when the handshake has had its time", async () => {
      const silent = [
        await upgrade(stage.port),
        await upgrade(stage.port, "prism.2"),
        await upgrade(stage.port, "other, prism.resume.x.0"),
      ];
      const half = await upgrade(stage.port);
      half.send(frame(0x81, "", 14).subarray(0, 5));
      const pinging = await upgrade(stage.port);
      const pings = setInterval(() => pinging.send(text("("), frame(0x89, "ping")), 50);
      const started = performance.now();
      expect(await Promise.all([...silent, half].map(({ closed }) => closed))).toEqual([4003, 4003, 4003, 4003]);
      expect(stage.platform.resetsBusyPeers ? [4003, undefined] : [4003]).toContain(await pinging.closed);
      clearInterval(pings);
      expect(performance.now() - started).toBeLessThan(limits.handshake * 2);
      for (const { tcp } of [...silent, half, pinging]) tcp.destroy();
      await stage.expectPeace();
    });

    test("bodies that cannot be read are dropped, and the rest goes on", async () => {
      const enemy = await enter(stage.port);
      enemy.send(list("A{", "B\x1bx", "C1", "D", "Dyesterday", "EAAA", "a@x", "z@", 'A"after"'));
      expect(await enemy.got('A"')).toBe('A"after"');
      await stage.expectServed(enemy);
      await stage.expectPeace();
    });

    test("an answer to the server's call that is wrong in every way", async () => {
      const ask = async (id: number): Promise<Enemy & { question: string }> => {
        const enemy = await enter(stage.port);
        const { services } = enemy.welcome;
        const place = services["about"]![2]!.indexOf("confirm");
        enemy.send(text(`${call(services["about"]![0], id)}${String.fromCharCode(0x40 + place)}"yes"`));
        return Object.assign(enemy, { question: await enemy.got("?") });
      };
      const wrong: [answer: string[], code: number | undefined, outcome: RegExp][] = [
        [["=@true"], undefined, /"value":true/],
        [["=@maybe"], undefined, /"code":"bad_output"/],
        [["=@1"], undefined, /"code":"bad_output"/],
        [['!@{"code":"__proto__","data":{"__proto__":1}}'], undefined, /"code":"__proto__"/],
        [["=@true", "=@true"], 1002, /^/],
        [["!@"], 1002, /^/],
        [["!@{}"], 1002, /^/],
        [['!@{"code":1}'], 1002, /^/],
        [["-@@"], 1002, /^/],
        [Array.from({ length: 16 }, () => "<@1").concat("=@true"), undefined, /"value":true/],
      ];
      for (const [answer, code, outcome] of wrong) {
        const enemy = await ask(5);
        expect(enemy.question).toMatch(/^\?.@/);
        enemy.send(list(...answer));
        if (code === undefined) {
          expect(await enemy.got("=E")).toMatch(outcome);
          await stage.expectServed(enemy);
        } else expect(await enemy.closed).toBe(code);
        enemy.tcp.destroy();
      }
      await stage.expectPeace();
    });

    breach(stage, [
      ["a reserved bit", (p) => p.protocolError, frame(0xc1, "(")],
      ["an unknown opcode", (p) => p.protocolError, frame(0x83, "(")],
    ]);

    test("is fine", () => stage.expectFine());
  });
}

/** Guards against unbounded fragment and ping counts, inflated sizes that nobody counts, and answers that pile up. */
export function row12(stage: Stage): void {
  describe("row 12: oversize, fragments, pings, inflating", () => {
    send(
      stage,
      malformed.filter(([, code]) => code === 1009),
    );
    breach(stage, [["a frame that claims 2^40 bytes", (p) => p.hugeFrame, frame(0x82, "x", 2 ** 40)]]);

    test("a message in 20,000 fragments", async () => {
      const enemy = await enter(stage.port);
      const parts = Array.from({ length: 20_000 }, (_, i) =>
        frame(i === 0 ? 1 : i === 19_999 ? 0x80 : 0, i < 2 ? "(" : ""),
      );
      // "((" is no frame: where the message arrives, it is closed for what it says.
      enemy.send(Buffer.concat(parts));
      expect(await enemy.closed).toBe(stage.platform.fragments ?? 1002);
      enemy.tcp.destroy();
      await stage.expectPeace();
    });

    test("floods of pings are answered once a packet at most", async () => {
      const enemy = await enter(stage.port);
      const many = list(...Array.from({ length: 1_024 }, () => "("));
      for (let i = 0; i < 20; i++) enemy.send(many);
      enemy.send(Buffer.concat(Array.from({ length: 5_000 }, () => text("("))));
      await stage.expectServed(enemy);
      const pongs = enemy.frames.filter((one) => one === ")").length;
      expect(pongs).toBeGreaterThan(0);
      expect(pongs).toBeLessThanOrEqual(5_020);
      await stage.expectPeace();
    });

    test("a flood of the WebSocket's own pings", async () => {
      const enemy = await enter(stage.port);
      enemy.send(Buffer.concat(Array.from({ length: 5_000 }, () => frame(0x89, "x"))));
      if (stage.platform.cutsPingFloods) {
        expect(await enemy.closed).toBeUndefined();
        expect((await stage.witness.about.ended(enemy.welcome.connection)).code).toBe(1006);
      } else await stage.expectServed(enemy);
      await stage.expectPeace();
    });

    test("those who ask and never read are closed with 4002, and memory stays bounded", async () => {
      const before = await stage.witness.about.memory();
      const enemies = await Promise.all(Array.from({ length: 4 }, () => enter(stage.port)));
      let peak = before;
      const codes = await Promise.all(
        enemies.map(async (enemy) => {
          enemy.tcp.pause();
          const going = new AbortController();
          const end = stage.witness.about.ended(enemy.welcome.connection).finally(() => going.abort());
          for (let id = 0; !going.signal.aborted && id < 1_000; id++) {
            enemy.send(text(invoke(id, "big", "120000")));
            peak = Math.max(peak, await stage.witness.about.memory());
          }
          return (await end).code;
        }),
      );
      expect(codes).toEqual([4002, 4002, 4002, 4002]);
      console.log(
        `${stage.name}: ${Math.round((peak - before) / MB)} MB more at the peak of 4 clients that never read`,
      );
      expect(peak - before).toBeLessThan(160 * MB);
      await stage.expectPeace();
      for (const { tcp } of enemies) tcp.resume();
      // Who reads after all finds the code behind what was sent before.
      expect(await Promise.all(enemies.map(({ closed }) => closed))).toEqual(codes);
      for (const { tcp } of enemies) tcp.destroy();
    });

    test("messages that inflate to a thousand times their size: 1009, or nothing inflates", async () => {
      const before = await stage.witness.about.memory();
      const offer = upgradeRequest({
        target: "/prism",
        headers: ["Sec-WebSocket-Protocol: prism.1", "Sec-WebSocket-Extensions: permessage-deflate"],
      });
      const bomb = deflateRawSync(Buffer.alloc(64 * MB), { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
      for (let i = 0; i < 8; i++) {
        const enemy = new Enemy(stage.ports.packed, offer);
        expect(await enemy.status).toBe(101);
        expect(/permessage-deflate/i.test(enemy.head)).toBe(stage.platform.compresses);
        enemy.send(frame(0xc2, bomb));
        expect(await enemy.closed).toBe(stage.platform.compresses ? 1009 : stage.platform.protocolError);
        enemy.tcp.destroy();
      }
      expect((await stage.witness.about.memory()) - before).toBeLessThan(160 * MB);
      await stage.expectPeace();
    });

    test("is fine", () => stage.expectFine());
  });
}

/** Guards against text that is one thing to the validator and another to the handler. */
export function row13(stage: Stage): void {
  describe("row 13: invalid UTF-8", () => {
    send(
      stage,
      malformed.filter(([, code]) => code === 1007),
    );
    breach(stage, [
      ["invalid UTF-8 in a text", (p) => p.invalidText, frame(0x81, Uint8Array.of(0x41, 0x22, 0xc3, 0x28, 0x22))],
      [
        "a code point cut short at the end of a text",
        (p) => p.invalidText,
        frame(0x81, Uint8Array.of(0x41, 0xe2, 0x82)),
      ],
    ]);

    test("is fine", () => stage.expectFine());
  });
}
