import { Heartbeat } from "../connection/heartbeat.ts";
import type { Link, LinkOptions, Meter } from "../connection/link.ts";
import { Turn } from "../connection/turn.ts";
import type { BuildClientOptions } from "../http/client-module.ts";
import { writeClientTypes, type ClientTypesOptions } from "../http/client-types.ts";
import { createRoutes, type HttpSource } from "../http/routes.ts";
import type { AppEvents, EventBus, ServiceStorage } from "../service/hosts.ts";
import type { Middleware } from "../service/middleware.ts";
import type { Asset, AssetFolder } from "../service/asset.ts";
import type { Service } from "../service/service.ts";
import { GOING_AWAY, type CloseCode } from "../wire/close-codes.ts";
import type { Body, Header } from "../wire/frames.ts";
import { PROTOCOL } from "../wire/subprotocols.ts";
import type { Limits } from "../wire/limits.ts";
import type { Admission, PeerInfo, TransportLimits } from "./admission.ts";
import type { AppStats } from "./app.ts";
import { checkPrefix, toLimits } from "./checks.ts";
import { ClientBuilder } from "./client-builder.ts";
import { serverClock, type ServerClock } from "./clock.ts";
import { Dispatcher } from "./dispatcher.ts";
import { openSocket, type DoorOwner } from "./door.ts";
import type { EntryOwner } from "./entry.ts";
import { AppLog } from "./log.ts";
import { readOffers, type Offer } from "./offer.ts";
import type { Admitted, PrismOptions } from "./options.ts";
import type { Peer } from "./peer.ts";
import { Registry } from "./registry.ts";
import { Reports } from "./reports.ts";
import { createMemoryStorage, storageOf } from "./storage.ts";

