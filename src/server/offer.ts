import { MAX_NUMBER } from "../wire/numbers.ts";
import { MANIFEST, PROTOCOL, RESUME } from "../wire/subprotocols.ts";

/** What a client offers when it opens a socket (PROTOCOL.md, "Transport"). */
export interface Offer {
  /** Whether it speaks a version that this server speaks; `undefined` where it has not said yet. */
  readonly version: boolean | undefined;
  /** The hash of the service table that it knows. */
  readonly manifest: string | undefined;
  /** The connection that it wants to go on with. */
  readonly resume: ResumeOffer | undefined;
}

/** What a client shows to go on with a connection (PROTOCOL.md, "Resuming"). */
export interface ResumeOffer {
  readonly token: string;
  /** How many counted frames it has received. */
  readonly received: number;
}

const TOKEN = /^[\w-]{1,128}$/;
const DECIMAL = /^\d{1,10}$/;

/**
 * Reads the subprotocols that a client offers; those that are not known are passed over.
 *
 * @param header the value of `sec-websocket-protocol`
 * @returns the offer
 */
export function readOffers(header: string | null): Offer {
  let version: true | undefined;
  let manifest: string | undefined;
  let resume: ResumeOffer | undefined;
  for (const part of (header ?? "").split(",")) {
    const name = part.trim();
    if (name === PROTOCOL) version = true;
    else if (name.startsWith(MANIFEST)) manifest = toToken(name.slice(MANIFEST.length));
    else if (name.startsWith(RESUME)) {
      const [token, received = "", ...others] = name.slice(RESUME.length).split(".");
      if (others.length === 0 && DECIMAL.test(received)) resume = toResume(token, Number(received));
    }
  }
  return { version, manifest, resume };
}

/**
 * Reads the frame that says the same where there are no subprotocols.
 *
 * @param message the `$` frame's object
 * @returns the offer
 */
export function readHello(message: Readonly<Record<string, unknown>>): Offer {
  const { hello, manifest, resume, received } = message;
  // The version is the highest that both name, and a client names the highest that it speaks.
  const version = typeof hello === "number" && hello >= 1;
  return { version, manifest: toToken(manifest), resume: toResume(resume, received) };
}

function toResume(given: unknown, received: unknown): ResumeOffer | undefined {
  const token = toToken(given);
  const counts = typeof received === "number" && received === (received & MAX_NUMBER);
  return token !== undefined && counts ? { token, received } : undefined;
}

function toToken(value: unknown): string | undefined {
  return typeof value === "string" && TOKEN.test(value) ? value : undefined;
}
