import type { CookieOptions } from "./cookie.ts";
import type { KeyValueStorage } from "./key-value-storage.ts";
import type { SessionStore } from "./session-store.ts";

/** How an app keeps its sessions. */
export interface SessionOptions {
  /** An unstorage `Storage`, with any driver, or a store of one's own. In memory where nothing is said. */
  readonly storage?: KeyValueStorage | SessionStore | undefined;
  /**
   * Signs the cookie: at least 32 random characters, the same on every server. Of several the first signs and all are
   * taken, so that one can be replaced. A random one where nothing is said: cookies are then void after a restart.
   */
  readonly secret?: string | readonly string[] | undefined;
  /** How long a session lasts at most, in ms: 7 days. */
  readonly ttl?: number | undefined;
  /** How long a session lasts of which nothing is heard, in ms: 1 day. A heartbeat is nothing. */
  readonly idle?: number | undefined;
  /** How the cookie is set. */
  readonly cookie?: CookieOptions | undefined;
  /**
   * Whether the sessions of live connections are kept in memory: true. With `false` the store is read for each message,
   * before its handler. With `"coherent"` they are kept in memory, and what another server stores is taken over as soon as
   * the app's broker tells of it: a moment later, and not where the broker is away.
   */
  readonly cache?: boolean | "coherent" | undefined;
  /** How long the store may take for one operation, in ms: 3,000. Then the operation fails with `unavailable`. */
  readonly timeout?: number | undefined;
  /** How much a session may hold, in characters of JSON: 65,536. One record is read and written as a whole. */
  readonly size?: number | undefined;
  /** How often expired sessions are looked for where the storage's driver has no expiry of its own, in ms: 10 minutes. */
  readonly sweep?: number | undefined;
}

/** The times and sizes of sessions, each with its default. */
export interface SessionLimits {
  readonly ttl: number;
  readonly idle: number;
  readonly timeout: number;
  readonly size: number;
  readonly sweep: number;
}

const DAY = 86_400_000;
/** Runtimes run a timer of more at once. */
const MAX_TIMER = 0x7fffffff;
const defaults: SessionLimits = { ttl: 7 * DAY, idle: DAY, timeout: 3_000, size: 65_536, sweep: 600_000 };

/**
 * The times and sizes of an app's sessions.
 *
 * @param options the given ones
 * @returns these, and the defaults for the others
 * @throws {RangeError} for one that is not a whole number above 0, or too long for a timer
 */
export function toSessionLimits(options: SessionOptions): SessionLimits {
  const limits: { -readonly [Name in keyof SessionLimits]: number } = { ...defaults };
  for (const name of Object.keys(defaults) as (keyof SessionLimits)[]) {
    const value = options[name] ?? defaults[name];
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new RangeError(`Option ${name} of the sessions is not a whole number above 0: ${String(value)}`);
    }
    if ((name === "timeout" || name === "sweep") && value > MAX_TIMER) {
      throw new RangeError(`Option ${name} of the sessions is above ${MAX_TIMER}: ${value}`);
    }
    limits[name] = value;
  }
  return limits;
}

/** Who can guess a shorter one can make cookies. */
const SHORT = 32;

/**
 * The secrets that sign an app's cookies.
 *
 * @param options the app's
 * @param where whether the app is in production, and whether other servers may see its store
 * @param make makes a random secret
 * @param warn hears of what should be otherwise
 * @returns at least one secret
 * @throws {TypeError} for a secret that is empty, or short in production, or for none where cookies must outlive the process
 */
export function toSecrets(
  options: SessionOptions,
  where: { readonly production: boolean; readonly shared: boolean },
  make: () => string,
  warn: (message: string) => void,
): readonly string[] {
  const { secret } = options;
  const secrets = secret === undefined ? [] : typeof secret === "string" ? [secret] : secret;
  if (secrets.some((one) => typeof one !== "string" || one === "")) throw new TypeError("A session secret is empty");
  if (secrets.some((one) => one.length < SHORT)) {
    if (where.production) throw new TypeError(`A session secret has fewer than ${SHORT} characters`);
    warn(`A session secret has fewer than ${SHORT} characters`);
  }
  if (secrets.length > 0) return secrets;
  if (where.production || where.shared) {
    const reason = where.shared ? "with a storage that other servers share" : "in production";
    throw new TypeError(
      `Sessions need a secret ${reason}: prism({ session: { secret: "…" } }), or prism({ session: false })`,
    );
  }
  warn("Sessions have no secret: a random one signs their cookies, which are void after a restart");
  return [make()];
}

/**
 * Whether the process says that it is in production: `NODE_ENV` is `production`.
 *
 * @returns true if it is, false where it is not or cannot be known
 */
export function isProduction(): boolean {
  try {
    const { process } = globalThis as { process?: { env?: Record<string, string | undefined> } };
    return process?.env?.["NODE_ENV"] === "production";
  } catch {
    // Deno, where the environment may not be read.
    return false;
  }
}
