import { Buffer } from "node:buffer";
import type { Packet } from "./grammar.ts";

/** The end under test did what it must not. */
export class Crash extends Error {
  readonly oracle: string;

  constructor(oracle: string, detail: string, cause?: unknown) {
    super(`${oracle}: ${detail}`, { cause });
    this.name = "Crash";
    this.oracle = oracle;
  }
}

/** A packet for people to read. */
export function showPacket(packet: Packet): string {
  const text = typeof packet === "string" ? packet : Buffer.from(packet).toString("latin1");
  return JSON.stringify(text.slice(0, 200)) + (typeof packet === "string" ? "" : " in a binary packet");
}
