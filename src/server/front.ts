import type { PeerInfo } from "./admission.ts";

/**
 * Whom to believe about where a request comes from: nobody, or the proxies in front of the server. `true` is one proxy,
 * a number as many, one behind the other; each adds the address that it saw to the end of `x-forwarded-for`.
 */
export type TrustProxy = boolean | number;

/** More proxies than this stand before no server. */
const MAX_PROXIES = 16;

/** What of a request's way here can be believed: who sent it, whether it was encrypted, which host it asked for. */
export class Front {
  readonly #proxies: number;
  readonly #url: URL | undefined;

  /**
   * @param trustProxy how many proxies are trusted
   * @param url where browsers find the app
   * @throws {TypeError} for what is not an origin, or not a number of proxies
   */
  constructor(trustProxy: TrustProxy = false, url?: string) {
    this.#proxies = Number(trustProxy);
    if (!Number.isInteger(this.#proxies) || this.#proxies < 0 || this.#proxies > MAX_PROXIES) {
      throw new TypeError(`Not a number of proxies from 0 to ${MAX_PROXIES}: ${String(trustProxy)}`);
    }
    this.#url = url === undefined ? undefined : toUrl(url);
  }

  /** Where browsers find the app, as far as the options say. */
  get origin(): string | undefined {
    return this.#url?.origin;
  }

  /** Whether proxies are trusted. */
  get trusts(): boolean {
    return this.#proxies > 0;
  }

  /** What is known of a peer, in the light of what the trusted proxies say. */
  peer({ headers }: Request, info: PeerInfo): PeerInfo {
    const forwarded = this.#forwarded(headers.get("x-forwarded-for"));
    const remoteAddress = forwarded === undefined ? info.remoteAddress : withoutPort(forwarded);
    return remoteAddress === info.remoteAddress ? info : { ...info, remoteAddress };
  }

  /** Whether a request was encrypted on its way from the browser. */
  isHttps({ headers, url }: Request): boolean {
    if (this.#url !== undefined) return this.#url.protocol === "https:";
    // Of an upgrade some proxies say "wss".
    return /^(https|wss):?$/i.test(this.#forwarded(headers.get("x-forwarded-proto")) ?? url.slice(0, url.indexOf(":")));
  }

  /** The host, with its port, that the browser asked for. */
  host({ headers }: Request): string | undefined {
    return this.#forwarded(headers.get("x-forwarded-host")) ?? headers.get("host") ?? undefined;
  }

  /** What the outermost trusted proxy has put into a header that each of them adds to, or that only it has set. */
  #forwarded(header: string | null): string | undefined {
    if (this.#proxies === 0 || header === null) return undefined;
    const values = header.split(",");
    const value = values[Math.max(0, values.length - this.#proxies)]?.trim();
    return value === "" ? undefined : value;
  }
}

/** Some proxies add the client's port, which is another for each connection: `192.0.2.1:1`, `[2001:db8::1]:1`. */
function withoutPort(address: string): string {
  return /^\[([^\]]*)\](?::\d+)?$/.exec(address)?.[1] ?? /^([\d.]+):\d+$/.exec(address)?.[1] ?? address;
}

function toUrl(text: string): URL {
  let url: URL | undefined;
  try {
    url = new URL(text);
  } catch {
    // Told below.
  }
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.href !== `${url.origin}/`) {
    throw new TypeError(`Not an origin like https://app.example: ${JSON.stringify(text)}`);
  }
  return url;
}
