import { MANIFEST, PROTOCOL } from "../wire/subprotocols.ts";

/** What a client offers when it opens a socket (PROTOCOL.md, "Transport"). */
export interface Offer {
  /** Whether it speaks a version that this server speaks; `undefined` where it has not said yet. */
  readonly version: boolean | undefined;
  /** The hash of the service table that it knows. */
  readonly manifest: string | undefined;
}

const TOKEN = /^[\w-]{1,128}$/;

/**
 * Reads the subprotocols that a client offers; those that are not known are passed over.
 *
 * @param header the value of `sec-websocket-protocol`
 * @returns the offer
 */
export function readOffers(header: string | null): Offer {
  let version: true | undefined;
  let manifest: string | undefined;
  for (const part of (header ?? "").split(",")) {
    const name = part.trim();
    if (name === PROTOCOL) version = true;
    else if (name.startsWith(MANIFEST)) manifest = toToken(name.slice(MANIFEST.length));
  }
  return { version, manifest };
}

/**
 * Reads the frame that says the same where there are no subprotocols.
 *
 * @param message the `$` frame's object
 * @returns the offer
 */
export function readHello(message: Readonly<Record<string, unknown>>): Offer {
  const { hello, manifest } = message;
  // The version is the highest that both name, and a client names the highest that it speaks.
  return { version: typeof hello === "number" && hello >= 1, manifest: toToken(manifest) };
}

function toToken(value: unknown): string | undefined {
  return typeof value === "string" && TOKEN.test(value) ? value : undefined;
}
