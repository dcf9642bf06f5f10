import { describe, expect, test } from "vitest";
import { defineService, prism } from "../../mod.ts";
import type { PrismOptions } from "../../src/server/options.ts";
import { expectNoUnhandledRejections } from "../service/joined.ts";
import { createStage, join } from "./raw.ts";

expectNoUnhandledRejections();

const assets = [
  { name: "style.css", type: "text/css; charset=utf-8", content: "a{}" },
  { name: "deep/er/data.bin", type: "application/octet-stream", content: Uint8Array.of(0, 255, 10) },
  { name: "a..b-_.txt", type: "text/plain", content: "dots" },
];
const own = { name: "own/chart.js", type: "text/javascript", content: "export {}" };

function setUp(options: PrismOptions = {}) {
  const stage = createStage({ assets, ...options });
  const service = defineService({ kind: "it", assets: [own], client: () => ({}), server: () => ({}) });
  const app = prism(stage.options).service("it", service);
  // Unbound, as platforms take it.
  const { fetch } = app;
  const get = (path: string, init?: RequestInit, peer?: { remoteAddress: string }): Promise<Response> =>
    fetch(new Request(`http://host${path}`, init), peer);
  return { ...stage, app, get };
}

describe("a file that a service adds later", () => {
  test("is served from then on, and cannot take another's name", async () => {
    const { app, get } = setUp();
    const report = { name: "report.txt", type: "text/plain", content: "late" };
    const service = defineService({ kind: "late", client: () => ({}), server: (host) => host.assets });
    const { services } = app.service("late", service);
    expect((await get("/prism/assets/report.txt")).status).toBe(404);
    services.late.add(report);
    expect(await (await get("/prism/assets/report.txt")).text()).toBe("late");
    expect(app.assets()).toContain(report);
    expect(() => services.late.add({ ...own, content: "other" })).toThrow(TypeError);
  });
});

describe("the client script", () => {
  test("is there, and known again", async () => {
    const { app, get } = setUp();
    const script = await get("/prism/client.js");
    expect(script.status).toBe(200);
    expect(script.headers.get("content-type")).toBe("text/javascript; charset=utf-8");
    expect(await script.text()).toBe(await app.buildClient({ minify: true }));
    const etag = script.headers.get("etag")!;
    const again = await get("/prism/client.js", { headers: { "if-none-match": etag } });
    expect([again.status, await again.text()]).toEqual([304, ""]);
    const head = await get("/prism/client.js", { method: "HEAD" });
    expect([head.status, await head.text(), head.headers.get("etag")]).toEqual([200, "", etag]);
    expect(await (await get("/prism/client.js?dev")).text()).toBe(await app.buildClient());
    expect((await get("/prism/client.js", { method: "POST" })).status).toBe(404);
  });

  test("that cannot be written is a 500, and the app hears of it each time", async () => {
    const { app, get, log } = setUp();
    // A built-in function has no text to write.
    const client = Object as unknown as () => object;
    app.service("bad", defineService({ kind: "bad", client, server: () => ({}) }));
    for (let i = 0; i < 2; i++) expect((await get("/prism/client.js")).status).toBe(500);
    expect(log).toMatchObject([{ message: "An HTTP answer failed" }, { message: "An HTTP answer failed" }]);
    await expect(app.buildClient()).rejects.toThrow(/^Client half of bad cannot stand alone/);
  });
});

describe("assets", () => {
  test.each([...assets, own])("$name is served as it is", async ({ name, type, content }) => {
    const { app, get } = setUp();
    const answer = await get(`/prism/assets/${name}`);
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-type")).toBe(type);
    expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
    const bytes = new Uint8Array(await answer.arrayBuffer());
    expect(bytes).toEqual(typeof content === "string" ? new TextEncoder().encode(content) : content);
    const known = { headers: { "if-none-match": answer.headers.get("etag")! } };
    expect((await get(`/prism/assets/${name}`, known)).status).toBe(304);
    expect(app.assets()).toContainEqual({ name, type, content });
  });

  test.each([
    "/prism/assets/",
    "/prism/assets",
    "/prism/assets/missing",
    "/prism/assets/deep",
    "/prism/assets/deep/er/",
    "/prism/assets//style.css",
    "/prism/assets/..%2fclient.js",
    "/prism/assets/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "/prism/assets/..%5c..%5cetc",
    "/prism/assets/deep%2Fer%2Fdata.bin",
    "/prism/assets/style.css%00",
    "/prism/assets/%",
    "/prism/assets/%ff",
    "/prism/assets/constructor",
    "/prism/assets/__proto__",
    "/prism/assets/STYLE.CSS",
  ])("%s is not there", async (path) => {
    expect((await setUp().get(path)).status).toBe(404);
  });

  test("may have their names encoded", async () => {
    expect((await setUp().get("/prism/assets/%73tyle.css")).status).toBe(200);
  });

  test("cannot be left by dots, which the URL itself takes away", async () => {
    expect(await (await setUp().get("/prism/assets/../health")).json()).toMatchObject({ status: "ok" });
  });
});

