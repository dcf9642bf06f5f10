/** The page's own files, and uPlot's, which Prism serves as assets. */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

/** Only these are served: a name from a request never becomes a path. */
const files = new Map([
  ["/", { file: "index.html", type: "text/html; charset=utf-8" }],
  ["/style.css", { file: "style.css", type: "text/css; charset=utf-8" }],
  ...["dashboard", "charts", "panels", "room", "round-trips", "format"].map(
    (name) => [`/${name}.js`, { file: `${name}.js`, type: "text/javascript; charset=utf-8" }] as const,
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
  // Alone in its process, the page gets a clock fine enough to time a round trip on loopback.
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
  "cache-control": "no-cache",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
};

/** Lets in the dashboard's own pages and programs that are no browsers: any site may open sockets to this machine. */
export function admit(request: Request): Response | undefined {
  const origin = request.headers.get("origin");
  if (origin === null) return undefined;
  const own = URL.canParse(origin) && new URL(origin).host === request.headers.get("host");
  return own ? undefined : new Response("Forbidden\n", { status: 403 });
}

/** Answers everything that is not Prism's. */
export async function site(request: Request): Promise<Response> {
  const found = files.get(new URL(request.url).pathname);
  if (!found) return new Response("Not found\n", { status: 404, headers });
  if (request.method !== "GET" && request.method !== "HEAD") {
    return new Response("Method not allowed\n", { status: 405, headers: { ...headers, allow: "GET, HEAD" } });
  }
  const content = await readFile(new URL(`./page/${found.file}`, import.meta.url), "utf8");
  return new Response(request.method === "HEAD" ? null : content, {
    headers: { ...headers, "content-type": found.type },
  });
}

// `require` rather than `import.meta.resolve`, which Deno answers with an `npm:` address.
const require = createRequire(fileURLToPath(import.meta.url));
const uplot = (file: string): Promise<string> => readFile(require.resolve(`uplot/dist/${file}`), "utf8");

/** The chart library, served under `/prism/assets/`. */
export const assets = [
  { name: "uplot.js", type: "text/javascript; charset=utf-8", content: await uplot("uPlot.esm.js") },
  { name: "uplot.css", type: "text/css; charset=utf-8", content: await uplot("uPlot.min.css") },
];
