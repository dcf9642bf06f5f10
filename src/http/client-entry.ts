/*
 * What a generated client is made of: the client and the built-in client halves. scripts/generate-client.ts bundles
 * this file into the texts in generated/client-core.ts; nothing imports it at run time.
 */
import { connect } from "../client/connect.ts";
import type { ClientOptions, Manifest } from "../client/types.ts";
import { prepareCodecs } from "../service/prepare-codecs.ts";
import type { ClientHalf } from "../service/service.ts";

export { pubsub } from "../services/pubsub/client.ts";
export { rpc } from "../services/rpc/client.ts";
export { isPrismError, PrismError } from "../wire/errors.ts";

type Halves = Readonly<Record<string, ClientHalf>>;

/** What the generated `connect` takes. */
interface GeneratedOptions extends ClientOptions {
  readonly services?: Halves | undefined;
}

/**
 * Makes the `connect` of a generated client.
 *
 * @param serverUrl where the client came from; empty where that is not known
 * @param manifest the services that it was made for
 * @param createHalves makes their client halves
 * @returns the function
 */
export function createConnect(
  serverUrl: string,
  manifest: Manifest,
  createHalves: () => Halves,
): (url?: string | URL, options?: GeneratedOptions) => unknown {
  return (url = serverUrl, options = {}) => {
    if (url === "") throw new TypeError("This client was not loaded from its server, so connect needs a URL");
    const halves = Object.entries({ ...createHalves(), ...options.services });
    const services = Object.fromEntries(halves.map(([name, half]) => [name, prepareCodecs(half)]));
    return connect(url, { manifest, ...options, services });
  };
}

/**
 * Where the server is that a script came from.
 *
 * @param script the script's own address
 * @param prefix where the server has Prism
 * @returns the address to connect to; empty where the script's own says nothing
 */
export function toServerUrl(script: string, prefix: string): string {
  if (!/^https?:/.test(script)) return "";
  const url = new URL(script);
  const path = `${prefix}/client.js`;
  // A proxy may have put something before the prefix.
  const { pathname } = url;
  return new URL(pathname.endsWith(path) ? pathname.slice(0, -"/client.js".length) : prefix, url).href;
}
