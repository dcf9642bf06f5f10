import { PrismError } from "../wire/errors.ts";
import type { Timer } from "../wire/clock.ts";
import { changesOf, put, type LiveSession, type SessionHolder, type SessionValues } from "./live-session.ts";
import type { SessionGate } from "./session-gate.ts";
import { isSessionId } from "./session-keys.ts";

/** How long a request has its session, in ms, where Express never says that it is answered: clients go away. */
const HOLD = 60_000;

/** The session of one request to Express, from when it is read until Express has stored it. */
class Visit implements SessionHolder {
  readonly activity = 0;
  /** The session, while it is held. */
  live: LiveSession | undefined;
  /** What the request was given, or has stored since: what differs from it, the request has changed. */
  seen: SessionValues = {};
  /** The same of its cookie. */
  look: string;
  timer: Timer | undefined;

  constructor(look: string) {
    this.look = look;
  }

  ended(): void {
    this.timer?.cancel();
  }
}

/**
 * The sessions of an app as express-session wants them: whole objects, which are read when a request comes and stored
 * when it is answered. What they come back with is compared with what they were, so that only what the request has
 * changed is stored.
 */
export class ExpressSessions {
  readonly #gate: SessionGate;
  readonly #cookie: object;
  /** By the object that Express has. */
  readonly #visits = new WeakMap<object, Visit>();

  /**
   * @param gate the app's sessions
   * @param cookie what express-session knows of the cookie of a session that it has not made itself
   */
  constructor(gate: SessionGate, cookie: object) {
    this.#gate = gate;
    this.#cookie = cookie;
  }

  /**
   * The session of an id that came in a cookie of ours.
   *
   * @returns its data, and `cookie`; `undefined` for an id that is not good, or no longer
   * @throws {PrismError} `unavailable`
   */
  async get(id: string): Promise<SessionValues | undefined> {
    const visit = new Visit("");
    const held = await this.#open(id, visit);
    if (held === undefined) return undefined;
    try {
      // Another cookie is on its way to the client: it may look around as a stranger, under the old id.
      const live = held === "moving" ? undefined : held;
      const cookie = { ...this.#cookie, ...(live?.cookie as object | undefined) };
      const given = { ...toJson(live?.data ?? {}), cookie };
      this.#note(visit, given);
      return given;
    } catch (error) {
      this.#release(visit);
      throw error;
    }
  }

  /** Express has made another object of what it was given: it has left out what its own members are named like. */
  taken(given: object, session: object): void {
    const visit = this.#visits.get(given);
    if (visit !== undefined) this.#note(visit, session);
  }

  /**
   * Stores what a request has changed. What it has changed of a session that ended meanwhile is gone with that.
   *
   * @throws {PrismError} as `Session.save` does
   */
  async set(id: string, session: object): Promise<void> {
    const given = toJson(session);
    const { cookie, ...data } = given;
    const visit = this.#visits.get(session) ?? new Visit(toLook(cookie));
    const changes = changesOf(visit.seen, data);
    if (changes.size === 0 && toLook(cookie) === visit.look) return this.touch(session);
    const live = visit.live ?? (await this.#hold(id, visit));
    if (live === undefined) return;
    try {
      await this.#gate.sessions.save(live, (values) => {
        live.cookie = cookie;
        for (const [key, text] of changes) put(values, key, text);
      });
      this.#note(visit, session, given);
    } catch (error) {
      if (live.end === undefined) throw error;
    } finally {
      this.#release(visit);
    }
  }

  /** A request has changed nothing. That there was one has been noted when it came. */
  touch(session: object): void {
    const visit = this.#visits.get(session);
    if (visit !== undefined) this.#release(visit);
  }

  /**
   * Ends a session: a logout.
   *
   * @throws {PrismError} `unavailable`
   */
  destroy(id: string): Promise<void> {
    return this.#end(id, (live) => this.#gate.sessions.destroy(live));
  }

  /**
   * Ends an id, in the place of which Express makes another.
   *
   * @throws {PrismError} `unavailable`
   */
  replace(id: string): Promise<void> {
    return this.#end(id, (live) => this.#gate.sessions.replace(live));
  }

  async #end(id: string, end: (live: LiveSession) => Promise<void>): Promise<void> {
    const visit = new Visit("");
    const known = this.#gate.sessions.live.get(id);
    const live = known ?? (await this.#hold(id, visit));
    try {
      // An id that Express has just made is nobody's yet: to mark it as dead would fill the store.
      if (live !== undefined && (known !== undefined || live.version > 0 || live.holders.size > 1)) await end(live);
    } finally {
      this.#release(visit);
    }
  }

  async #hold(id: string, visit: Visit): Promise<LiveSession | undefined> {
    const live = await this.#open(id, visit);
    if (live === "moving") throw new PrismError("unavailable", "The session is about to get a new cookie");
    return live;
  }

  async #open(id: string, visit: Visit): Promise<LiveSession | "moving" | undefined> {
    if (!isSessionId(id)) return undefined;
    const live = await this.#gate.open(id, visit);
    if (typeof live === "string") return live === "moving" ? live : undefined;
    visit.live = live;
    visit.timer = this.#gate.sessions.time.clock.setTimer(() => this.#release(visit), HOLD);
    return live;
  }

  #release(visit: Visit): void {
    const { live } = visit;
    visit.timer?.cancel();
    visit.live = undefined;
    if (live !== undefined) this.#gate.sessions.release(live, visit);
  }

  /** Keeps what a request has, as it is now or was a moment ago. */
  #note(visit: Visit, session: object, { cookie, ...data }: SessionValues = toJson(session)): void {
    visit.seen = data;
    visit.look = toLook(cookie);
    this.#visits.set(session, visit);
  }
}

function toJson(value: object): SessionValues {
  return JSON.parse(JSON.stringify(value)) as SessionValues;
}

/** All of a cookie but the moment at which it expires, which each request puts off. */
function toLook(cookie: unknown): string {
  const { expires, ...look } = (cookie ?? {}) as { expires?: unknown; originalMaxAge?: unknown };
  return JSON.stringify(typeof look.originalMaxAge === "number" ? look : { ...look, expires });
}
