import { clientCore, clientCoreMinified } from "./generated/client-core.ts";
import { toHalfText } from "./half-text.ts";

/** A service, as far as a generated client is concerned. */
export interface ClientService {
  readonly name: string;
  readonly kind: string;
  /** The client half, or the name of a built-in one. */
  readonly client: ((host: never) => unknown) | string;
  /** The codec, or its name. */
  readonly codec?: unknown;
  readonly callCodec?: unknown;
}

/** What a client is generated from. */
export interface ClientModuleSource {
  readonly services: readonly ClientService[];
  /** The service table, as JSON. */
  readonly table: string;
  /** The table's hash. */
  readonly hash: string;
  /** Where sockets are opened. */
  readonly prefix: string;
}

/** How `buildClient` writes. */
export interface BuildClientOptions {
  /** Whether without comments and long names. */
  readonly minify?: boolean | undefined;
}

/** The halves that the core's text brings along. */
const BUILT_IN = new Set(["rpc"]);

/**
 * Writes the module of a client: the core, the client halves in use, and the service table. It holds no `eval`, and
 * runs under a strict Content-Security-Policy.
 *
 * @param source the app's services
 * @param options how to write it
 * @returns the text of an ES module
 * @throws {TypeError} for a client half that cannot stand alone
 */
export function writeClientModule(source: ClientModuleSource, { minify = false }: BuildClientOptions = {}): string {
  const halves = source.services.map((service) => `  ${JSON.stringify(service.name)}: ${toHalf(service)},`);
  return `${minify ? clientCoreMinified : clientCore}
export const serverUrl = /* @__PURE__ */ toServerUrl(import.meta.url, ${JSON.stringify(source.prefix)});
const manifest = { hash: ${JSON.stringify(source.hash)}, services: ${source.table} };
const __name = (f) => f;
const createHalves = () => ({
${halves.join("\n")}
});
export const connect = (url = serverUrl, options = {}) =>
  connectTo(url, { manifest, ...options, services: { ...createHalves(), ...options.services } });
`;
}

function toHalf({ name, kind, client, codec, callCodec }: ClientService): string {
  if (typeof client === "string") {
    if (!BUILT_IN.has(client)) throw new TypeError(`Service ${name} has no client half to write: ${client}`);
    return `${client}()`;
  }
  const parts = [`kind: ${JSON.stringify(kind)}`, `client: ${toHalfText(client, `Client half of ${name}`)}`];
  for (const [key, value] of Object.entries({ codec, callCodec })) {
    if (value !== undefined) parts.push(`${key}: ${toCodecText(value, `Codec of ${name}`)}`);
  }
  return `{ ${parts.join(", ")} }`;
}

function toCodecText(codec: unknown, what: string): string {
  if (typeof codec === "string") return JSON.stringify(codec);
  const { encode, decode } = codec as Record<string, (value: never) => unknown>;
  return `{ encode: ${toHalfText(encode, what)}, decode: ${toHalfText(decode, what)} }`;
}
