import { readFileSync } from "node:fs";
import { parse } from "acorn";
import { describe, expect, test } from "vitest";
import { generateClientCore } from "../../scripts/generate-client.ts";
import type { connect, isPrismError } from "../../src/client/connect.ts";
import type { rpc as rpcHalf } from "../../src/services/rpc/client.ts";
import type { Client, ClientOptions, DefaultNames } from "../../src/client/types.ts";
import { writeClientModule, type ClientService } from "../../src/http/client-module.ts";
import { prism } from "../../src/server/prism.ts";
import { procedure, rpc } from "../../src/services/rpc/server.ts";
import { createApp, Sum, type App } from "../client-module/fixtures/app.ts";
import { root } from "../support/runtimes.ts";
import { defineClient } from "../../src/service/service.ts";
import { bytes, json, text } from "../../src/wire/codecs.ts";
import { dialInMemory } from "./dial-in-memory.ts";
import { evaluate } from "./evaluate.ts";
import { loadModule } from "./load-module.ts";

interface Generated {
  readonly serverUrl: string;
  readonly connect: (url?: string, options?: ClientOptions & { services?: object }) => ReturnType<typeof connect>;
  readonly rpc: typeof rpcHalf;
  readonly isPrismError: typeof isPrismError;
}

const idle = { lazy: true, dial: () => new Promise<never>(() => {}) };

const load = (text: string): Promise<Generated> => loadModule<Generated>(text);

const write = (services: readonly ClientService[], table = "{}", minify = false): string =>
  writeClientModule({ services, table, hash: "hash", prefix: "/prism" }, { minify });

test("the generated text is that of the client as it stands", async () => {
  const written = readFileSync(`${root}src/http/generated/client-core.ts`, "utf8");
  expect(written === (await generateClientCore()), "The client has changed since: run npm run generate").toBe(true);
});

