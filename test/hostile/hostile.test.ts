// Clients that break every rule, against real servers: each gets its close code, and neither the server nor anybody else
// takes notice. What a platform answers by itself is a row of `platforms`, so that a change there is noticed.
import { Buffer } from "node:buffer";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connect } from "../../src/client/node.ts";
import { rpc } from "../../src/services/rpc/client.ts";
import { writeNumber } from "../../src/wire/numbers.ts";
import { upgradeRequest } from "../adapters/raw-client.ts";
import type { App } from "../contract/app.ts";
import type { Ready, RunOptions } from "../contract/run.ts";
import { type RuntimeName, runtimeNames, type RuntimeProcess, spawnRuntime } from "../support/runtimes.ts";
import type { Report } from "./bystander.ts";
import { invoke, list, malformed } from "./cases.ts";
import { binary, call, Enemy, enter, frame, text, upgrade } from "./enemy.ts";

interface Platform {
  /** The codes for what the WebSocket protocol forbids; none where TCP is just closed. */
  readonly invalidText: number | undefined;
  readonly protocolError: number | undefined;
  /** The code for a frame that claims 2^40 bytes. */
  readonly hugeFrame: number | undefined;
  /** The code for a message in 20,000 fragments; none where it is taken. */
  readonly fragments: number | undefined;
  /** Whether TCP is closed under a peer whose pings come faster than they are answered. */
  readonly cutsPingFloods: boolean;
  /** The status of a request with 2,000 short headers. */
  readonly manyHeaders: number;
  /** The status of a request with a header of 100,000 characters. */
  readonly longHeader: number;
  /** The status of an upgrade to version 12 of the WebSocket protocol. */
  readonly otherVersion: number;
  /** Whether who goes on sending after the close may see a reset, and never its code. */
  readonly resetsBusyPeers: boolean;
  /** Whether a request that never comes to its end is cut when the handshake has had its time. */
  readonly cutsSlowRequests: boolean;
}

const node: Platform = {
  invalidText: 1007,
  protocolError: 1002,
  hugeFrame: 1009,
  fragments: 1008,
  cutsPingFloods: true,
  manyHeaders: 101,
  longHeader: 431,
  otherVersion: 400,
  resetsBusyPeers: false,
  cutsSlowRequests: true,
};
const platforms: Record<RuntimeName, Platform> = {
  node20: node,
  nodeCurrent: { ...node, manyHeaders: 431 },
  bun: {
    ...node,
    fragments: undefined,
    cutsPingFloods: false,
    manyHeaders: 431,
    otherVersion: 426,
    cutsSlowRequests: false,
  },
  deno: {
    invalidText: undefined,
    protocolError: undefined,
    hugeFrame: undefined,
    fragments: undefined,
    cutsPingFloods: false,
    manyHeaders: 400,
    longHeader: 400,
    otherVersion: 101,
    resetsBusyPeers: true,
    cutsSlowRequests: false,
  },
};

const limits = { handshake: 1_000, sendLimit: 1_048_576 };
const MB = 1_048_576;

