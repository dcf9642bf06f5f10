import type { Control } from "../connection/control.ts";
import { PROTOCOL_ERROR } from "../wire/close-codes.ts";
import { WireError } from "../wire/errors.ts";
import { MAX_FRAMES } from "../wire/limits.ts";
import { MAX_NUMBER } from "../wire/numbers.ts";

/** In less, in bytes, no failure could be told. */
const MIN_PACKET = 64;

/** A service, as the welcome tells of it: its number, its kind, and what its client half needs. */
export type ServiceEntry = readonly [number: number, kind: string, init?: unknown];

/** What the client goes by. */
export interface Welcome {
  /** After how many ms of silence an end shows that it lives. */
  readonly heartbeat: number;
  /** The largest packet that the server takes, in bytes. */
  readonly packet: number;
  /** The most frames that it takes in one packet. */
  readonly frames: number;
  /** Whether the connection goes on. */
  readonly resumed: boolean;
  /** What the next socket offers to go on with the connection; nothing where it ends with its socket. */
  readonly resume: string | undefined;
  /** How many counted frames the server has received. */
  readonly received: number;
  /** After how many counted frames the server begins. */
  readonly sent: number;
  /** The services by name; none where the connection goes on. */
  readonly services: ReadonlyMap<string, ServiceEntry>;
}

/**
 * Reads a welcome (PROTOCOL.md, "Opening").
 *
 * @param message the `$` frame's object
 * @param known the services, where the server leaves them out because the client has its manifest
 * @returns what it says
 * @throws {WireError} 1002 if it is not a welcome of version 1
 */
export function readWelcome(
  message: Control,
  known: Readonly<Record<string, readonly unknown[]>> | undefined,
): Welcome {
  const { welcome, heartbeat, packet, frames = MAX_FRAMES, resumed, resume, received, sent } = message;
  const services = message["services"] ?? (resumed === true ? {} : known);
  if (
    welcome !== 1 ||
    !isAtLeast(heartbeat, 1) ||
    !isAtLeast(packet, MIN_PACKET) ||
    !isAtLeast(frames, 1) ||
    !isNumber(received) ||
    !isNumber(sent) ||
    typeof services !== "object" ||
    !services ||
    !Object.values(services).every(isEntry)
  ) {
    throw new WireError(PROTOCOL_ERROR, "Malformed welcome");
  }
  return {
    heartbeat,
    packet,
    frames: Math.min(frames, MAX_FRAMES),
    resumed: resumed === true,
    resume: typeof resume === "string" ? resume : undefined,
    received,
    sent,
    services: new Map(Object.entries(services as Record<string, ServiceEntry>)),
  };
}

function isAtLeast(value: unknown, least: number): value is number {
  return typeof value === "number" && value >= least;
}

function isNumber(value: unknown): value is number {
  // The mask gives back the numbers of PROTOCOL.md, "Numbers", and nothing else.
  return typeof value === "number" && value === (value & MAX_NUMBER);
}

function isEntry(entry: unknown): boolean {
  return Array.isArray(entry) && isNumber(entry[0]);
}
