import { checkName } from "../service/names.ts";
import type { Asset } from "../service/asset.ts";
import type { Middleware } from "../service/middleware.ts";
import type { Service } from "../service/service.ts";
import { ServiceEntry, type EntryOwner } from "./entry.ts";
import { toBase64Url } from "../wire/random-id.ts";

/** The members that a client has of its own. */
const TAKEN = new Set(["connection"]);
const ASSET_NAME = /^[\w.-]+(\/[\w.-]+)*$/;
/** 128 bits name a table among all. */
const HASH_BYTES = 16;

/** The services of an app, by name and by number, until the first connection freezes them. */
export class Registry {
  readonly entries: ServiceEntry[] = [];
  readonly byName: Map<string, ServiceEntry> = new Map();
  readonly assets: Map<string, Asset> = new Map();
  /** What stands before all services. */
  readonly middleware: Middleware[] = [];
  /** The hash of the frozen table, once it is known. */
  frozenHash: string | undefined;
  #frozen: string | undefined;

  /** Whether nothing can be registered any more. */
  get frozen(): boolean {
    return this.#frozen !== undefined;
  }

  /**
   * Checks whether a service can be registered under a name.
   *
   * @throws {TypeError} for a name that cannot be had or is there already, or after the first connection
   */
  check(name: string): void {
    if (this.frozen) throw new TypeError(`Service ${JSON.stringify(name)} comes after the first connection`);
    checkName(name, "service");
    if (TAKEN.has(name)) throw new TypeError(`Name of a service is taken by the client: ${JSON.stringify(name)}`);
    if (this.byName.has(name)) throw new TypeError(`Service ${JSON.stringify(name)} is registered already`);
  }

  /**
   * Registers a service, whose name was checked, and runs its server half.
   *
   * @throws {TypeError} for what is no service, or an asset that cannot be had
   */
  add(name: string, service: Service, owner: EntryOwner): ServiceEntry {
    if (typeof service?.server !== "function") {
      throw new TypeError(`Service ${JSON.stringify(name)} is not a service: ${typeof service}`);
    }
    // First, so that no server half is left at work for a service that there is not.
    for (const asset of service.assets ?? []) this.#checkAsset(asset);
    const entry = new ServiceEntry(name, this.entries.length, service, owner);
    for (const asset of service.assets ?? []) this.addAsset(asset);
    this.entries.push(entry);
    this.byName.set(name, entry);
    return entry;
  }

  /**
   * Adds middleware: before all services, or before one.
   *
   * @param first the middleware, or the service's name
   * @param second the middleware, behind a name
   * @throws {TypeError} for what is no function, or a service that there is not, or after the first connection
   */
  use(first: Middleware | string, second?: Middleware): void {
    if (this.frozen) throw new TypeError("Middleware comes after the first connection");
    const own = typeof first === "string";
    const list = own ? this.byName.get(first)?.middleware : this.middleware;
    if (list === undefined) throw new TypeError(`Service ${JSON.stringify(first)} is not registered`);
    const middleware = own ? second : first;
    if (typeof middleware !== "function") throw new TypeError(`Middleware is not a function: ${String(middleware)}`);
    list.push(middleware);
  }

  /**
   * Adds a file.
   *
   * @throws {TypeError} for a name that is no path of plain segments, or that another file has
   */
  addAsset(asset: Asset): void {
    this.#checkAsset(asset);
    this.assets.set(asset.name, asset);
  }

  #checkAsset({ name, content }: Asset): void {
    if (!ASSET_NAME.test(name) || name.split("/").some((segment) => /^\.+$/.test(segment))) {
      throw new TypeError(`Name of an asset is not a path of letters, digits, ., _ and -: ${JSON.stringify(name)}`);
    }
    const known = this.assets.get(name);
    // A service that is registered twice brings its files twice.
    if (known !== undefined && known.content !== content) throw new TypeError(`Asset ${name} is there already`);
  }

  /** The service table as JSON, as the welcome has it. Nothing can be registered afterwards. */
  freeze(): string {
    return (this.#frozen ??= this.table());
  }

  /** The service table as JSON. */
  table(): string {
    return JSON.stringify(
      Object.fromEntries(
        this.entries.map(({ name, number, service: { kind, init } }) => [
          name,
          init === undefined ? [number, kind] : [number, kind, init],
        ]),
      ),
    );
  }

  /** The name of the table among all: the hash that a generated client offers. */
  async hash(): Promise<string> {
    const table = this.table();
    const hash = await digest(table);
    if (table === this.#frozen) this.frozenHash = hash;
    return hash;
  }
}

async function digest(text: string): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return toBase64Url(new Uint8Array(hash).subarray(0, HASH_BYTES));
}
