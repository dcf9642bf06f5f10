import { Heartbeat } from "../connection/heartbeat.ts";
import type { Link, LinkOptions, Meter } from "../connection/link.ts";
import { Turn } from "../connection/turn.ts";
import type { BuildClientOptions } from "../http/client-module.ts";
import { writeClientTypes, type ClientTypesOptions } from "../http/client-types.ts";
import type { AppEvents, EventBus, ServiceStorage } from "../service/hosts.ts";
import type { Middleware } from "../service/middleware.ts";
import type { Asset, AssetFolder } from "../service/asset.ts";
import type { Service } from "../service/service.ts";
import { openRequestSession } from "../session/request-session.ts";
import { SessionGate } from "../session/session-gate.ts";
import type { Socket } from "../socket/socket.ts";
import { GOING_AWAY, type CloseCode } from "../wire/close-codes.ts";
import type { Body, Header } from "../wire/frames.ts";
import type { Limits } from "../wire/limits.ts";
import type { Admission, PeerInfo, TransportLimits } from "./admission.ts";
import type { AppSessions, AppStats } from "./app.ts";
import type { Arrival } from "./arrival.ts";
import { Caps } from "./caps.ts";
import { checkPrefix, toLimits } from "./checks.ts";
import { ClientBuilder } from "./client-builder.ts";
import { serverClock, type ServerClock } from "./clock.ts";
import { Dispatcher } from "./dispatcher.ts";
import { openSocket, type DoorOwner } from "./door.ts";
import type { EntryOwner } from "./entry.ts";
import { freshSession } from "./fresh-session.ts";
import { Front } from "./front.ts";
import { Gatekeeper, type GatekeeperOwner } from "./gatekeeper.ts";
import { AppLog } from "./log.ts";
import type { Offer } from "./offer.ts";
import type { PrismOptions } from "./options.ts";
import { OriginCheck } from "./origins.ts";
import type { Peer } from "./peer.ts";
import { Registry } from "./registry.ts";
import { Reports } from "./reports.ts";
import { Site, type SiteOwner } from "./site.ts";
import { createMemoryStorage, storageOf } from "./storage.ts";
import { writeWelcome } from "./welcome.ts";

/** An app at work: what its adapters, its routes, its services and its connections need of it. */
export class Server implements DoorOwner, EntryOwner, GatekeeperOwner, SiteOwner {
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
  readonly registry: Registry = new Registry();
  readonly folder: AssetFolder = { add: (asset) => this.registry.addAsset(asset) };
  readonly builder: ClientBuilder;
  readonly front: Front;
  readonly origins: OriginCheck;
  readonly caps: Caps;
  readonly gate: SessionGate | undefined;
  readonly hook: PrismOptions["admit"];
  readonly authenticate: PrismOptions<never>["authenticate"];
  readonly #gatekeeper: Gatekeeper;
  readonly #site: Site;
  readonly #meter: Meter = { received: 0, sent: 0 };
  readonly #storage: ServiceStorage;
  #dispatcher: Dispatcher | undefined;
  #table = "";
  #closing: Promise<void> | undefined;

  /**
   * @param options the app's
   * @throws {TypeError} for an option that cannot be
   * @throws {RangeError} for a limit that cannot be
   */
  constructor(options: PrismOptions) {
    this.clock = options.clock ?? serverClock;
    this.limits = toLimits(options.limits);
    this.exposeErrors = options.exposeErrors ?? false;
    this.prefix = options.prefix ?? "/prism";
    checkPrefix(this.prefix);
    this.builder = new ClientBuilder(this.registry, this.prefix);
    this.reports = new Reports(new AppLog(options.log, () => this.clock.wall()));
    this.#storage = options.storage ?? createMemoryStorage();
    const { packet, frames, sendLimit, handshake, heartbeat, patience } = this.limits;
    this.transport = { packet, sendLimit, handshake };
    this.heartbeat = new Heartbeat(this.clock, heartbeat, patience);
    this.linkOptions = {
      turn: new Turn(this.clock),
      packetIn: packet,
      framesIn: frames,
      packetOut: packet,
      sendLimit,
      client: false,
      meter: this.#meter,
      traced: this.reports.traced,
    };
    for (const asset of options.assets ?? []) this.registry.addAsset(asset);
    this.front = new Front(options.trustProxy, options.url);
    this.origins = new OriginCheck(options.origins, this.front);
    this.caps = new Caps(this.limits, this.clock, this.front.trusts);
    this.gate = this.#createSessions(options.session);
    this.hook = options.admit;
    this.authenticate = options.authenticate;
    this.#gatekeeper = new Gatekeeper(this);
    this.#site = new Site(this, options.fetch);
    this.fetch = this.#site.fetch;
  }

