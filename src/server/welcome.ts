import { MAX_FRAMES, type Limits } from "../wire/limits.ts";

/** What a welcome says of a connection. */
export interface WelcomeTo {
  /** The connection's id. */
  readonly connection: string;
  /** Whether it goes on. */
  readonly resumed: boolean;
  /** What its next socket is to offer; nothing where it ends with this one. */
  readonly resume: string | undefined;
  /** How many counted frames have been received. */
  readonly received: number;
  /** After how many counted frames those begin that are sent. */
  readonly sent: number;
}

/**
 * Writes a welcome (PROTOCOL.md, "Opening").
 *
 * @param to what it says of the connection
 * @param limits the app's
 * @param auth whether a token is wanted
 * @param services the service table as JSON; left out for a client that has it
 * @returns the text of the `$` frame's object
 */
export function writeWelcome(
  { connection, resumed, resume, received, sent }: WelcomeTo,
  { heartbeat, packet, frames }: Limits,
  auth: boolean,
  services: string | undefined,
): string {
  const text = JSON.stringify({
    welcome: 1,
    connection,
    resumed,
    resume,
    received,
    sent,
    heartbeat,
    packet,
    // Said only where they are fewer than the protocol allows anyway.
    frames: frames < MAX_FRAMES ? frames : undefined,
    auth: auth || undefined,
  });
  return services === undefined ? text : `${text.slice(0, -1)},"services":${services}}`;
}
