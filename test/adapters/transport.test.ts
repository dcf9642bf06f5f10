// The contract of adapters, run against real processes of every runtime. What a platform has no lever for is a row of
// `platforms`, so that a change there is noticed.
import { Buffer } from "node:buffer";
import { readFileSync } from "node:fs";
import { get } from "node:https";
import { connect } from "node:net";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ClientOptions, WebSocket } from "ws";
import { type RuntimeName, type RuntimeProcess, runtimeNames, spawnRuntime } from "../support/runtimes.ts";
import { rawConnect, rawFrame, upgradeRequest } from "./raw-client.ts";
import type { RunOptions } from "./servable/run.ts";
import type { ServableEvent } from "./servable/servable.ts";

interface Platform {
  /** The code that a peer is sent for a message over the limit; none where there is no limit. */
  readonly oversize: number | undefined;
  /** The codes that a peer is sent for bad frames; none where TCP is just closed. */
  readonly protocolError: number | undefined;
  readonly invalidText: number | undefined;
  /** What a frame without a mask gets: accepted, where there is no code. */
  readonly unmasked: number | undefined;
  /** Whether a peer that keeps sending still gets the code of a close; else the connection may be reset under it. */
  readonly closesUnderFire: boolean;
  /** Whether a message that the platform found wrong is told to `onclose` with the code that the peer was sent. */
  readonly namesErrors: boolean;
  readonly compression: boolean;
  /** Whether frames that come before the response to the handshake are kept; else they may end the connection. */
  readonly earlyFrames: boolean;
  /** Within how many ms a connection whose request never comes to its end is cut; none where it never is. */
  readonly slowHandshake: number | undefined;
  /** Whether a peer that does not answer a close frame is cut. */
  readonly cutsAfterClose: boolean;
  /** `127.0.0.1` as the platform writes it, listening on all addresses. */
  readonly remoteAddress: RegExp;
}

const node: Platform = {
  oversize: 1009,
  protocolError: 1002,
  invalidText: 1007,
  unmasked: 1002,
  closesUnderFire: true,
  namesErrors: true,
  compression: true,
  earlyFrames: true,
  slowHandshake: 2_000,
  cutsAfterClose: true,
  remoteAddress: /^(::ffff:)?127\.0\.0\.1$/,
};
const platforms: Record<RuntimeName, Platform> = {
  node20: node,
  nodeCurrent: node,
  bun: { ...node, earlyFrames: false, slowHandshake: 15_000 }, // its own 12 s
  deno: {
    ...node,
    oversize: undefined,
    protocolError: undefined,
    invalidText: undefined,
    unmasked: undefined,
    closesUnderFire: false,
    namesErrors: false,
    compression: false,
    slowHandshake: undefined,
    cutsAfterClose: false,
  },
};

const read = (name: string): string => readFileSync(new URL(`fixtures/${name}`, import.meta.url), "utf8");
const tls = { key: read("localhost.key.pem"), cert: read("localhost.cert.pem") };
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

interface Server {
  readonly process: RuntimeProcess;
  readonly url: string;
  readonly port: number;
}

async function start(name: RuntimeName, options: RunOptions = {}): Promise<Server> {
  const file = fileURLToPath(new URL(`servable/${name.replace(/20|Current/, "")}.ts`, import.meta.url));
  const process = spawnRuntime(name, file, [JSON.stringify(options)]);
  return { process, ...(await process.ready<{ url: string; port: number }>()) };
}

interface Client {
  readonly ws: WebSocket;
  readonly received: (string | Buffer)[];
  readonly headers: Record<string, unknown>;
  readonly closed: Promise<{ code: number; reason: string }>;
  /** Resolves when as many messages have come. */
  readonly got: (count: number) => Promise<(string | Buffer)[]>;
}

async function dial(url: string, path: string, protocols: string[] = [], options: ClientOptions = {}): Promise<Client> {
  const ws = new WebSocket(url.replace("http", "ws") + path, protocols, { perMessageDeflate: false, ...options });
  const received: (string | Buffer)[] = [];
  let headers: Record<string, unknown> = {};
  let wake = (): void => {};
  ws.on("upgrade", (response) => (headers = response.headers));
  ws.on("message", (data: Buffer, binary) => {
    received.push(binary ? data : data.toString());
    wake();
  });
  const closed = new Promise<{ code: number; reason: string }>((resolve) =>
    ws.on("close", (code, reason) => resolve({ code, reason: reason.toString() })),
  );
  await new Promise((resolve, reject) => ws.on("open", resolve).on("error", reject));
  const got = async (count: number): Promise<(string | Buffer)[]> => {
    while (received.length < count) await new Promise<void>((resolve) => (wake = resolve));
    return received;
  };
  return { ws, received, headers, closed, got };
}

