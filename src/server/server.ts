import type { Volley } from "../connection/volley.ts";
import type { Broker } from "../broker/broker.ts";
import { Channels } from "../broker/channels.ts";
import { memoryBroker } from "../broker/memory-broker.ts";
import type { BuildClientOptions } from "../http/client-module.ts";
import { writeClientTypes, type ClientTypesOptions } from "../http/client-types.ts";
import type { AppEvents, EventBus, ServiceStorage } from "../service/hosts.ts";
import { describeError } from "../service/failures.ts";
import type { Middleware } from "../service/middleware.ts";
import type { Asset, AssetFolder } from "../service/asset.ts";
import type { Service } from "../service/service.ts";
import type { SessionGate } from "../session/session-gate.ts";
import type { Socket } from "../socket/socket.ts";
import { GOING_AWAY } from "../wire/close-codes.ts";
import type { Limits } from "../wire/limits.ts";
import type { Admission, DrainOptions, PeerInfo, TransportLimits } from "./admission.ts";
import type { AppSessions, AppStats } from "./app.ts";
import { createSessionGate, toAppSessions } from "./app-sessions.ts";
import type { Arrival } from "./arrival.ts";
import { Caps } from "./caps.ts";
import { checkPrefix, toLimits } from "./checks.ts";
import { ClientBuilder } from "./client-builder.ts";
import { serverClock, type ServerClock } from "./clock.ts";
import { Dispatcher } from "./dispatcher.ts";
import { openSocket } from "./door.ts";
import { DRAIN_WITHIN } from "./drain.ts";
import type { EntryOwner } from "./entry.ts";
import { freshSession } from "./fresh-session.ts";
import { Front } from "./front.ts";
import { Gatekeeper, type GatekeeperOwner } from "./gatekeeper.ts";
import { AppLog } from "./log.ts";
import type { PrismOptions } from "./options.ts";
import { OriginCheck } from "./origins.ts";
import type { Peer } from "./peer.ts";
import { Reception, type ReceptionOwner } from "./reception.ts";
import { Registry } from "./registry.ts";
import { Reports } from "./reports.ts";
import type { Resumptions } from "./resumptions.ts";
import { Site, type SiteOwner } from "./site.ts";
import { createMemoryStorage, storageOf } from "./storage.ts";

/** An app at work: its chain, and what adapters, routes and services need of it. Its connections are the reception's. */
export class Server implements EntryOwner, GatekeeperOwner, ReceptionOwner, SiteOwner {
  readonly clock: ServerClock;
  readonly limits: Limits;
  readonly describe: EntryOwner["describe"];
  readonly prefix: string;
  readonly reports: Reports;
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
  readonly #reception: Reception;
  readonly #gatekeeper: Gatekeeper;
  readonly #site: Site;
  readonly #storage: ServiceStorage;
  readonly #broker: Broker;
  readonly shared: ((part: string) => Channels) | undefined;
  #closing: Promise<void> | undefined;

  /**
   * @param options the app's
   * @throws {TypeError} for an option that cannot be
   * @throws {RangeError} for a limit that cannot be
   */
  constructor(options: PrismOptions) {
    this.clock = options.clock ?? serverClock;
    this.limits = toLimits(options.limits);
    this.describe = options.exposeErrors ? describeError : undefined;
    this.prefix = options.prefix ?? "/prism";
    checkPrefix(this.prefix);
    this.builder = new ClientBuilder(this.registry, this.prefix);
    this.reports = new Reports(new AppLog(options.log, () => this.clock.wall()));
    this.#storage = options.storage ?? createMemoryStorage();
    this.shared = options.broker && ((part) => new Channels(this.#broker, this.clock, part));
    this.#broker = options.broker?.open(this.clock) ?? memoryBroker({ clock: this.clock });
    const { packet, sendLimit, handshake } = this.limits;
    this.transport = { packet, sendLimit, handshake };
    for (const asset of options.assets ?? []) this.registry.addAsset(asset);
    this.front = new Front(options.trustProxy, options.url);
    this.origins = new OriginCheck(options.origins, this.front);
    this.caps = new Caps(this.limits, this.clock, this.front.trusts);
    this.gate = createSessionGate(options.session, this);
    this.hook = options.admit;
    this.authenticate = options.authenticate;
    this.#reception = new Reception(this, options.handover);
    this.#gatekeeper = new Gatekeeper(this);
    this.#site = new Site(this, options.fetch);
    this.fetch = this.#site.fetch;
  }

  get closing(): boolean {
    return this.#reception.draining || this.#closing !== undefined;
  }

  get handsOver(): boolean {
    return this.#reception.transfer !== undefined;
  }

  get peers(): ReadonlySet<Peer> {
    return this.#reception.peers;
  }

  get volley(): Volley {
    return this.#reception.volley;
  }

  get resumptions(): Resumptions<Peer> {
    return this.#reception.resumptions;
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
    return toAppSessions(this.gate, this.front);
  }

  stats(): AppStats {
    return this.#reception.stats();
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
    if (!this.registry.frozen) {
      const table = this.registry.freeze();
      const first = this.gate === undefined || this.gate.cached ? [] : [freshSession(this.gate)];
      const middleware = [...first, ...this.registry.middleware];
      const dispatcher = new Dispatcher(this.registry.entries, middleware, this.reports, this.clock);
      this.#reception.begin(table, dispatcher);
    }
    if (this.registry.frozenHash === undefined) await this.registry.hash();
  }

  open(socket: Socket, arrival: Arrival): void {
    if (this.#closing === undefined) return openSocket(socket, arrival, this.#reception);
    socket.close(GOING_AWAY, "Closing");
    arrival.leave();
  }

  storageOf(service: string): ServiceStorage {
    return storageOf(this.#storage, service);
  }

  channelsOf(service: string): Channels {
    return new Channels(this.#broker, this.clock, `s/${service}`);
  }

  // --- the end ---

  async drain({ within = DRAIN_WITHIN }: DrainOptions = {}): Promise<void> {
    await this.#reception.drain(within);
    return this.close();
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    this.gate?.stop();
    this.#reception.close();
    // The last first: it may have been made from those before it.
    for (const entry of this.registry.entries.toReversed()) await entry.close();
    // Of connections that were handed over, others tell who is there.
    await this.#broker.close(this.handsOver);
  }
}
