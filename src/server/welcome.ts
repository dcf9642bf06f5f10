import type { Limits } from "../wire/limits.ts";
import { MAX_FRAMES } from "../wire/packets.ts";

/**
 * Writes a welcome (PROTOCOL.md, "Opening").
 *
 * @param connection the connection's id
 * @param limits the app's
 * @param auth whether a token is wanted
 * @param services the service table as JSON; left out for a client that has it
 * @returns the text of the `$` frame's object
 */
export function writeWelcome(
  connection: string,
  { heartbeat, packet, frames }: Limits,
  auth: boolean,
  services: string | undefined,
): string {
  const text = JSON.stringify({
    welcome: 1,
    connection,
    resumed: false,
    received: 0,
    sent: 0,
    heartbeat,
    packet,
    // Said only where they are fewer than the protocol allows anyway.
    frames: frames < MAX_FRAMES ? frames : undefined,
    auth: auth || undefined,
  });
  return services === undefined ? text : `${text.slice(0, -1)},"services":${services}}`;
}