describe.each(runtimeNames)("%s", (name) => {
  const platform = platforms[name];
  let server: RuntimeProcess;
  let port: number;
  let quiet: Report;
  let bystander: RuntimeProcess;
  /** Somebody who knows the server from inside. */
  let witness: ReturnType<typeof observe>;

  function observe(url: string) {
    const client = connect<App, "calls" | "about">(url, { services: { calls: rpc(), about: rpc() } });
    const events: string[] = [];
    client.connection.on("status", (status) => void events.push(status));
    return { ...client, calls: client.calls, about: client.about, events };
  }

  function startServer(): RuntimeProcess {
    const options: RunOptions = { limits };
    const file = new URL(`../contract/${name.replace(/20|Current/, "")}.ts`, import.meta.url);
    return spawnRuntime(name, fileURLToPath(file), [JSON.stringify(options)]);
  }

  async function report(command: "report" | "end"): Promise<Report> {
    bystander.write(command);
    return JSON.parse((await bystander.line("report ")).slice("report ".length)) as Report;
  }

  beforeAll(async () => {
    server = startServer();
    const ready = await server.ready<Ready>();
    port = ready.port;
    witness = observe(ready.url);
    bystander = spawnRuntime("node20", fileURLToPath(new URL("bystander.ts", import.meta.url)), [ready.url]);
    await Promise.all([bystander.ready(), witness.connection.opened]);
    quiet = await report("report");
  }, 30_000);

  afterAll(async () => {
    witness.connection.close();
    await Promise.all([bystander.stop(), server.stop()]);
  });

  /** Nobody else has noticed anything. */
  async function expectPeace(): Promise<void> {
    expect(await witness.calls.echo("peace")).toBe("peace");
    expect(witness.events).toEqual(["open"]);
    expect(server.errors()).toBe("");
  }

  /** A client that was not closed gets its answer. */
  async function expectServed(enemy: Enemy): Promise<void> {
    enemy.send(text(invoke(31, "echo", '"served"')));
    expect(await enemy.got("=_")).toBe('=_"served"');
    enemy.tcp.destroy();
  }

  test.each(malformed)("%s", async (_, code, ...packets) => {
    const enemy = await enter(port);
    enemy.send(...(packets as Buffer[]));
    if (code === undefined) await expectServed(enemy);
    else {
      expect(await enemy.closed).toBe(code);
      expect((await witness.about.ended(enemy.welcome.connection)).code).toBe(code);
      enemy.tcp.destroy();
    }
    await expectPeace();
  });

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
    const enemy = await upgrade(port);
    enemy.send(packet);
    if (code === undefined) {
      await enemy.got('${"welcome":1');
      enemy.send(text("%@"));
      await expectServed(enemy);
    } else {
      expect(await enemy.closed).toBe(code);
      enemy.tcp.destroy();
    }
    await expectPeace();
  });

  test("no hello, or half of one, or only pings: closed when the handshake has had its time", async () => {
    const silent = [
      await upgrade(port),
      await upgrade(port, "prism.2"),
      await upgrade(port, "other, prism.resume.x.0"),
    ];
    const half = await upgrade(port);
    half.send(frame(0x81, "", 14).subarray(0, 5));
    const pinging = await upgrade(port);
    const pings = setInterval(() => pinging.send(text("("), frame(0x89, "ping")), 50);
    const started = performance.now();
    expect(await Promise.all([...silent, half].map(({ closed }) => closed))).toEqual([4003, 4003, 4003, 4003]);
    expect(platform.resetsBusyPeers ? [4003, undefined] : [4003]).toContain(await pinging.closed);
    clearInterval(pings);
    expect(performance.now() - started).toBeLessThan(limits.handshake * 2);
    for (const { tcp } of [...silent, half, pinging]) tcp.destroy();
    await expectPeace();
  });

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
    const before = await witness.about.objectMembers();
    const enemy = await enter(port);
    enemy.send(text(packet));
    const start = answer.source[1]!;
    expect(await enemy.got(start)).toMatch(answer);
    await expectServed(enemy);
    expect(await witness.about.objectMembers()).toEqual(before);
    await expectPeace();
  });

  test("refuses JSON of 60,000 levels, in a call and in a message that would be sent on", async () => {
    const deep = "[".repeat(60_000) + "]".repeat(60_000);
    const enemy = await enter(port);
    enemy.send(text(`A${deep}`), text(invoke(1, "echo", deep)), text(invoke(2, "math.add", deep)));
    expect(await enemy.got("!B")).toMatch(/"code":"bad_input"/);
    const answers = enemy.frames.filter((one) => /^[=!]A/.test(one));
    expect(answers).toEqual([expect.stringMatching(/^!A\{"code":"bad_input","message":"JSON nested deeper/)]);
    await expectServed(enemy);
    await expectPeace();
  });

  test("bodies that cannot be read are dropped, and the rest goes on", async () => {
    const enemy = await enter(port);
    enemy.send(list("A{", "B\x1bx", "C1", "D", "Dyesterday", "EAAA", "a@x", "z@", 'A"after"'));
    expect(await enemy.got('A"')).toBe('A"after"');
    await expectServed(enemy);
    await expectPeace();
  });

  test("an answer to the server's call that is wrong in every way", async () => {
    const ask = async (id: number): Promise<Enemy & { question: string }> => {
      const enemy = await enter(port);
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
        await expectServed(enemy);
      } else expect(await enemy.closed).toBe(code);
      enemy.tcp.destroy();
    }
    await expectPeace();
  });

  test.each<readonly [what: string, code: (p: Platform) => number | undefined, frames: readonly Buffer[]]>([
    ["invalid UTF-8 in a text", (p) => p.invalidText, [frame(0x81, Uint8Array.of(0x41, 0x22, 0xc3, 0x28, 0x22))]],
    [
      "a code point cut short at the end of a text",
      (p) => p.invalidText,
      [frame(0x81, Uint8Array.of(0x41, 0xe2, 0x82))],
    ],
    ["a reserved bit", (p) => p.protocolError, [frame(0xc1, "(")]],
    ["an unknown opcode", (p) => p.protocolError, [frame(0x83, "(")]],
    ["a frame that claims 2^40 bytes", (p) => p.hugeFrame, [frame(0x82, "x", 2 ** 40)]],
  ])("%s, which the platform answers itself", async (_, expected, frames) => {
    const enemy = await enter(port);
    enemy.send(...frames);
    expect(await enemy.closed).toBe(expected(platform));
    enemy.tcp.destroy();
    await witness.about.ended(enemy.welcome.connection);
    await expectPeace();
  });

  test("a message in 20,000 fragments", async () => {
    const enemy = await enter(port);
    const parts = Array.from({ length: 20_000 }, (_, i) =>
      frame(i === 0 ? 1 : i === 19_999 ? 0x80 : 0, i < 2 ? "(" : ""),
    );
    // "((" is no frame: where the message arrives, it is closed for what it says.
    enemy.send(Buffer.concat(parts));
    expect(await enemy.closed).toBe(platform.fragments ?? 1002);
    enemy.tcp.destroy();
    await expectPeace();
  });

  test("floods of pings are answered once a packet at most", async () => {
    const enemy = await enter(port);
    const many = list(...Array.from({ length: 1_024 }, () => "("));
    for (let i = 0; i < 20; i++) enemy.send(many);
    enemy.send(Buffer.concat(Array.from({ length: 5_000 }, () => text("("))));
    await expectServed(enemy);
    const pongs = enemy.frames.filter((one) => one === ")").length;
    expect(pongs).toBeGreaterThan(0);
    expect(pongs).toBeLessThanOrEqual(5_020);
    await expectPeace();
  });

  test("a flood of the WebSocket's own pings", async () => {
    const enemy = await enter(port);
    enemy.send(Buffer.concat(Array.from({ length: 5_000 }, () => frame(0x89, "x"))));
    if (platform.cutsPingFloods) {
      expect(await enemy.closed).toBeUndefined();
      expect((await witness.about.ended(enemy.welcome.connection)).code).toBe(1006);
    } else await expectServed(enemy);
    await expectPeace();
  });

  test("a flood of calls: 1,024 are taken, the others are busy", async () => {
    const enemy = await enter(port);
    const key = `flood of ${name}`;
    const calls = Array.from({ length: 3_000 }, (_, id) => invoke(id, "hang", JSON.stringify(key)));
    for (let at = 0; at < calls.length; at += 1_000) enemy.send(list(...calls.slice(at, at + 1_000)));
    const busy = await enemy.all("!", 3_000 - 1_024);
    expect(busy.every((one) => one.endsWith('{"code":"busy"}'))).toBe(true);
    await expectPeace();
    enemy.tcp.resetAndDestroy();
    expect((await witness.calls.trace.ended(key)).aborted).toBe(true);
    await expectPeace();
  });

  test("floods of streams that nobody feeds or takes", async () => {
    const enemy = await enter(port);
    for (let id = 0; id < 500; id++) {
      enemy.send(list(invoke(id, "count", "1000000"), invoke(id + 500, "sum")));
    }
    await enemy.all("<", 500 * 16);
    expect(enemy.frames.filter((one) => one.startsWith("<"))).toHaveLength(500 * 16);
    enemy.send(text("#@"));
    await enemy.got("!@");
    await expectPeace();
    enemy.tcp.resetAndDestroy();
    await witness.about.ended(enemy.welcome.connection);
    await expectPeace();
  });

  test("those who ask and never read are closed with 4002, and memory stays bounded", async () => {
    const before = await witness.about.memory();
    const enemies = await Promise.all(Array.from({ length: 4 }, () => enter(port)));
    let peak = before;
    const codes = await Promise.all(
      enemies.map(async (enemy) => {
        enemy.tcp.pause();
        const going = new AbortController();
        const end = witness.about.ended(enemy.welcome.connection).finally(() => going.abort());
        for (let id = 0; !going.signal.aborted && id < 1_000; id++) {
          enemy.send(text(invoke(id, "big", "120000")));
          peak = Math.max(peak, await witness.about.memory());
        }
        return (await end).code;
      }),
    );
    expect(codes).toEqual([4002, 4002, 4002, 4002]);
    console.log(`${name}: ${Math.round((peak - before) / MB)} MB more at the peak of 4 clients that never read`);
    expect(peak - before).toBeLessThan(160 * MB);
    await expectPeace();
    for (const { tcp } of enemies) tcp.resume();
    // Who reads after all finds the code behind what was sent before.
    expect(await Promise.all(enemies.map(({ closed }) => closed))).toEqual(codes);
    for (const { tcp } of enemies) tcp.destroy();
  });

  test("half handshakes, broken ones, and resets at every moment", async () => {
    const request = upgradeRequest({ target: "/prism", headers: ["Sec-WebSocket-Protocol: prism.1"] });
    const halves = Array.from({ length: 60 }, (_, i) => new Enemy(port, request.slice(0, 1 + i * 4)));
    for (let i = 0; i < 60; i++) {
      const { tcp } = new Enemy(port, request);
      await new Promise((resolve) => tcp.once("connect", resolve));
      if (i % 3 > 0) await witness.calls.echo(i);
      if (i % 2 > 0) tcp.resetAndDestroy();
      else tcp.destroy();
    }
    for (let i = 0; i < 20; i++) {
      const enemy = await enter(port);
      enemy.send(text(invoke(1, "big", "100000")), frame(0x81, "unfinished", 100).subarray(0, i));
      enemy.tcp.resetAndDestroy();
      await witness.about.ended(enemy.welcome.connection);
    }
    const without = (header: RegExp): Promise<number> => new Enemy(port, request.replace(header, "")).status;
    expect(await without(/Sec-WebSocket-Key: .*\r\n/)).toBe(400);
    const version = new Enemy(port, request.replace("Version: 13", "Version: 12"));
    expect(await version.status).toBe(platform.otherVersion);
    expect(await new Enemy(port, "\0\x01\x02 garbage\r\n\r\n").status).toBeOneOf([0, 400]);
    await expectPeace();
    for (const { tcp } of [...halves, version]) tcp.destroy();
  });

  test("many headers, and long ones", async () => {
    const many = Array.from({ length: 2_000 }, () => "X: x");
    const first = new Enemy(port, upgradeRequest({ target: "/prism", headers: many }));
    expect(await first.status).toBe(platform.manyHeaders);
    const long = new Enemy(port, upgradeRequest({ target: "/prism", headers: [`X: ${"x".repeat(100_000)}`] }));
    expect(await long.status).toBe(platform.longHeader);
    const protocols = Array.from({ length: 200 }, (_, i) => `prism.manifest.${"m".repeat(i)}`).join(",");
    const offers = new Enemy(
      port,
      upgradeRequest({ target: "/prism", headers: [`Sec-WebSocket-Protocol: ${protocols}`] }),
    );
    expect(await offers.status).toBeOneOf([101, 431]);
    for (const { tcp } of [first, long, offers]) tcp.destroy();
    await expectPeace();
  });

  test("requests that never come to their end", async () => {
    const slow = Array.from({ length: 30 }, () => new Enemy(port, "GET /prism HTTP/1.1\r\nHost: x\r\n"));
    const drip = setInterval(() => slow.forEach(({ tcp }) => tcp.write("X: y\r\n")), 200);
    const cut = Promise.all(slow.map(({ closed }) => closed)).then(() => true);
    if (platform.cutsSlowRequests) await cut;
    else {
      const late = new Promise<boolean>((resolve) => setTimeout(() => resolve(false), limits.handshake * 2));
      expect(await Promise.race([cut, late])).toBe(false);
    }
    clearInterval(drip);
    await expectPeace();
    for (const { tcp } of slow) tcp.destroy();
  });

  test("credit without end for a producer that never waits", { timeout: 30_000 }, async () => {
    // A server of its own: one that no longer answers would fail every test behind this one.
    const own = startServer();
    const ready = await own.ready<Ready>();
    const other = observe(ready.url);
    try {
      await other.connection.opened;
      const enemy = await enter(ready.port);
      const most = `+@${writeNumber(2 ** 31 - 1)}`;
      enemy.send(list(invoke(0, "produce", '"endless"'), most, most, most));
      expect(await other.calls.echo("peace", { timeout: 3_000 })).toBe("peace");
      await enemy.all("<", 1_000);
      enemy.send(text("#@"));
      await enemy.got("!@");
      expect((await other.calls.trace.ended("endless", { timeout: 3_000 })).aborted).toBe(true);
      const reader = await enter(ready.port);
      reader.tcp.pause();
      reader.send(list(invoke(0, "produce", '"unread"'), most));
      expect((await other.about.ended(reader.welcome.connection, { timeout: 5_000 })).code).toBe(4002);
      expect(other.events).toEqual(["open"]);
    } finally {
      other.connection.close();
      process.kill(own.pid, "SIGKILL");
      await own.exited;
    }
  });

  test("a bystander was served all the while", async () => {
    const busy = await report("end");
    console.log(`${name}: quiet ${JSON.stringify(quiet)}, under attack ${JSON.stringify(busy)}`);
    expect(busy.events).toEqual([]);
    expect(busy.calls).toBeGreaterThan(100);
    expect(await bystander.exited).toBe(0);
    expect(bystander.errors()).toBe("");
  });

  test("nothing unexpected was logged", async () => {
    expect(await witness.about.failures()).toEqual([]);
    await expectPeace();
  });
});
