import { MANIFEST, PROTOCOL, RESUME } from "../wire/subprotocols.ts";
import type { Manifest } from "./types.ts";

/** What a socket offers to go on with. */
export interface Resumption {
  /** The token that the last welcome gave. */
  readonly token: string;
  /** How many counted frames have been received. */
  readonly received: number;
}

/**
 * What a client offers as subprotocols (PROTOCOL.md, "Transport").
 *
 * @param resumption the connection that it goes on with, if there is one
 * @param manifest the service table that it knows, if it does
 * @returns the subprotocols, `prism.1` first
 */
export function writeOffers(resumption: Resumption | undefined, manifest: Manifest | undefined): string[] {
  const offers = [PROTOCOL];
  if (resumption !== undefined) offers.push(`${RESUME}${resumption.token}.${resumption.received}`);
  if (manifest !== undefined) offers.push(MANIFEST + manifest.hash);
  return offers;
}

/**
 * The frame that says the same where no subprotocol was selected.
 *
 * @param resumption as for {@linkcode writeOffers}
 * @param manifest as for {@linkcode writeOffers}
 * @returns the frame
 */
export function writeHello(resumption: Resumption | undefined, manifest: Manifest | undefined): string {
  const { token, received } = resumption ?? {};
  return `$${JSON.stringify({ hello: 1, resume: token, received, manifest: manifest?.hash })}`;
}