let ids = 0;
const newId = (): string => `c${++ids}`;

describe.each(runtimeNames)("%s", (name) => {
  const platform = platforms[name];
  let server: Server;
  let bystander: Client;

  beforeAll(async () => {
    server = await start(name);
    bystander = await dial(server.url, "/prism?id=bystander");
  });

  afterAll(async () => {
    // Whatever was done to the server, who was there first never noticed.
    bystander.ws.send("still here");
    expect((await bystander.got(1)).at(-1)).toBe("still here");
    await server.process.stop();
    expect(server.process.errors()).toBe("");
  });

  /** The events of a client, once there is one of a kind. */
  async function events(id: string, until: ServableEvent["what"]): Promise<ServableEvent[]> {
    for (let tries = 0; ; tries++) {
      const all = (await (await fetch(`${server.url}/events?id=${id}`)).json()) as ServableEvent[];
      if (all.some(({ what }) => what === until)) return all;
      if (tries > 150) throw new Error(`${id}: no ${until} among ${JSON.stringify(all)}`);
      await sleep(20);
    }
  }

  async function closeEvent(id: string): Promise<object> {
    const closes = (await events(id, "close")).filter(({ what }) => what === "close");
    expect(closes).toHaveLength(1);
    return { code: closes[0]!["code"], reason: closes[0]!["reason"] };
  }

  test("echoes text, bytes and empty messages, in order", async () => {
    const id = newId();
    const { ws, got } = await dial(server.url, `/prism?id=${id}`);
    // About the lengths at which a frame's header grows, and where an adapter may take another way.
    const sizes = [0, 1, 125, 126, 4_095, 4_096, 65_000, 65_535, 65_536];
    const letters = ["x", "\x7f", "\x80", "é", "€"];
    const long = letters.flatMap((letter) => [1, 41, 62, 63, 124, 125, 126].map((size) => letter.repeat(size)));
    const texts = ["", "a", "ü€😀", "\u{feff}bom", "\0", ...long, ...sizes.map((size) => "x".repeat(size))];
    const bytes = sizes.map((size) => Buffer.alloc(size, size));
    for (const message of [...texts, ...bytes]) ws.send(message);
    expect(await got(texts.length + bytes.length)).toEqual([...texts, ...bytes]);
    const messages = (await events(id, "message")).filter(({ what }) => what === "message");
    expect(messages.every(({ plain }) => plain)).toBe(true);
    expect(messages.map(({ text }) => text)).toEqual([...texts.map(() => true), ...bytes.map(() => false)]);
    ws.close();
  });

  test("sends a burst of mixed messages in order", async () => {
    const { ws, got } = await dial(server.url, "/prism");
    ws.send("!burst 200");
    expect(await got(200)).toEqual(Array.from({ length: 200 }, (_, i) => (i % 2 ? `${i}` : Buffer.of(i))));
    ws.close();
  });

  test("sends messages that are to leave together in order, of whatever kind", async () => {
    const { ws, got } = await dial(server.url, "/prism");
    ws.send("!joined");
    const kinds = ["a", "é".repeat(200), Buffer.of(1), Buffer.alloc(5_000)];
    expect(await got(32)).toEqual(kinds.flatMap((first) => kinds.flatMap((second) => [first, second])));
    ws.close();
  });

  test("takes a message that came in many fragments", async () => {
    const client = rawConnect(server.port, upgradeRequest({ target: `/prism?id=${newId()}` }));
    await client.head;
    const parts = Array.from({ length: 99 }, (_, i) => rawFrame(i === 0 ? 1 : 0, `${i},`));
    client.tcp.write(Buffer.concat([...parts, rawFrame(0x80, "end"), rawFrame(0x88)]));
    expect((await client.ended).subarray(4).toString()).toContain("97,98,end");
  });

  test("selects a subprotocol and sends the admission's headers", async () => {
    const id = newId();
    const { ws, headers } = await dial(server.url, `/prism?id=${id}`, ["other", "prism.1"]);
    expect(ws.protocol).toBe("prism.1");
    expect(headers["set-cookie"]).toEqual(["a=1; HttpOnly", "b=2; Secure"]);
    expect(headers["x-prism"]).toBe("yes");
    expect(await events(id, "open")).toContainEqual(expect.objectContaining({ what: "open", protocol: "prism.1" }));
    ws.close();
  });

  test("reads a list of subprotocols that has no spaces", async () => {
    const header = "Sec-WebSocket-Protocol: other,prism.1";
    const client = rawConnect(server.port, upgradeRequest({ target: "/prism", headers: [header] }));
    expect((await client.head).toLowerCase()).toContain("sec-websocket-protocol: prism.1");
    client.tcp.destroy();
  });

  test("selects no subprotocol when none is known or offered", async () => {
    for (const headers of [[], ["Sec-WebSocket-Protocol: other"]]) {
      const client = rawConnect(server.port, upgradeRequest({ target: "/prism", headers }));
      const head = (await client.head).toLowerCase();
      expect(head).toContain("101");
      expect(head).not.toContain("sec-websocket-protocol");
      client.tcp.destroy();
    }
  });

  test("refuses with the app's response", async () => {
    const client = rawConnect(server.port, upgradeRequest({ target: "/prism?refuse=403", headers: ["X: y"] }));
    const head = (await client.head).toLowerCase();
    expect(head).toMatch(/^http\/1\.1 403 /);
    expect(head).toContain("set-cookie: a=1; httponly\r\n");
    expect(head).toContain("set-cookie: b=2; secure");
    if (head.includes("connection: close")) expect((await client.ended).toString()).toBe("You may not");
    client.tcp.destroy();
  });

  test("answers an upgrade to another path as it answers any request", async () => {
    const targets = ["/other", "/", "/prism/x", "//evil.example/prism", "/%70rism"];
    for (const target of targets) {
      const client = rawConnect(server.port, upgradeRequest({ target }));
      expect(await client.head, target).toMatch(/^HTTP\/1\.1 404 /);
      client.tcp.destroy();
    }
  });

  test("answers a request for another kind of upgrade without it", async () => {
    const request = upgradeRequest({ target: "/peer" }).replace("websocket", "h2c");
    const client = rawConnect(server.port, request);
    expect(await client.head).toMatch(/^HTTP\/1\.1 200 /);
    client.tcp.destroy();
  });

  test("takes no upgrade by another method", async () => {
    const client = rawConnect(server.port, upgradeRequest({ method: "POST", target: "/prism" }));
    expect(await client.head).toMatch(/^HTTP\/1\.1 (4|5)\d\d /);
    client.tcp.destroy();
  });

  test("keeps the host header and not the target's host", async () => {
    for (const target of ["//evil.example/prism", "http://evil.example/prism"]) {
      const id = newId();
      const client = rawConnect(server.port, upgradeRequest({ target: `${target}?id=${id}` }));
      await client.head;
      const seen = (await (await fetch(`${server.url}/events?id=${id}`)).json()) as ServableEvent[];
      for (const event of seen.filter(({ what }) => what === "admit")) expect(event["host"]).toBe("good.example");
      client.tcp.destroy();
    }
  });

  test("abandons the admission of a handshake that is none", async () => {
    const id = newId();
    const request = upgradeRequest({ target: `/prism?id=${id}` }).replace(/Sec-WebSocket-Key: .*\r\n/, "");
    const client = rawConnect(server.port, request);
    expect(await client.head).toMatch(/^HTTP\/1\.1 400 /);
    await events(id, "abandon");
    client.tcp.destroy();
  });

  test.each(["reset", "end"])("abandons the admission when the peer goes meanwhile: %s", async (how) => {
    const id = newId();
    const { tcp } = rawConnect(server.port, upgradeRequest({ target: `/prism?id=${id}&delay=200` }));
    await events(id, "admit");
    if (how === "reset") tcp.resetAndDestroy();
    else tcp.end();
    // A peer that has ended its side may still be let in, where its end is read only then; it is over at once.
    const seen = await Promise.any([events(id, "abandon"), events(id, "close")]);
    expect(seen.filter(({ what }) => what === "abandon" || what === "open")).toHaveLength(1);
    tcp.destroy();
  });

  test("survives resets at every moment of a handshake", async () => {
    const request = upgradeRequest({ target: "/prism?id=storm&delay=5" });
    for (let i = 0; i < 60; i++) {
      const { tcp } = rawConnect(server.port, request.slice(0, i % 3 === 0 ? 50 : undefined));
      await sleep(i % 12);
      tcp.resetAndDestroy();
    }
    const refused = rawConnect(server.port, upgradeRequest({ target: "/prism?refuse=403&delay=50" }));
    await sleep(20);
    refused.tcp.resetAndDestroy();
    await sleep(100);
    expect((await fetch(`${server.url}/peer`)).status).toBe(200);
  });

  test("refuses when admitting takes too long, and abandons what comes after", async () => {
    const id = newId();
    const client = rawConnect(server.port, upgradeRequest({ target: `/prism?id=${id}&delay=1500` }));
    expect(await client.head).toMatch(/^HTTP\/1\.1 503 /);
    await events(id, "abandon");
    client.tcp.destroy();
  });

  test("keeps what was sent during the handshake", async () => {
    const id = newId();
    const request = upgradeRequest({ target: `/prism?id=${id}&delay=100` });
    const client = rawConnect(server.port, Buffer.concat([Buffer.from(request), rawFrame(0x81, "with")]));
    await sleep(30);
    client.tcp.write(rawFrame(0x81, "during"));
    await client.head;
    client.tcp.write(Buffer.concat([rawFrame(0x81, "after"), rawFrame(0x88)]));
    const text = (await client.ended)
      .toString("latin1")
      .replaceAll(/[^a-z]+/g, " ")
      .trim();
    if (platform.earlyFrames) expect(text).toBe("with during after");
    else expect(await client.head).toMatch(/^HTTP\/1\.1 400 /);
  });

  test("ends a connection that never sends a whole request", async () => {
    const slow = [rawConnect(server.port, "G"), rawConnect(server.port, "GET /prism HTTP/1.1\r\nHost: x\r\nX: ")];
    const within = platform.slowHandshake ?? 4_000;
    const result = await Promise.race([Promise.all(slow.map(({ ended }) => ended)), sleep(within)]);
    expect(result !== undefined).toBe(platform.slowHandshake !== undefined);
    for (const { tcp } of slow) tcp.destroy();
  });

  test.each([1000, 1001, 1002, 1008, 1009, 1012, 4001, 4999])("closes with the app's code %i", async (code) => {
    const id = newId();
    const { ws, closed, received } = await dial(server.url, `/prism?id=${id}`);
    ws.send(`!close ${code} because`);
    expect(await closed).toEqual({ code, reason: "because" });
    expect(received).toEqual([]);
    expect(await closeEvent(id)).toEqual({ code, reason: "because" });
  });

  test.each([1000, 1001, 3000, 4004])("tells the app the peer's code %i", async (code) => {
    const id = newId();
    const { ws, closed } = await dial(server.url, `/prism?id=${id}`);
    ws.close(code, "I leave");
    expect(await closed).toEqual({ code, reason: "I leave" });
    expect(await closeEvent(id)).toEqual({ code, reason: "I leave" });
  });

  test("tells a close without a code from a lost connection", async () => {
    const [left, lost] = [newId(), newId()];
    const first = await dial(server.url, `/prism?id=${left}`);
    const second = await dial(server.url, `/prism?id=${lost}`);
    first.ws.close();
    second.ws.terminate();
    expect(await closeEvent(left)).toEqual({ code: 1005, reason: "" });
    expect(await closeEvent(lost)).toEqual({ code: 1006, reason: "" });
  });

  test("sends what came before a close, and hears nothing after it", async () => {
    const id = newId();
    const { ws, closed, received } = await dial(server.url, `/prism?id=${id}`);
    ws.send("!burst 50");
    ws.send("!close 4001 done");
    for (let i = 0; i < 50; i++) ws.send("too late");
    const { code } = await closed;
    if (platform.closesUnderFire) {
      expect(code).toBe(4001);
      expect(received).toHaveLength(50);
    } else expect([4001, 1006]).toContain(code);
    const seen = await events(id, "close");
    expect(seen.filter(({ closing }) => closing)).toEqual([]);
    expect(seen.at(-1)).toMatchObject({ what: "close" });
  });

  test("cuts a peer that does not answer a close", async () => {
    const id = newId();
    const client = rawConnect(server.port, upgradeRequest({ target: `/prism?id=${id}` }));
    await client.head;
    client.tcp.write(rawFrame(0x81, "!close 4003 silent"));
    const ended = await Promise.race([client.closeCode(), sleep(3_000)]);
    expect(ended).toBe(platform.cutsAfterClose ? 4003 : undefined);
    expect(await closeEvent(id)).toMatchObject({ code: 4003 });
    client.tcp.destroy();
  });

  test("tells what waits for a reader that stalls, and when it is through", async () => {
    const id = newId();
    const client = await dial(server.url, `/prism?id=${id}`);
    client.ws.pause();
    client.ws.send("!flood 60 200000");
    const [flood] = (await events(id, "flood")).filter(({ what }) => what === "flood");
    expect(flood?.["bufferedAmount"]).toBeGreaterThan(1_000_000);
    expect(flood?.["bufferedAmount"]).toBeLessThanOrEqual(60 * 200_010);
    await sleep(100);
    expect((await events(id, "flood")).some(({ what }) => what === "drain")).toBe(false);
    client.ws.resume();
    await client.got(60);
    const drains = (await events(id, "drain")).filter(({ what }) => what === "drain");
    expect(drains[0]).toMatchObject({ bufferedAmount: 0 });
    client.ws.close();
  });

  test("goes on when a reader stalls past every limit", async () => {
    const id = newId();
    const client = await dial(server.url, `/prism?id=${id}`);
    client.ws.pause();
    client.ws.send("!flood 150 200000");
    await events(id, "flood");
    client.ws.terminate();
    expect(await closeEvent(id)).toMatchObject({ code: 1006 });
  });

  test("holds the limit on a message's size", async () => {
    const id = newId();
    const { ws, closed } = await dial(server.url, `/prism?id=${id}`);
    ws.send("x".repeat(65_536));
    ws.send("x".repeat(65_537));
    if (platform.oversize) {
      expect((await closed).code).toBe(platform.oversize);
      expect(await closeEvent(id)).toMatchObject({ code: 1009 });
    }
    const lengths = (await events(id, "message")).map(({ length }) => length);
    if (!platform.oversize) {
      ws.close();
      await closed;
    }
    expect(lengths.includes(65_536)).toBe(true);
    if (platform.oversize) expect(lengths.includes(65_537)).toBe(false);
  });

  const malformed: [string, Buffer, (platform: Platform) => number | undefined][] = [
    ["an unknown opcode", rawFrame(0x83, "x"), (p) => p.protocolError],
    ["a reserved bit", rawFrame(0xc1, "x"), (p) => p.protocolError],
    ["a continuation of nothing", rawFrame(0x80, "x"), (p) => p.protocolError],
    ["a fragmented ping", rawFrame(0x09, "x"), (p) => p.protocolError],
    ["a close code of one byte", rawFrame(0x88, Buffer.of(3)), (p) => p.protocolError],
    ["a close code that must not be sent", rawFrame(0x88, Buffer.of(3, 237)), (p) => p.protocolError],
    ["invalid UTF-8", rawFrame(0x81, Buffer.of(0xff, 0xfe)), (p) => p.invalidText],
    ["no mask", rawFrame(0x81, "x", false), (p) => p.unmasked],
  ];
  test.each(malformed)("closes at %s", async (what, frame, expected) => {
    const id = newId();
    const client = rawConnect(server.port, upgradeRequest({ target: `/prism?id=${id}` }));
    await client.head;
    client.tcp.write(frame);
    if (what === "no mask" && !expected(platform)) {
      await events(id, "message"); // taken
      client.tcp.destroy();
      return;
    }
    const code = await client.closeCode();
    if (platform.namesErrors) {
      expect(code).toBe(expected(platform));
      expect(await closeEvent(id)).toMatchObject({ code });
    } else expect([undefined, 1002, 1005]).toContain(code);
    await events(id, "close");
  });

  test("answers pings, and bears a flood of them", async () => {
    const client = rawConnect(server.port, upgradeRequest({ target: "/prism" }));
    await client.head;
    client.tcp.write(
      Buffer.concat([rawFrame(0x89, "p"), ...Array.from({ length: 2_000 }, () => rawFrame(0x89)), rawFrame(0x88)]),
    );
    expect((await client.ended).subarray(0, 3).toString("latin1")).toBe("\x8a\x01p");
  });

  test("answers plain requests with the app's fetch, and tells who asks", async () => {
    const response = await fetch(`${server.url}/echo`, { method: "POST", body: "hello" });
    expect(await response.text()).toBe("hello");
    expect((await fetch(`${server.url}/nothing`)).status).toBe(404);
    const peer = (await (await fetch(server.url.replace("localhost", "127.0.0.1") + "/peer")).json()) as object;
    expect(peer).toEqual({ remoteAddress: expect.stringMatching(platform.remoteAddress) });
    const id = newId();
    const { ws } = await dial(server.url.replace("localhost", "127.0.0.1"), `/prism?id=${id}`);
    const [admit] = await events(id, "admit");
    expect(admit?.["remoteAddress"]).toMatch(platform.remoteAddress);
    ws.close();
  });

  test("says where it listens", () => {
    expect(server.port).toBeGreaterThan(0);
    expect(server.url).toBe(`http://localhost:${server.port}`);
  });

  test("serves TLS", async () => {
    const secure = await start(name, { tls });
    expect(secure.url).toBe(`https://localhost:${secure.port}`);
    const { ws, got } = await dial(secure.url, "/prism", ["prism.1"], { ca: tls.cert });
    ws.send("secret");
    ws.send("x".repeat(60_000));
    expect((await got(2))[0]).toBe("secret");
    const status = await new Promise((resolve) =>
      get(`${secure.url}/echo`, { ca: tls.cert, agent: false }, (response) => {
        response.resume();
        resolve(response.statusCode);
      }),
    );
    expect(status).toBe(200);
    const garbage = rawConnect(secure.port, "not a TLS hello at all\r\n\r\n");
    await Promise.race([garbage.ended, sleep(500)]);
    ws.send("after garbage");
    expect((await got(3))[2]).toBe("after garbage");
    ws.terminate();
    await secure.process.stop();
  });

  test("closes: ends connections with 1001, and hangs on nothing", async () => {
    const own = await start(name);
    const { closed } = await dial(own.url, "/prism");
    const silent = rawConnect(own.port, upgradeRequest({ target: "/prism" }));
    const hanging = rawConnect(own.port, "GET /hang HTTP/1.1\r\nHost: x\r\n\r\n");
    const idle = rawConnect(own.port, "GET /peer HTTP/1.1\r\nHost: x\r\n\r\n");
    const unborn = rawConnect(own.port, "G");
    await Promise.all([silent.head, idle.head, sleep(100)]);
    own.process.write("close");
    expect((await closed).code).toBe(1001);
    const took = Number((await own.process.line("closed ")).slice("closed ".length));
    expect(took).toBeLessThan(3_000);
    expect(await own.process.exited).toBe(0);
    await Promise.all([silent, hanging, idle, unborn].map(({ ended }) => ended));
    expect(await silent.closeCode()).toBe(1001);
    const refused = await new Promise((resolve) => {
      connect(own.port, "127.0.0.1")
        .on("error", () => resolve(true))
        .on("connect", () => resolve(false));
    });
    expect(refused).toBe(true);
  });

  test("closes at once when nobody is slow", async () => {
    const own = await start(name);
    const { closed } = await dial(own.url, "/prism");
    await (await fetch(`${own.url}/peer`)).text();
    own.process.write("close");
    expect((await closed).code).toBe(1001);
    expect(Number((await own.process.line("closed ")).slice("closed ".length))).toBeLessThan(1_000);
  });

  test("compresses when asked, and inflates no more than its limit", async () => {
    const options = { perMessageDeflate: { threshold: 0 } };
    const plain = await dial(server.url, "/prism", [], options);
    expect(plain.ws.extensions).toBe(""); // off unless asked for
    plain.ws.close();
    const own = await start(name, { compression: true });
    const { ws, got, closed } = await dial(own.url, "/prism", [], options);
    expect(ws.extensions).toBe(platform.compression ? "permessage-deflate" : "");
    const texts = ["a", "b".repeat(5_000), "c", "d".repeat(60_000), "e"];
    for (const text of texts) ws.send(text);
    expect(await got(texts.length)).toEqual(texts);
    if (platform.compression) {
      ws.send("!flood 20 5000");
      await got(texts.length + 20);
      ws.send(Buffer.alloc(50_000_000));
      expect((await closed).code).toBe(1009);
    }
    const fresh = await dial(own.url, "/prism");
    fresh.ws.send("plain");
    expect(await fresh.got(1)).toEqual(["plain"]);
    await own.process.stop();
    expect(own.process.errors()).toBe("");
  });
});
