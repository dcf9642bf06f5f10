import { Buffer } from "node:buffer";
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Proxy, type ProxyOptions } from "./proxy.ts";

/** One end of a connection, and all that befell it. */
class End {
  readonly tcp: Socket;
  got = Buffer.alloc(0);
  readonly closed: Promise<string>;
  ended = false;
  #look = (): void => {};

  /** @param patient whether it goes on when the other end is done */
  constructor(tcp: Socket, patient = false) {
    this.tcp = tcp;
    let how = "closed";
    tcp.on("data", (chunk) => {
      this.got = Buffer.concat([this.got, chunk]);
      this.#look();
    });
    tcp.on("end", () => {
      this.ended = true;
      if (!patient) tcp.end();
      this.#look();
    });
    tcp.on("error", ({ code }: NodeJS.ErrnoException) => (how = code ?? "error"));
    this.closed = new Promise((resolve) => tcp.once("close", () => resolve(how)));
  }

  async until(met: () => boolean): Promise<void> {
    while (!met()) await new Promise<void>((resolve) => (this.#look = resolve));
  }

  async gets(text: string): Promise<void> {
    await this.until(() => this.got.includes(text));
  }
}

describe("the proxy", () => {
  let server: Server;
  let waiting: ((tcp: Socket) => void)[];
  let ends: End[];
  let proxy: Proxy;

  beforeEach(async () => {
    waiting = [];
    ends = [];
    server = createServer({ allowHalfOpen: true, noDelay: true }, (tcp) => waiting.shift()?.(tcp));
    await once(server.listen(0, "127.0.0.1"), "listening");
    await start();
  });

  afterEach(async () => {
    await proxy.stop();
    for (const { tcp } of ends) tcp.destroy();
    await new Promise((resolve) => server.close(resolve));
  });

  async function start(options: Omit<ProxyOptions, "target"> = {}): Promise<void> {
    await proxy?.stop();
    proxy = await Proxy.start({ target: (server.address() as AddressInfo).port, ...options });
  }

  async function open(patient = false): Promise<{ client: End; peer: End }> {
    const coming = new Promise<Socket>((resolve) => waiting.push(resolve));
    const tcp = connect({ port: proxy.port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
    const [client, peer] = [new End(tcp, patient), new End(await coming, patient)];
    ends.push(client, peer);
    return { client, peer };
  }

  test("brings bytes and ends both ways, each by itself", async () => {
    const { client, peer } = await open(true);
    client.tcp.end("hello");
    await peer.until(() => peer.ended);
    expect(peer.got.toString()).toBe("hello");
    peer.tcp.end("you too");
    await client.until(() => client.ended);
    expect(client.got.toString()).toBe("you too");
    expect(await Promise.all([client.closed, peer.closed])).toEqual(["closed", "closed"]);
    expect(proxy.counts).toMatchObject({ accepted: 1, up: 5, down: 7, cut: 0 });
    await expect.poll(() => proxy.pairs.size).toBe(0);
  });

  test("brings megabytes to who reads slowly, whole and in order", async () => {
    const { client, peer } = await open();
    const sent = Buffer.from(Array.from({ length: 1_000_000 }, (_, i) => `${i},`).join(""));
    peer.tcp.pause();
    client.tcp.end(sent);
    // What the kernels hold is full; then it flows.
    await expect.poll(() => client.tcp.bytesWritten).toBeGreaterThan(100_000);
    peer.tcp.resume();
    await peer.until(() => peer.ended);
    expect(peer.got.equals(sent)).toBe(true);
  });

  test("delays each piece, both ways, and keeps their order", async () => {
    await start({ delay: 50 });
    const { client, peer } = await open();
    const started = performance.now();
    client.tcp.write("1");
    await peer.gets("1");
    peer.tcp.write("2");
    await client.gets("2");
    expect(performance.now() - started).toBeGreaterThan(98);
    proxy.delay = 20;
    client.tcp.write("3");
    proxy.delay = 0;
    for (const digit of "456") client.tcp.write(digit);
    client.tcp.end();
    await peer.until(() => peer.ended);
    expect(peer.got.toString()).toBe("13456");
  });

  test("cuts both sides, chosen from its seed", async () => {
    const survivors: number[][] = [];
    for (const seed of [1, 1, 2]) {
      await start({ seed });
      const all = [];
      for (let i = 0; i < 20; i++) all.push(await open());
      expect(proxy.cut(15)).toBe(15);
      const left: number[] = [];
      for (const [i, { client }] of all.entries()) client.tcp.write(`alive ${i}`);
      await Promise.all(
        all.map(async ({ client, peer }, i) => {
          const alive = await Promise.race([peer.gets(`alive ${i}`).then(() => true), client.closed.then(() => false)]);
          if (alive) left.push(i);
          else expect(await peer.closed).toBe("closed");
        }),
      );
      survivors.push(left.toSorted((a, b) => a - b));
      expect(proxy.counts.cut).toBe(15);
      proxy.cut();
    }
    expect(survivors[0]).toHaveLength(5);
    expect(survivors[1]).toEqual(survivors[0]);
    expect(survivors[2]).not.toEqual(survivors[0]);
  });

  test("cuts midway: a part of a piece comes through, then both sides hear of the end", async () => {
    const parts = new Set<number>();
    for (let i = 0; i < 10; i++) {
      const { client, peer } = await open();
      const [from, to] = i % 2 ? [client, peer] : [peer, client];
      proxy.cutMidway();
      // One piece after the other, until one of them is the one.
      let whole = 0;
      for (; !from.tcp.destroyed && !from.ended; whole++) {
        from.tcp.write("x".repeat(1_000));
        await Promise.race([to.until(() => to.got.length === 1_000 * (whole + 1)), from.closed]);
      }
      await Promise.all([from.closed, to.closed]);
      expect(Math.floor(to.got.length / 1_000)).toBe(whole - 1);
      parts.add(to.got.length % 1_000);
    }
    expect(parts.size).toBeGreaterThan(5);
    expect(proxy.counts).toMatchObject({ accepted: 10, cut: 10, midway: 10 });
  });

  test("resets: both ends hear that they were", async () => {
    const { client, peer } = await open();
    client.tcp.write("here");
    await peer.gets("here");
    proxy.reset();
    expect(await Promise.all([client.closed, peer.closed])).toEqual(["ECONNRESET", "ECONNRESET"]);
    expect(proxy.counts.reset).toBe(1);
  });

  test("hands a reset on", async () => {
    const { client, peer } = await open();
    client.tcp.resetAndDestroy();
    expect(await peer.closed).toBe("ECONNRESET");
  });

  test("stalls: nothing comes through, not even the end, until it flows; new ones are not touched", async () => {
    const { client, peer } = await open(true);
    client.tcp.write("a");
    await peer.gets("a");
    proxy.stall();
    client.tcp.write("b");
    client.tcp.end();
    peer.tcp.write("c");
    const other = await open();
    other.client.tcp.write("through");
    await other.peer.gets("through");
    peer.tcp.end();
    // A whole round trip of somebody else later, still nothing.
    other.peer.tcp.write("and back");
    await other.client.gets("and back");
    expect([peer.got.toString(), peer.ended, client.got.toString(), client.ended]).toEqual(["a", false, "", false]);
    proxy.flow();
    await Promise.all([peer.until(() => peer.ended), client.until(() => client.ended)]);
    expect([peer.got.toString(), client.got.toString()]).toEqual(["ab", "c"]);
  });

  test("stalls one direction only", async () => {
    const { client, peer } = await open();
    proxy.stall(["down"]);
    peer.tcp.write("lost");
    client.tcp.write("heard");
    await peer.gets("heard");
    expect(client.got.toString()).toBe("");
    proxy.flow();
    await client.gets("lost");
  });

  test("an end that is destroyed while it stalls stays unknown to the other", async () => {
    const { client, peer } = await open();
    client.tcp.write("a");
    await peer.gets("a");
    proxy.stall();
    client.tcp.destroy();
    const other = await open();
    other.client.tcp.write("round");
    await other.peer.gets("round");
    expect(peer.tcp.destroyed || peer.ended).toBe(false);
    proxy.flow();
    await peer.until(() => peer.ended);
  });

  test("refuses who is new, and nobody else", async () => {
    const { client, peer } = await open();
    proxy.refusing = true;
    expect(await new End(connect(proxy.port, "127.0.0.1")).closed).toBe("ECONNRESET");
    client.tcp.write("still here");
    await peer.gets("still here");
    proxy.refusing = false;
    await open();
    expect(proxy.counts).toMatchObject({ accepted: 2, refused: 1 });
  });

  test("a server that is not there is a reset to the client", async () => {
    await new Promise<void>((resolve) => server.close(() => resolve()));
    const client = new End(connect(proxy.port, "127.0.0.1"));
    expect(await client.closed).toBe("ECONNRESET");
    await once(server.listen(0, "127.0.0.1"), "listening");
  });
});
