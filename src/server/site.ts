import { createRoutes, type HttpSource } from "../http/routes.ts";
import type { Asset } from "../service/asset.ts";
import type { SessionGate } from "../session/session-gate.ts";
import { isPrismError } from "../wire/errors.ts";
import type { PeerInfo } from "./admission.ts";
import { readText } from "./body.ts";
import type { ClientBuilder } from "./client-builder.ts";
import type { ServerClock } from "./clock.ts";
import type { Front } from "./front.ts";
import type { PrismOptions } from "./options.ts";
import { remedyFor, type OriginCheck } from "./origins.ts";
import type { Registry } from "./registry.ts";
import type { Reports } from "./reports.ts";

/** What plain HTTP needs of the app. */
export interface SiteOwner {
  readonly prefix: string;
  readonly clock: ServerClock;
  readonly transport: { readonly handshake: number };
  readonly reports: Reports;
  readonly builder: ClientBuilder;
  readonly registry: Registry;
  readonly front: Front;
  readonly origins: OriginCheck;
  readonly gate: SessionGate | undefined;
  readonly closing: boolean;
  readonly peers: ReadonlySet<unknown>;
}

/** A ticket is shorter than this, in bytes. */
const MAX_TICKET = 128;

/** What an app shows over plain HTTP. */
export class Site implements HttpSource {
  readonly prefix: string;
  readonly reports: Reports;
  readonly fetch: (request: Request, peer?: PeerInfo) => Promise<Response>;
  readonly #owner: SiteOwner;
  #fallback: PrismOptions["fetch"];

  /**
   * @param owner the app
   * @param fallback answers what is not Prism's
   */
  constructor(owner: SiteOwner, fallback: PrismOptions["fetch"]) {
    this.#owner = owner;
    this.#fallback = fallback;
    this.prefix = owner.prefix;
    this.reports = owner.reports;
    const routes = createRoutes(this);
    this.fetch = async (request, peer) => {
      try {
        return await routes.fetch(request, peer);
      } catch (error) {
        // Hono answers errors; whoever throws anything else ends up here.
        this.reports.failed("An HTTP answer failed", error);
        return new Response("Internal Server Error", { status: 500 });
      }
    };
  }

  /** See `Prism.mount`. */
  mount(fallback: PrismOptions["fetch"]): void {
    if (typeof fallback !== "function") throw new TypeError(`Cannot mount what is no function: ${typeof fallback}`);
    if (this.#fallback !== undefined) throw new TypeError("Something else answers other HTTP requests already");
    this.#fallback = fallback;
  }

  client(minify: boolean): Promise<string> {
    return this.#owner.builder.cached(minify);
  }

  asset(name: string): Asset | undefined {
    return this.#owner.registry.assets.get(name);
  }

  health(): { status: "ok" | "closing"; connections: number } {
    return { status: this.#owner.closing ? "closing" : "ok", connections: this.#owner.peers.size };
  }

  async fallback(request: Request, peer: unknown): Promise<Response> {
    const { front } = this.#owner;
    if (this.#fallback === undefined) return new Response("Not Found", { status: 404 });
    return this.#fallback(request, front.peer(request, peer ?? {}));
  }

  async exchange(request: Request): Promise<Response> {
    const { gate, origins, front, clock, transport } = this.#owner;
    if (gate === undefined) return new Response("Not Found", { status: 404 });
    if (!(await origins.allows(request))) {
      const origin = request.headers.get("origin");
      this.reports.refusedBy("origins", undefined, { origin, toAllow: remedyFor(origin) });
      return new Response("Origin not allowed", { status: 403 });
    }
    const headers = new Headers({ "cache-control": "no-store" });
    const origin = request.headers.get("origin");
    if (origin !== null) {
      headers.set("access-control-allow-origin", origin);
      headers.set("access-control-allow-credentials", "true");
      headers.set("vary", "origin");
    }
    try {
      const ticket = await readText(request, MAX_TICKET, clock, transport.handshake);
      if (ticket === undefined) return new Response("Not a ticket", { status: 400, headers });
      const cookie = await gate.redeem(request.headers.get("cookie"), front.isHttps(request), ticket);
      if (cookie === undefined) return new Response("Ticket not good", { status: 403, headers });
      headers.append("set-cookie", cookie);
      return new Response(null, { status: 204, headers });
    } catch (error) {
      if (!isPrismError(error, "unavailable")) throw error;
      return new Response(error.message, { status: 503, headers });
    }
  }
}
