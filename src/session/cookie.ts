/** How the session's cookie is set. It is always `HttpOnly` and `Path=/`. */
export interface CookieOptions {
  /** Its name: `prism.sid`. On https without a `domain` it is set as `__Host-prism.sid`, which no other host can set. */
  readonly name?: string | undefined;
  /** The domain whose hosts all get it, those below it included; only the server's own host where nothing is said. */
  readonly domain?: string | undefined;
  /** Whether other sites' requests carry it: `lax`. `none` needs https. */
  readonly sameSite?: "lax" | "strict" | "none" | undefined;
  /** Whether it is for https alone; where nothing is said, it is if the request came over https. */
  readonly secure?: boolean | undefined;
}

/** How many cookies of the same name are looked at: other paths and domains may have set some. */
const MAX_SAME = 4;
// RFC 6265 section 4.1.1; names are tokens.
const NAME = /^[\w!#$%&'*+.^`|~-]{1,64}$/;
/** Names begin so whose cookie browsers take under conditions alone. */
const PREFIX = /^__(host|secure)-/i;
const DOMAIN = /^\.?[a-z\d]([a-z\d-]*[a-z\d])?(\.[a-z\d]([a-z\d-]*[a-z\d])?)*$/i;

/** The cookie of an app's sessions (RFC 6265). */
export class SessionCookie {
  readonly #options: CookieOptions;
  readonly #maxAge: number;

  /**
   * @param options how it is set
   * @param ttl how long a session lasts, in ms
   * @throws {TypeError} for what cannot be set
   */
  constructor(options: CookieOptions, ttl: number) {
    const { name, domain, sameSite, secure } = options;
    if (name !== undefined && (!NAME.test(name) || PREFIX.test(name))) {
      throw new TypeError(`Not a cookie's name, without a prefix: ${JSON.stringify(name)}`);
    }
    if (domain !== undefined && (domain.length > 253 || !DOMAIN.test(domain))) {
      throw new TypeError(`Not a cookie's domain: ${JSON.stringify(domain)}`);
    }
    if (sameSite !== undefined && !["lax", "strict", "none"].includes(sameSite)) {
      throw new TypeError(`Not lax, strict or none: ${JSON.stringify(sameSite)}`);
    }
    if (sameSite === "none" && secure === false) throw new TypeError("A cookie with sameSite none has to be secure");
    this.#options = options;
    this.#maxAge = Math.ceil(ttl / 1_000);
  }

  /** Whether it is for https alone, as far as the options say. */
  get secure(): boolean | undefined {
    return this.#options.sameSite === "none" ? true : this.#options.secure;
  }

  /** Its options. */
  get options(): CookieOptions {
    return this.#options;
  }

  /** Its name for a request that came over https, or did not. */
  name(https: boolean): string {
    const { name = "prism.sid", domain } = this.#options;
    return (this.secure ?? https) && domain === undefined ? `__Host-${name}` : name;
  }

  /** Its values in a request's `cookie` header: several, where other hosts have set more. */
  read(header: string | null, https: boolean): string[] {
    const wanted = this.name(https);
    const values: string[] = [];
    for (const pair of (header ?? "").split(";")) {
      const equals = pair.indexOf("=");
      if (equals < 0 || trim(pair.slice(0, equals)) !== wanted) continue;
      values.push(decode(trim(pair.slice(equals + 1))));
      if (values.length === MAX_SAME) break;
    }
    return values;
  }

  /** A `set-cookie` header; one without a value takes the cookie back. */
  write(value: string | undefined, https: boolean): string {
    const { domain, sameSite = "lax" } = this.#options;
    const parts = [
      `${this.name(https)}=${value === undefined ? "" : encodeURIComponent(value)}`,
      `Max-Age=${value === undefined ? 0 : this.#maxAge}`,
      "Path=/",
      ...(domain === undefined ? [] : [`Domain=${domain}`]),
      "HttpOnly",
      `SameSite=${sameSite[0]!.toUpperCase()}${sameSite.slice(1)}`,
      ...((this.secure ?? https) ? ["Secure"] : []),
    ];
    return parts.join("; ");
  }
}

/** Takes away what surrounds a name or value, and no more: with U+00A0 before it, any host can set a prefixed name. */
function trim(text: string): string {
  let start = 0;
  let end = text.length;
  while (text[start] === " " || text[start] === "\t") start++;
  while (end > start && (text[end - 1] === " " || text[end - 1] === "\t")) end--;
  return text.slice(start, end);
}

function decode(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return "";
  }
}
