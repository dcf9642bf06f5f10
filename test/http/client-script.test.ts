import { describe, expect, test } from "vitest";
import { createApp } from "../client-module/fixtures/app.ts";

const url = "http://localhost/prism/client.js";

describe("/prism/client.js", () => {
  const app = createApp();
  const get = (headers: Record<string, string> = {}, method = "GET", query = ""): Promise<Response> =>
    app.fetch(new Request(url + query, { method, headers }));

  test("is the client, minified unless one is to read it", async () => {
    expect(await (await get()).text()).toBe(await app.buildClient({ minify: true }));
    expect(await (await get({}, "GET", "?dev")).text()).toBe(await app.buildClient());
  });

  test("may be kept, is asked about each time, and may be used by any page", async () => {
    const { status, headers } = await get();
    expect(status).toBe(200);
    expect(Object.fromEntries(headers)).toMatchObject({
      "content-type": "text/javascript; charset=utf-8",
      "cache-control": "public, no-cache",
      "access-control-allow-origin": "*",
      "cross-origin-resource-policy": "cross-origin",
      "x-content-type-options": "nosniff",
      etag: expect.stringMatching(/^"[\da-f]{32}"$/),
    });
  });

  test("is not sent again where it is known", async () => {
    const etag = (await get()).headers.get("etag")!;
    for (const known of [etag, `W/${etag}`, `"other", ${etag}`, "*"]) {
      const again = await get({ "if-none-match": known });
      expect(again.status).toBe(304);
      expect(again.headers.get("etag")).toBe(etag);
      expect(again.headers.get("access-control-allow-origin")).toBe("*");
      expect(await again.text()).toBe("");
    }
    expect((await get({ "if-none-match": '"other"' })).status).toBe(200);
    expect((await get({}, "GET", "?dev")).headers.get("etag")).not.toBe(etag);
  });

  test("has the same head without a body", async () => {
    const [head, whole] = [await get({}, "HEAD"), await get()];
    expect(head.status).toBe(200);
    expect(await head.text()).toBe("");
    expect(Object.fromEntries(head.headers)).toEqual(Object.fromEntries(whole.headers));
  });

  test("is another one when there is another service", async () => {
    const growing = createApp();
    const before = await (await growing.fetch(new Request(url))).text();
    growing.service("late", { kind: "late", client: () => ({}), server: () => ({}) } as never);
    const after = await (await growing.fetch(new Request(url))).text();
    expect(before).not.toContain("late");
    expect(after).toContain("['late']:{kind:'late',client:");
  });
});
