import { Hono } from "hono";
import type { Asset } from "../service/asset.ts";

/** What plain HTTP shows of an app. */
export interface HttpSource {
  /** Where Prism is. */
  readonly prefix: string;
  /** The generated client. */
  client(minify: boolean): Promise<string>;
  /** A file by its name. */
  asset(name: string): Asset | undefined;
  /** Whether new connections are welcome, and how many there are. */
  health(): { readonly status: "ok" | "closing"; readonly connections: number };
  /** Gives a client the cookie of its session's new id (PROTOCOL.md, "Sessions"). */
  exchange(request: Request): Promise<Response>;
  /** Answers what is not Prism's. */
  fallback(request: Request, peer: unknown): Promise<Response>;
  /** Hears of an answer that failed. */
  readonly reports: { failed(message: string, error: unknown): void };
}

/** Nothing guesses a type, and other sites' pages may load it: scripts and assets are public. */
const PUBLIC = {
  "access-control-allow-origin": "*",
  // A copy may be kept, and is asked about each time: a server that was deployed anew may speak of other services.
  "cache-control": "public, no-cache",
  "cross-origin-resource-policy": "cross-origin",
  "x-content-type-options": "nosniff",
} as const;

/**
 * Routes an app's plain HTTP.
 *
 * @param source what there is to show
 * @returns a Hono app
 */
export function createRoutes(source: HttpSource): Hono {
  const { prefix } = source;
  const routes = new Hono();
  const fileTags = new WeakMap<Asset, Promise<string>>();
  routes.get(`${prefix}/client.js`, async (context) => {
    const text = await source.client(context.req.query("dev") === undefined);
    return answer(context.req.raw, text, "text/javascript; charset=utf-8", await tagOf(text));
  });
  routes.get(`${prefix}/assets/*`, async (context) => {
    const asset = source.asset(context.req.path.slice(`${prefix}/assets/`.length));
    if (asset === undefined) return context.text("Not Found", 404);
    let tag = fileTags.get(asset);
    if (tag === undefined) fileTags.set(asset, (tag = tagOf(asset.content)));
    return answer(context.req.raw, asset.content, asset.type, await tag);
  });
  routes.get(`${prefix}/health`, (context) => {
    const health = source.health();
    return context.json(health, health.status === "ok" ? 200 : 503, { "cache-control": "no-store" });
  });
  routes.post(`${prefix}/session`, (context) => source.exchange(context.req.raw));
  routes.all(`${prefix}/session`, (context) => context.text("Method Not Allowed", 405, { allow: "POST" }));
  routes.all(prefix, (context) =>
    context.text("Upgrade Required", 426, { upgrade: "websocket", connection: "Upgrade" }),
  );
  routes.all(`${prefix}/*`, (context) => context.text("Not Found", 404));
  routes.notFound((context) => source.fallback(context.req.raw, context.env));
  routes.onError((error, context) => {
    source.reports.failed("An HTTP answer failed", error);
    return context.text("Internal Server Error", 500);
  });
  return routes;
}

async function tagOf(content: string | Uint8Array): Promise<string> {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : new Uint8Array(content);
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return `"${Array.from(hash.subarray(0, 16), (byte) => byte.toString(16).padStart(2, "0")).join("")}"`;
}

function answer(request: Request, content: string | Uint8Array, type: string, etag: string): Response {
  const headers = { ...PUBLIC, etag };
  const known = (request.headers.get("if-none-match") ?? "").split(",").map((tag) => tag.trim().replace(/^W\//, ""));
  if (known.includes(etag) || known.includes("*")) return new Response(null, { status: 304, headers });
  const body = typeof content === "string" ? content : new Uint8Array(content);
  return new Response(body, { headers: { ...headers, "content-type": type } });
}
