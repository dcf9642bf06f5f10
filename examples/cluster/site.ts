/** The page's own files, and an address that tells which node answers. */
import { readFile } from "node:fs/promises";
import { Hono } from "hono";
import type { SessionEnv, SessionMiddleware } from "../../src/http/sessions.ts";
import type { Identity, Shape } from "./services.ts";

const html = "text/html; charset=utf-8";
const javascript = "text/javascript; charset=utf-8";
/** Only these are served: a name from a request never becomes a path. */
const files = new Map([
  ["/", { file: "index.html", type: html }],
  ["/style.css", { file: "style.css", type: "text/css; charset=utf-8" }],
  ...["cluster", "nodes", "tape", "people"].map(
    (name) => [`/${name}.js`, { file: `${name}.js`, type: javascript }] as const,
  ),
]);

const headers = {
  "content-security-policy": [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self' ws: wss:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; "),
  "cache-control": "no-cache",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
};

const adjectives = ["Quiet", "Brave", "Sunny", "Swift", "Gentle", "Clever", "Lucky", "Merry", "Nimble", "Curious"];
const animals = ["Otter", "Heron", "Lynx", "Finch", "Badger", "Dolphin", "Marten", "Plover", "Gecko", "Hare"];
const pick = (list: readonly string[]): string => list[Math.floor(Math.random() * list.length)]!;

/**
 * @param node Which node this is.
 * @param sessions The app's, for HTTP.
 */
export function createSite(node: Identity, sessions: SessionMiddleware<Shape["session"]>) {
  const site = new Hono<SessionEnv<Shape["session"]>>();
  // A visitor has a session, and its cookie, before the first socket is opened: a balancer that goes by the cookie sends
  // that socket, and all that follow, to one node.
  site.use("/", sessions).get("/", async (context, next) => {
    context.var.session.data.name ??= `${pick(adjectives)} ${pick(animals)}`;
    await next();
  });
  site.get("/node", (context) => context.json(node, 200, { "cache-control": "no-store" }));
  site.get("*", async ({ req, body, notFound }) => {
    const found = files.get(req.path);
    if (!found) return notFound();
    const content = await readFile(new URL(`./page/${found.file}`, import.meta.url), "utf8");
    return body(content, 200, { ...headers, "content-type": found.type });
  });
  return site;
}
