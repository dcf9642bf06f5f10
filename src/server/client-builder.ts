import { writeClientModule, type BuildClientOptions } from "../http/client-module.ts";
import type { Registry } from "./registry.ts";

/** Writes clients of the services that are registered. */
export class ClientBuilder {
  readonly #registry: Registry;
  readonly #prefix: string;
  readonly #texts = new Map<boolean, Promise<string>>();

  /**
   * @param registry the services
   * @param prefix where sockets are opened
   */
  constructor(registry: Registry, prefix: string) {
    this.#registry = registry;
    this.#prefix = prefix;
  }

  /**
   * Writes a client.
   *
   * @throws {TypeError} for a client half that cannot stand alone
   */
  async build(options?: BuildClientOptions): Promise<string> {
    const registry = this.#registry;
    const services = registry.entries.map(({ name, service: { kind, client, codec, callCodec, messageCodec } }) => {
      return { name, kind, client, codec, callCodec, messageCodec };
    });
    const source = { services, table: registry.table(), hash: await registry.hash(), prefix: this.#prefix };
    return writeClientModule(source, options);
  }

  /** The client as it is served: written once. */
  cached(minify: boolean): Promise<string> {
    let text = this.#texts.get(minify);
    if (text === undefined) this.#texts.set(minify, (text = this.build({ minify })));
    return text;
  }

  /** Forgets what was written: there is another service. */
  forget(): void {
    this.#texts.clear();
  }
}
