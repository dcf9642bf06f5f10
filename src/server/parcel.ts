import type { ParkedConnection } from "../connection/options.ts";
import type { Frame } from "../wire/frames.ts";
import type { Table } from "./numbering.ts";

/** All that another server needs to go on with a connection. */
export interface Parcel {
  /** The connection's id. */
  readonly id: string;
  /** Its session's id; nothing where the app keeps none. */
  readonly session: string | undefined;
  /** Whether its client came with a cookie of the session. */
  readonly met: boolean;
  readonly token: string | undefined;
  readonly nextToken: string | undefined;
  /** The services as its client knows them. */
  readonly table: Table;
  /** Counts, frames and calls. */
  readonly wire: ParkedConnection;
  /** The connection's state. */
  readonly state: Record<string, unknown>;
  /** What services have parked, by name. */
  readonly services: ReadonlyMap<string, unknown>;
}

/** The version of the text: another release may write another. */
const VERSION = 1;

/**
 * Writes a parcel as text.
 *
 * @param parcel what there is to hand over
 * @returns JSON
 * @throws {TypeError} if the state or what a service parked is not JSON and would not come back as it is
 */
export function writeParcel({ state, services, wire, ...rest }: Parcel): string {
  const { kept, waiting, ...counts } = wire;
  const frames = { kept: kept.map(toText), waiting: waiting.map(toText) };
  const parts = {
    version: VERSION,
    ...rest,
    wire: { ...counts, ...frames },
    state: writePlain("The connection's state", state),
    services: [...services].map(([name, parked]) => [name, writePlain(`What ${name} has parked`, parked)]),
  };
  return JSON.stringify(parts);
}

/**
 * Reads a parcel.
 *
 * @param text what {@linkcode writeParcel} wrote, here or on another server of the app
 * @returns the parcel
 * @throws {TypeError} if another version wrote it
 */
export function readParcel(text: string): Parcel {
  const { version, state, services, wire, ...rest } = JSON.parse(text) as Written;
  if (version !== VERSION) throw new TypeError(`Cannot read a connection that version ${version} has parked`);
  const { session, token, nextToken } = rest;
  return {
    ...rest,
    // JSON leaves out what there is not.
    session,
    token,
    nextToken,
    wire: { ...wire, kept: wire.kept.map(toFrame), waiting: wire.waiting.map(toFrame) },
    state: JSON.parse(state) as Record<string, unknown>,
    services: new Map(services.map(([name, parked]) => [name, JSON.parse(parked)])),
  };
}

interface Written extends Omit<Parcel, "state" | "services" | "wire"> {
  readonly version: number;
  readonly state: string;
  readonly services: readonly (readonly [name: string, parked: string])[];
  readonly wire: Omit<ParkedConnection, "kept" | "waiting"> & { readonly kept: string[]; readonly waiting: string[] };
}

/** Bytes as the characters of the same codes, behind a mark. */
function toText(frame: Frame): string {
  if (typeof frame === "string") return `t${frame}`;
  let text = "b";
  for (const byte of frame) text += String.fromCharCode(byte);
  return text;
}

function toFrame(text: string): Frame {
  if (text[0] === "t") return text.slice(1);
  const frame = new Uint8Array(text.length - 1);
  for (let i = 0; i < frame.length; i++) frame[i] = text.charCodeAt(i + 1);
  return frame;
}

/** JSON of what is nothing else: a `Date` or an object of a class would come back as something other than it was. */
function writePlain(what: string, value: unknown): string {
  const check = function (this: Record<string, unknown>, key: string, seen: unknown): unknown {
    const own = this[key];
    const plain = typeof own !== "object" || own === null || Array.isArray(own) || isRecord(own);
    // A number that JSON writes as null, as NaN is, would be one, too.
    const exact = typeof own !== "number" || Number.isFinite(own);
    if (plain && exact && typeof own !== "function" && typeof own !== "symbol") return seen;
    throw new TypeError(`${what} has ${JSON.stringify(key)}, which is not JSON: it cannot be handed over`);
  };
  return JSON.stringify(value ?? null, check);
}

function isRecord(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