describe("health", () => {
  test("is ok until the app is closed", async () => {
    const { app, clock, get } = setUp();
    await join(app, clock);
    const ok = await get("/prism/health");
    expect([ok.status, await ok.json()]).toEqual([200, { status: "ok", connections: 1 }]);
    expect(ok.headers.get("cache-control")).toBe("no-store");
    await app.close();
    const closing = await get("/prism/health");
    expect([closing.status, await closing.json()]).toEqual([503, { status: "closing", connections: 0 }]);
  });
});

describe("the prefix", () => {
  test("itself wants an upgrade", async () => {
    const answer = await setUp().get("/prism");
    expect(answer.status).toBe(426);
    expect(answer.headers.get("upgrade")).toBe("websocket");
    expect((await setUp().get("/prism", { method: "POST" })).status).toBe(426);
  });

  test.each(["/prism/", "/prism/other", "/prism/client.js/", "/prism/health/x"])("has nothing at %s", async (path) => {
    const { get } = setUp({ fetch: () => new Response("the user's") });
    const answer = await get(path);
    expect([answer.status, await answer.text()]).toEqual([404, "Not Found"]);
  });

  test.each(["/live", "/a.b/c-d/e~1"])("may be %s", async (prefix) => {
    const { get } = setUp({ prefix, fetch: () => new Response("the user's", { status: 299 }) });
    const statuses = ["", "/health", "/assets/style.css", "/client.js", "/other"].map(
      async (path) => (await get(prefix + path)).status,
    );
    expect(await Promise.all(statuses)).toEqual([426, 200, 200, 200, 404]);
    for (const path of ["/prism", "/prism/health", `/x${prefix}`, prefix.replaceAll(".", "x") + "x"]) {
      expect((await get(path)).status, path).toBe(299);
    }
    expect((await get("/aXb/c-d/e~1/health")).status).toBe(299);
  });
});

describe("everything else", () => {
  test("is the user's, with the request and what is known of the peer", async () => {
    const seen: unknown[] = [];
    const { get } = setUp({
      fetch: async (request, peer) => {
        seen.push(request.method, request.url, peer, await request.text());
        return new Response("mine", { status: 201 });
      },
    });
    const answer = await get("/form?x=1", { method: "POST", body: "a=1" }, { remoteAddress: "192.0.2.1" });
    expect([answer.status, await answer.text()]).toEqual([201, "mine"]);
    expect(seen).toEqual(["POST", "http://host/form?x=1", { remoteAddress: "192.0.2.1" }, "a=1"]);
    await get("/");
    expect(seen.slice(4)).toEqual(["GET", "http://host/", {}, ""]);
  });

  test("is not there where the user says nothing", async () => {
    const answer = await setUp().get("/prismatic");
    expect([answer.status, await answer.text()]).toEqual([404, "Not Found"]);
  });

  test.each<[string, () => Response | Promise<Response>]>([
    [
      "throws",
      () => {
        throw new Error("why");
      },
    ],
    ["rejects", () => Promise.reject(new Error("why"))],
    [
      "throws what is no error",
      () => {
        throw "why";
      },
    ],
    ["rejects with nothing", () => Promise.reject(undefined)],
  ])("that %s is a 500, and the app hears of it", async (_, fetch) => {
    const { app, get, log } = setUp({ fetch });
    const errors: unknown[] = [];
    app.events.on("error", (error) => void errors.push(error));
    const answer = await get("/", undefined, { remoteAddress: "192.0.2.1" });
    expect([answer.status, await answer.text()]).toEqual([500, "Internal Server Error"]);
    expect(errors).toHaveLength(1);
    expect(log).toMatchObject([{ level: "error", message: "An HTTP answer failed" }]);
  });
});
