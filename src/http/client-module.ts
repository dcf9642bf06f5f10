import { toCodec, type Codec, type CodecName } from "../wire/codecs.ts";
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
  readonly messageCodec?: unknown;
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

/** The codecs that the core's text brings along. */
const names: readonly CodecName[] = ["json", "text", "bytes"];

/** The halves that the core's text brings along. */
const BUILT_IN = new Set(["pubsub", "rpc"]);

/**
 * Writes the module of a client: the core, the client halves in use, and the service table. It holds no `eval`, and
 * runs under a strict Content-Security-Policy. All its names begin with `__prism`, but `__name`, which esbuild's
 * output calls: what a half says of the page's own globals is not in their way.
 *
 * @param source the app's services
 * @param options how to write it
 * @returns the text of an ES module
 * @throws {TypeError} for a client half that cannot stand alone
 */
export function writeClientModule(source: ClientModuleSource, { minify = false }: BuildClientOptions = {}): string {
  const code = minify ? writeTight : writeCode;
  const manifest = code`{ hash: ${toLiteral(source.hash)}, services: JSON.parse(${toLiteral(source.table)}) }`;
  const halves = source.services.map((service) => code`  [${toLiteral(service.name)}]: ${toHalf(service, minify)},\n`);
  const core = minify ? clientCoreMinified : clientCore;
  return code`const __prism = ${core};
const __name = (half) => half;
const __prismUrl = __prism.toServerUrl(import.meta.url, ${toLiteral(source.prefix)});
const __prismConnect = __prism.createConnect(__prismUrl, ${manifest}, () => ({\n${halves.join("")}}));
const { isPrismError: __prismIsError, PrismError: __prismError, pubsub: __prismPubsub, rpc: __prismRpc } = __prism;
export { __prismConnect as connect, __prismUrl as serverUrl };
export { __prismIsError as isPrismError, __prismError as PrismError, __prismPubsub as pubsub, __prismRpc as rpc };
`;
}

function toHalf({ name, kind, client, codec, callCodec, messageCodec }: ClientService, minify: boolean): string {
  if (typeof client === "string") {
    if (!BUILT_IN.has(client)) throw new TypeError(`Service ${name} has no client half to write: ${client}`);
    return `__prism.${client}()`;
  }
  const code = minify ? writeTight : writeCode;
  const parts = [code`kind: ${toLiteral(kind)}`, code`client: ${toHalfText(client, `Client half of ${name}`, minify)}`];
  for (const [key, value] of Object.entries({ codec, callCodec, messageCodec })) {
    if (value !== undefined) parts.push(code`${key}: ${toCodecText(value, `Codec of ${name}`, minify)}`);
  }
  return code`{ ${parts.join(minify ? "," : ", ")} }`;
}

function toCodecText(prepared: unknown, what: string, minify: boolean): string {
  const codec = (prepared as Codec | null)?.own ?? prepared;
  if (typeof codec === "string") return toLiteral(codec);
  const name = names.find((one) => toCodec(one) === codec);
  if (name !== undefined) return toLiteral(name);
  if (typeof codec !== "object" || codec === null) throw new TypeError(`${what} is neither a name nor an object`);
  const parent: unknown = Object.getPrototypeOf(codec);
  if (parent !== null && Object.getPrototypeOf(parent) !== null) {
    throw new TypeError(`${what} cannot stand alone: it is an instance of a class, and not a plain object`);
  }
  const { encode, decode } = codec as Record<string, unknown>;
  const code = minify ? writeTight : writeCode;
  return code`{ encode: ${toHalfText(encode, what, minify)}, decode: ${toHalfText(decode, what, minify)} }`;
}

/** Writes code as it stands. */
function writeCode(parts: readonly string[], ...values: readonly string[]): string {
  return String.raw({ raw: parts }, ...values);
}

/** Writes code without the space that it does not need; what is put in stays as it is. */
function writeTight(parts: readonly string[], ...values: readonly string[]): string {
  return writeCode(
    parts.map((part) => part.replace(/\s*([^\w$\s])\s*/g, "$1")),
    ...values,
  );
}

/** A string as it can stand in a script, also in one that stands in a page. */
function toLiteral(text: string): string {
  const escaped = text.replace(/[\\'<\u2028\u2029\0-\x1f]/g, (char) =>
    char === "\\" || char === "'" ? `\\${char}` : `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return `'${escaped}'`;
}