describe.each([false, true])("the module, minified: %s", (minify) => {
  const echo: ClientService = { name: "echo", kind: "echo", client: (host: unknown) => host };

  test("holds no eval, and names the halves' helper only", () => {
    const text = write([echo, { name: "math", kind: "rpc", client: "rpc" }], "{}", minify);
    expect(text).not.toMatch(/\beval\b|\bFunction\s*\(|\bimport\s*\(|^import|sourceMappingURL/m);
    const { body } = parse(text, { ecmaVersion: "latest", sourceType: "module" });
    const names = body.flatMap((node) => (node.type === "VariableDeclaration" ? node.declarations : []));
    expect(names.map(({ id }) => text.slice(id.start, id.end).replace(/\s/g, ""))).toEqual([
      "__prism",
      "__name",
      "__prismUrl",
      "__prismConnect",
      "{isPrismError:__prismIsError,PrismError:__prismError,pubsub:__prismPubsub,rpc:__prismRpc}",
    ]);
  });

  test("exports what its types say", async () => {
    const module = await load(write([echo], "{}", minify));
    expect(Object.keys(module).toSorted()).toEqual([
      "PrismError",
      "connect",
      "isPrismError",
      "pubsub",
      "rpc",
      "serverUrl",
    ]);
  });

  test("takes any names and any table", async () => {
    const name = "a'\\\n\u2028</script><!--";
    const table = JSON.stringify({ [name]: [0, name, JSON.parse(`{"__proto__":{}}`)] });
    const text = write(
      [
        { ...echo, name, kind: name, codec: "text" },
        { ...echo, name: "__proto__" },
      ],
      table,
      minify,
    );
    expect(text.slice(text.indexOf("__name"))).not.toMatch(/<\/script|<!--|\u2028/);
    const { connect } = await load(text);
    const client = connect("ws://localhost", idle) as unknown as Record<string, unknown>;
    expect(client).toHaveProperty([name]);
    expect(text).toContain("['__proto__']:");
  });

  test.each([{ json }, { text }, { bytes }])("names the codecs that the core has", (codecs) => {
    const [[name, codec]] = Object.entries<unknown>(codecs) as [[string, unknown]];
    expect(write([{ ...echo, codec }], "{}", minify)).toBe(write([{ ...echo, codec: name }], "{}", minify));
  });

  test("writes a codec of one's own, not what looks after it", () => {
    const codec = { encode: (value: unknown) => String(value), decode: (body: unknown) => body };
    const prepared = defineClient({ ...echo, client: () => ({}), codec }).codec;
    expect(write([{ ...echo, codec: prepared }], "{}", minify)).toBe(write([{ ...echo, codec }], "{}", minify));
  });

  test("has no space that it does not need", () => {
    const text = write([{ ...echo, codec: "bytes" }], `{"echo":[0,"echo"]}`, minify);
    const appended = text.slice(text.indexOf("const __name"));
    if (minify) expect(appended.replace(toEcho(appended), "")).not.toMatch(/\s[^\w_]|[^\w_]\s|\n/);
    else expect(appended.split("\n").length).toBeGreaterThan(8);
  });

  const toEcho = (text: string): string => /client:\s*(.+?),\s*codec/.exec(text)![1]!;

  test("does not let halves see its own names", async () => {
    const names = ["connect", "serverUrl", "rpc", "PrismError", "manifest", "Core", "Connection", "half"];
    const seen = `[${names.map((name) => `typeof ${name}`).join()}]`;
    const client = evaluate<() => unknown>(`({ half() { return ${seen} } }).half`);
    const { connect } = await load(write([{ name: "a", kind: "a", client }], "{}", minify));
    expect(connect("ws://localhost", idle)).toHaveProperty(
      "a",
      names.map(() => "undefined"),
    );
  });

  test("connects, without being told the services", async () => {
    const ticks: number[] = [];
    const app = createApp();
    const { connect, rpc, isPrismError } = await load(await app.buildClient({ minify }));
    const wire = dialInMemory(app);
    const client = connect("ws://localhost", {
      dial: wire.dial,
      services: { ui: rpc({ confirm: ({ text }: { text: string }) => text === "Sure?" }) },
    }) as unknown as Client<App, DefaultNames<App>, unknown>;
    expect(await client.math.add({ a: 1, b: 2 })).toBe(3);
    expect(await client.math.nested.ask()).toBe(true);
    const items: number[] = [];
    for await (const item of client.math.count(3)) items.push(item);
    expect(items).toEqual([0, 1, 2]);
    await expect(client.math.add({ a: 1 } as never)).rejects.toSatisfy((error) => isPrismError(error, "bad_input"));
    client.clock.onTick((at) => ticks.push(at));
    expect(await client.clock.next()).toBe("next");
    expect(await client.text.upper("a\x1eb")).toBe("A\x1eB");
    expect(await client.bytes.double(Uint8Array.of(1, 2))).toEqual(Uint8Array.of(2, 4));
    expect(await client.point.flip({ x: 1, y: 2 })).toEqual({ x: 2, y: 1 });
    expect(ticks).toEqual([7]);
    expect(client.clock.from()).toBe("</script>\u2028");
    expect(await client.math.total(undefined, [1, 2, 3])).toBe(6);
    expect(wire.protocols[0]).toEqual(["prism.1", expect.stringMatching(/^prism\.manifest\.[\w-]{22}$/)]);
    const welcome = JSON.parse(String(wire.received[0]).slice(1)) as object;
    expect(welcome).toMatchObject({ welcome: 1 });
    expect(welcome).not.toHaveProperty("services");
    client.connection.close();
    await app.close();
  });

  test("connects to a server whose services have changed", async () => {
    const old = createApp();
    const { connect } = await load(await old.buildClient({ minify }));
    const app = prism()
      .service("first", rpc({ other: procedure(() => "first") }))
      .service("math", rpc({ other: procedure(() => 0), add: procedure(Sum, ({ a, b }) => a + b) }))
      .service("clock", rpc({ next: procedure(() => "of another kind") }));
    const wire = dialInMemory(app);
    const client = connect("ws://localhost", { dial: wire.dial }) as unknown as Client<App, DefaultNames<App>, unknown>;
    expect(await client.math.add({ a: 1, b: 2 })).toBe(3);
    await expect(client.math.count(3)).rejects.toMatchObject({ code: "not_found" });
    await expect(client.clock.next()).rejects.toMatchObject({ code: "not_found" });
    await expect(client.text.upper("a")).rejects.toMatchObject({ code: "not_found" });
    expect(JSON.parse(String(wire.received[0]).slice(1))).toHaveProperty("services.first", [0, "rpc", ["other"]]);
    client.connection.close();
    await Promise.all([old.close(), app.close()]);
  });

  test("says what is missing where there is no WebSocket, or no server", async () => {
    const { connect } = await load(write([echo], "{}", minify));
    expect(() => connect()).toThrow(/not loaded from its server, so connect needs a URL/);
    const { WebSocket } = globalThis as { WebSocket?: unknown };
    delete (globalThis as { WebSocket?: unknown }).WebSocket;
    try {
      expect(() => connect("ws://localhost")).toThrow(/no WebSocket here.*dial/);
      connect("ws://localhost", { dial: () => new Promise(() => {}) }).connection.close();
    } finally {
      if (WebSocket !== undefined) Object.assign(globalThis, { WebSocket });
    }
  });
});

describe("refuses, and names the service", () => {
  class Instance {
    encode(value: unknown): string {
      return String(value);
    }
    decode(body: unknown): string {
      return String(body);
    }
  }
  const plain = { encode: (value: unknown) => String(value), decode: (body: unknown) => String(body) };
  test.each<[string, Partial<ClientService>, RegExp]>([
    ["a bound half", { client: evaluate("(() => {}).bind()") }, /^Client half of it cannot stand alone: it is bound/],
    ["a half that is none", { client: undefined as never }, /^Client half of it is not a function/],
    ["a built-in half that there is not", { client: "other" }, /^Service it has no client half to write: other/],
    ["a codec of a class", { codec: new Instance() }, /^Codec of it cannot stand alone: it is an instance of a class/],
    ["a codec without a function", { codec: { encode: plain.encode } }, /^Codec of it is not a function/],
    ["a codec that is none", { codec: 1 }, /^Codec of it is neither/],
    ["a bound codec", { codec: { ...plain, decode: plain.decode.bind(null) } }, /^Codec of it cannot stand alone/],
    ["a codec of calls", { callCodec: { ...plain, decode: Math.max } }, /^Codec of it cannot stand alone/],
  ])("%s", (_, service, message) => {
    const source = { name: "it", kind: "it", client: () => ({}), ...service };
    expect(() => write([source])).toThrow(TypeError);
    expect(() => write([source])).toThrow(message);
  });
});
