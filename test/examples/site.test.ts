import { expect, test } from "vitest";
import { admit, assets, site } from "../../examples/dashboard/site.ts";

const ask = (path: string, method = "GET") => site(new Request(new URL(path, "http://localhost"), { method }));

test("serves the page under a strict policy", async () => {
  const page = await ask("/");
  expect(page.status).toBe(200);
  expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8");
  const policy = page.headers.get("content-security-policy");
  expect(policy).toContain("default-src 'none'; script-src 'self'");
  expect(policy).not.toContain("unsafe");
  expect(await page.text()).not.toMatch(/<script>|<style>| style=| on\w+=/);
});

test("serves every module that the page imports", async () => {
  const seen = new Set<string>();
  const visit = async (path: string): Promise<void> => {
    if (seen.has(path) || path.startsWith("/prism/")) return;
    seen.add(path);
    const module = await ask(path);
    expect([path, module.status]).toEqual([path, 200]);
    expect(module.headers.get("content-type")).toBe("text/javascript; charset=utf-8");
    for (const [, next = ""] of (await module.text()).matchAll(/from "([^"]+)"/g)) await visit(next);
  };
  await visit("/dashboard.js");
  expect(seen.size).toBe(6);
});

test("serves nothing else", async () => {
  for (const path of ["/app.ts", "/../app.ts", "/page/index.html", "/%2e%2e/app.ts", "/constructor", "/index.html"]) {
    expect([path, (await ask(path)).status]).toEqual([path, 404]);
  }
});

test("answers HEAD without a body, and refuses to be written to", async () => {
  const head = await ask("/", "HEAD");
  expect([head.status, await head.text()]).toEqual([200, ""]);
  const post = await ask("/", "POST");
  expect([post.status, post.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
});

test("has the chart library as assets", () => {
  expect(assets.map(({ name }) => name)).toEqual(["uplot.js", "uplot.css"]);
  for (const { content } of assets) expect(content.length).toBeGreaterThan(500);
});

test("lets in its own pages and programs, and no other site's pages", () => {
  const upgrade = (headers: Record<string, string>) =>
    admit(new Request("http://localhost/prism", { headers: { host: "localhost:3000", ...headers } }))?.status;
  expect(upgrade({})).toBeUndefined();
  expect(upgrade({ origin: "http://localhost:3000" })).toBeUndefined();
  for (const origin of [
    "http://localhost:8080",
    "https://evil.example",
    "http://localhost:3000.evil.example",
    "null",
  ]) {
    expect([origin, upgrade({ origin })]).toEqual([origin, 403]);
  }
});