/** An app at work: what its adapters, its routes, its services and its connections need of it. */
export class Server implements DoorOwner, EntryOwner, HttpSource {
  readonly clock: ServerClock;
  readonly limits: Limits;
  readonly exposeErrors: boolean;
  readonly prefix: string;
  readonly peers: Set<Peer> = new Set();
  readonly waiting: Set<Link> = new Set();
  readonly reports: Reports;
  readonly heartbeat: Heartbeat;
  readonly linkOptions: LinkOptions;
  readonly transport: TransportLimits;
  readonly services: Record<string, unknown> = {};
  readonly fetch: (request: Request, peer?: PeerInfo) => Promise<Response>;
  readonly #options: PrismOptions;
  readonly #meter: Meter = { received: 0, sent: 0 };
  readonly #registry = new Registry();
  readonly folder: AssetFolder = { add: (asset) => this.#registry.addAsset(asset) };
  readonly #middleware: Middleware[] = [];
  readonly #storage: ServiceStorage;
  readonly #builder: ClientBuilder;
  #dispatcher: Dispatcher | undefined;
  #table = "";
  #closing: Promise<void> | undefined;

  /**
   * @param options the app's
   * @throws {TypeError} for an option that cannot be
   * @throws {RangeError} for a limit that cannot be
   */
  constructor(options: PrismOptions) {
    this.#options = options;
    this.clock = options.clock ?? serverClock;
    this.limits = toLimits(options.limits);
    this.exposeErrors = options.exposeErrors ?? false;
    this.prefix = options.prefix ?? "/prism";
    checkPrefix(this.prefix);
    this.#builder = new ClientBuilder(this.#registry, this.prefix);
    this.reports = new Reports(new AppLog(options.log, () => this.clock.wall()));
    this.#storage = options.storage ?? createMemoryStorage();
    const { packet, sendLimit, handshake, heartbeat, patience } = this.limits;
    this.transport = { packet, sendLimit, handshake };
    this.heartbeat = new Heartbeat(this.clock, heartbeat, patience);
    this.linkOptions = {
      turn: new Turn(this.clock),
      packetIn: packet,
      packetOut: packet,
      sendLimit,
      client: false,
      meter: this.#meter,
      traced: this.reports.traced,
    };
    for (const asset of options.assets ?? []) this.#registry.addAsset(asset);
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

  get events(): EventBus<AppEvents> {
    return this.reports.events;
  }

  // --- the chain ---

  use(middleware: Middleware): this {
    if (this.#registry.frozen) throw new TypeError("Middleware comes after the first connection");
    if (typeof middleware !== "function") throw new TypeError(`Middleware is not a function: ${String(middleware)}`);
    this.#middleware.push(middleware);
    return this;
  }

  service(name: string, given: Service | ((app: { readonly services: unknown }) => Service)): this {
    this.#registry.check(name);
    const service = typeof given === "function" ? given({ services: this.services }) : given;
    this.services[name] = this.#registry.add(name, service, this).api;
    this.#builder.forget();
    return this;
  }

  assets(): readonly Asset[] {
    return [...this.#registry.assets.values()];
  }

  stats(): AppStats {
    return { connections: this.peers.size, ...this.#meter };
  }

  buildClient(options?: BuildClientOptions): Promise<string> {
    return this.#builder.build(options);
  }

  buildClientTypes(options: ClientTypesOptions): string {
    return writeClientTypes(options);
  }

  // --- plain HTTP ---

  client(minify: boolean): Promise<string> {
    return this.#builder.cached(minify);
  }

  asset(name: string): Asset | undefined {
    return this.#registry.assets.get(name);
  }

  health(): { status: "ok" | "closing"; connections: number } {
    return { status: this.#closing === undefined ? "ok" : "closing", connections: this.peers.size };
  }

  async fallback(request: Request, peer: unknown): Promise<Response> {
    const { fetch } = this.#options;
    return fetch === undefined ? new Response("Not Found", { status: 404 }) : fetch(request, peer ?? {});
  }

  // --- opening ---

  isUpgrade(request: Request): boolean {
    return (
      request.headers.get("upgrade")?.toLowerCase() === "websocket" && new URL(request.url).pathname === this.prefix
    );
  }

  async admit(request: Request, info: PeerInfo = {}): Promise<Admission | Response> {
    if (this.#closing !== undefined) {
      this.reports.refused(503, info.remoteAddress);
      return new Response("Closing", { status: 503 });
    }
    let admitted: Admitted<unknown> | undefined;
    let headers: Headers;
    try {
      const judged = await this.#options.admit?.(request, info);
      // A Response may come from another realm or library.
      if (judged !== undefined && "status" in judged) {
        this.reports.refused(judged.status, info.remoteAddress);
        return judged;
      }
      admitted = judged ?? undefined;
      headers = new Headers(admitted?.headers ?? {});
      headers.delete("sec-websocket-protocol");
      // Known before the welcome, which is written in one turn.
      this.#freeze();
      if (this.#registry.frozenHash === undefined) await this.#registry.hash();
    } catch (error) {
      this.reports.failed("Admission failed", error);
      return new Response("Internal Server Error", { status: 500 });
    }
    const offer = readOffers(request.headers.get("sec-websocket-protocol"));
    const state = (admitted?.state ?? {}) as Record<string, unknown>;
    const arrival = { offer, state, remoteAddress: info.remoteAddress };
    return {
      headers,
      protocol: offer.version === true ? PROTOCOL : undefined,
      open: (socket) => {
        if (this.#closing === undefined) openSocket(socket, arrival, this);
        else socket.close(GOING_AWAY, "Closing");
      },
      abandon: () => {},
    };
  }

  welcome(peer: Peer, { manifest }: Offer): string {
    const { heartbeat, packet } = this.limits;
    const start = { welcome: 1, connection: peer.id, resumed: false, received: 0, sent: 0, heartbeat, packet };
    const text = JSON.stringify(start);
    return manifest !== undefined && manifest === this.#registry.frozenHash
      ? text
      : `${text.slice(0, -1)},"services":${this.#table}}`;
  }

  began(peer: Peer): void {
    this.peers.add(peer);
    this.reports.connected(peer.id, peer.remoteAddress);
    this.events.emit("connect", peer);
    for (const entry of this.#registry.entries) entry.connected(peer);
  }

  ended(peer: Peer, code: CloseCode, reason: string): void {
    this.peers.delete(peer);
    this.reports.disconnected(peer.id, code, reason);
    for (const entry of this.#registry.entries) entry.disconnected(peer);
    this.events.emit("disconnect", peer);
  }

  #freeze(): void {
    if (this.#dispatcher !== undefined) return;
    this.#table = this.#registry.freeze();
    this.#dispatcher = new Dispatcher(this.#registry.entries, this.#middleware, this.reports);
  }

  // --- what arrives ---

  message(peer: Peer, service: number, body: Body): void {
    this.#dispatcher!.message(peer, service, body);
  }

  call(peer: Peer, service: number, id: number, body: Body): void {
    this.#dispatcher!.call(peer, service, id, body);
  }

  trace(peer: Peer, header: Header, body: Body): void {
    this.reports.frame(peer.id, header, body, this.#nameOf);
  }

  readonly #nameOf = (service: number): string | undefined => this.#registry.entries[service]?.name;

  storageOf(service: string): ServiceStorage {
    return storageOf(this.#storage, service);
  }

  // --- the end ---

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    for (const link of this.waiting) link.close(GOING_AWAY, "Closing");
    for (const peer of this.peers) peer.shut(GOING_AWAY, "Closing");
    // The last first: it may have been made from those before it.
    for (const entry of this.#registry.entries.toReversed()) await entry.close();
  }
}
