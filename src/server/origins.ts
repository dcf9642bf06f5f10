import type { Front } from "./front.ts";

/** Judges an origin; see {@linkcode OriginOptions}. */
export type OriginJudge = (origin: string, request: Request) => boolean | Promise<boolean>;

/** Which pages may open sockets: their origins, as browsers send them, or `same` for the server's own. */
export type AllowedOrigins = readonly string[] | OriginJudge;

/** Which pages may open sockets, and whether anything but a page may. */
export interface OriginOptions {
  /** The origins; `["same"]` where nothing is said. */
  readonly allow?: AllowedOrigins | undefined;
  /** Whether requests without an origin are refused: they come from programs, not from browsers. */
  readonly required?: boolean | undefined;
}

/** What an app says of origins. */
export type Origins = AllowedOrigins | OriginOptions;

/**
 * Which pages may talk to an app (RFC 6454): a browser sends its cookies with a WebSocket of any page on the web, and says
 * only in `origin` whose page it is.
 */
export class OriginCheck {
  readonly #allow: ReadonlySet<string> | OriginJudge;
  readonly #any: boolean;
  readonly #same: boolean;
  readonly #required: boolean;
  readonly #front: Front;

  /**
   * @param origins what the app says
   * @param front knows the server's own host
   * @throws {TypeError} for what is no origin in the form in which browsers send it
   */
  constructor(origins: Origins | undefined, front: Front) {
    const isBare = typeof origins === "function" || Array.isArray(origins);
    const { allow = ["same"], required = false } = isBare ? { allow: origins } : toOptions(origins);
    if (typeof allow !== "function" && !Array.isArray(allow)) {
      throw new TypeError(`Not a list of origins, nor a function: ${String(allow)}`);
    }
    const list = typeof allow === "function" ? [] : allow;
    for (const origin of list) checkOrigin(origin);
    this.#any = list.includes("*");
    this.#same = list.includes("same");
    // Words are for the app: no request says them.
    this.#allow = typeof allow === "function" ? allow : new Set(list.filter((origin) => origin.includes(":")));
    this.#required = required;
    this.#front = front;
  }

  /** Whether a request may be answered. */
  async allows(request: Request): Promise<boolean> {
    const origin = request.headers.get("origin");
    if (origin === null) return !this.#required;
    if (typeof this.#allow === "function") return ((await this.#allow(origin, request)) as unknown) === true;
    return this.#any || this.#allow.has(origin) || (this.#same && this.#isSame(origin, request));
  }

  /** Compared whole, never by a part or a pattern: `https://app.example.evil` is not `https://app.example`. */
  #isSame(origin: string, request: Request): boolean {
    if (this.#front.origin !== undefined) return origin === this.#front.origin;
    const host = this.#front.host(request);
    if (host === undefined) return false;
    // Without an encrypted request the page's scheme says nothing: a proxy may have decrypted it.
    const schemes = this.#front.isHttps(request) ? ["https"] : ["https", "http"];
    return schemes.some((scheme) => origin === toOrigin(`${scheme}://${host}`));
  }
}

/**
 * What to write so that an origin is let in.
 *
 * @param origin the origin, or `null` for a request without one
 * @returns the line of configuration
 */
export function remedyFor(origin: string | null): string {
  if (origin === null) return "prism({ origins: { required: false } })";
  return toOrigin(origin) === origin
    ? `prism({ origins: ["same", ${JSON.stringify(origin)}] })`
    : "prism({ origins: (origin) => … }): it is none that a list can have";
}

/** The origin of a URL that has no more than that; `undefined` for any other. */
function toOrigin(text: string): string | undefined {
  if (/[/?#@\\\s]/.test(text.slice(text.indexOf("//") + 2))) return undefined;
  try {
    return new URL(text).origin;
  } catch {
    return undefined;
  }
}

function toOptions(origins: unknown): OriginOptions {
  if (origins === undefined) return {};
  if (typeof origins === "object" && origins !== null) return origins;
  throw new TypeError(`Not a list of origins, nor a function: ${JSON.stringify(origins)}`);
}

function checkOrigin(origin: string): void {
  if (origin === "same" || origin === "*") return;
  // A star within would stand for itself.
  if (typeof origin === "string" && toOrigin(origin) === origin && !origin.includes("*")) return;
  throw new TypeError(
    `Neither "same" nor an origin as browsers send it, like https://app.example: ${JSON.stringify(origin)}`,
  );
}