  #createSessions(options: PrismOptions["session"]): SessionGate | undefined {
    const { clock, front, reports } = this;
    const https = front.origin?.startsWith("https:");
    const warn = (message: string, error?: unknown): void => reports.warned(message, error);
    return options === false ? undefined : new SessionGate(options ?? {}, { clock, wall: clock.wall(), https, warn });
  }

  get closing(): boolean {
    return this.#closing !== undefined;
  }

  get events(): EventBus<AppEvents> {
    return this.reports.events;
  }

  // --- the chain ---

  use(first: Middleware | string, second?: Middleware): this {
    this.registry.use(first, second);
    return this;
  }

  service(name: string, given: Service | ((app: { readonly services: unknown }) => Service)): this {
    this.registry.check(name);
    const service = typeof given === "function" ? given({ services: this.services }) : given;
    this.services[name] = this.registry.add(name, service, this).api;
    this.builder.forget();
    return this;
  }

  mount(fetch: PrismOptions["fetch"]): this {
    this.#site.mount(fetch);
    return this;
  }

  assets(): readonly Asset[] {
    return [...this.registry.assets.values()];
  }

  get sessions(): AppSessions<never> {
    return {
      "~gate": this.gate,
      open: (request) => {
        if (this.gate === undefined) throw new TypeError("This app keeps no sessions");
        return openRequestSession(this.gate, request.headers.get("cookie"), this.front.isHttps(request)) as never;
      },
    };
  }

  stats(): AppStats {
    return { connections: this.peers.size, ...this.#meter };
  }

  buildClient(options?: BuildClientOptions): Promise<string> {
    return this.builder.build(options);
  }

  buildClientTypes(options: ClientTypesOptions): string {
    return writeClientTypes(options);
  }

  // --- opening ---

  isUpgrade(request: Request): boolean {
    if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") return false;
    try {
      return new URL(request.url).pathname === this.prefix;
    } catch {
      // Bun and Deno put a host into it that the peer made up.
      return false;
    }
  }

  admit(request: Request, info: PeerInfo = {}): Promise<Admission | Response> {
    return this.#gatekeeper.admit(request, info);
  }

  async ready(): Promise<void> {
    if (this.#dispatcher === undefined) {
      this.#table = this.registry.freeze();
      const first = this.gate === undefined || this.gate.cached ? [] : [freshSession(this.gate)];
      const middleware = [...first, ...this.registry.middleware];
      this.#dispatcher = new Dispatcher(this.registry.entries, middleware, this.reports, this.clock);
    }
    if (this.registry.frozenHash === undefined) await this.registry.hash();
  }

  open(socket: Socket, arrival: Arrival): void {
    if (this.#closing === undefined) return openSocket(socket, arrival, this);
    socket.close(GOING_AWAY, "Closing");
    arrival.leave();
  }

  welcome(peer: Peer, { manifest }: Offer): string {
    const known = manifest !== undefined && manifest === this.registry.frozenHash;
    return writeWelcome(peer.id, this.limits, this.authenticate !== undefined, known ? undefined : this.#table);
  }

  began(peer: Peer): void {
    this.peers.add(peer);
    this.reports.connected(peer.id, peer.remoteAddress);
    this.events.emit("connect", peer);
    for (const entry of this.registry.entries) entry.connected(peer);
  }

  ended(peer: Peer, code: CloseCode, reason: string): void {
    this.peers.delete(peer);
    this.reports.disconnected(peer.id, code, reason);
    for (const entry of this.registry.entries) entry.disconnected(peer);
    this.events.emit("disconnect", peer);
  }

  left(peer: Peer, code: CloseCode, reason: string): void {
    this.reports.left(code, reason, peer.remoteAddress);
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

  readonly #nameOf = (service: number): string | undefined => this.registry.entries[service]?.name;

  storageOf(service: string): ServiceStorage {
    return storageOf(this.#storage, service);
  }

  // --- the end ---

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    this.gate?.stop();
    for (const link of this.waiting) link.close(GOING_AWAY, "Closing");
    for (const peer of this.peers) peer.shut(GOING_AWAY, "Closing");
    // The last first: it may have been made from those before it.
    for (const entry of this.registry.entries.toReversed()) await entry.close();
  }
}
