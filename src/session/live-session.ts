import { Holders } from "./holders.ts";
import type { SessionRecord } from "./session-store.ts";

/** Why a session is over: a logout, a new id, its time. */
export type SessionEnd = "destroyed" | "replaced" | "expired";

/** Who has a session on this server: a connection, or a request that is being answered. */
export interface SessionHolder {
  /** Grows whenever the client does something; a heartbeat is nothing. */
  readonly activity: number;
  /**
   * The session is over. Never throws.
   *
   * @param end why
   * @param own whether it was this holder that ended it
   */
  ended(end: SessionEnd, own: boolean): void;
}

/** What is to be taken back where a new id has not come about. */
export interface Doubt {
  /** The new id, and the version of what may be stored of it. */
  readonly id: string;
  readonly version: number;
  /** The hash of the ticket, by which the mark on the old id is known. */
  readonly ticket: string | undefined;
}

/** The data of a session, as JSON has it. */
export type SessionValues = Record<string, unknown>;

/** A session that somebody on this server has: one object for all of them. */
export class LiveSession {
  readonly id: string;
  /** The version that is stored, 0 where nothing is. */
  version = 0;
  /** Whether it has seen more of what is stored than `version` says: that is taken over before anything is stored. */
  behind = false;
  /** When it was stored first, in ms since 1970. */
  created = 0;
  /** What express-session keeps of its cookie. */
  cookie: unknown;
  /** Why it is over, once it is. */
  end: SessionEnd | undefined;
  /** When its client was last heard of, and when that was last stored; monotonic, in ms. */
  heardAt: number;
  touchedAt: number;
  /** A reading of the store that waits for its turn. */
  refreshing: Promise<void> | undefined;
  /** A new id that may or may not have taken this one's place: the store did not answer. */
  doubt: Doubt | undefined;
  /** The session that took its place, where that was here. */
  successor: LiveSession | undefined;
  /** Whether a client has its cookie, or is getting it. */
  handedOut = true;
  readonly holders: Holders<SessionHolder> = new Holders();
  #data: SessionValues | undefined;
  #activity = 0;
  /** Versions go on from here where nothing is stored, and nowhere else; made when first needed. */
  #floor: number | undefined;
  /** What is stored of its data, as JSON text. */
  #saved = "{}";
  #last: Promise<unknown> | undefined;

  /**
   * @param id the session's
   * @param now monotonic time in ms
   */
  constructor(id: string, now: number) {
    this.id = id;
    this.heardAt = this.touchedAt = now;
  }

  // Most sessions of connections that only wait are never looked at.
  get data(): SessionValues {
    return (this.#data ??= {});
  }

  set data(data: SessionValues) {
    this.#data = data;
  }

  /** The version that comes after another one: none comes twice, on whatever server, with other data. */
  after(version: number): number {
    return (version === 0 ? (this.#floor ??= randomFloor()) : version) + 1;
  }

  /** What is stored of its data. */
  get saved(): SessionValues {
    return JSON.parse(this.#saved) as SessionValues;
  }

  /** Whether neither a client nor the store knows of it: then it needs no mark when it ends. */
  get isNobodys(): boolean {
    return !this.handedOut && this.version === 0 && !this.behind;
  }

  /** Whether there is anything in its data that is not stored. */
  get changed(): boolean {
    return changesOf(this.saved, this.data).size > 0;
  }

  /** Runs one thing after the other: each finds what the one before it has stored. */
  inTurn<Result>(run: () => Promise<Result>): Promise<Result> {
    const before = this.#last ?? Promise.resolve();
    const done = before.then(run);
    const rest = (): void => {
      if (this.#last === last) this.#last = undefined;
    };
    const last: Promise<void> = done.then(rest, rest);
    this.#last = last;
    return done;
  }

  /** Runs something when nothing else is going on. */
  whenIdle(run: () => void): void {
    if (this.#last === undefined) run();
    else void this.#last.then(() => this.whenIdle(run));
  }

  /** Notes whether its client has done anything since this was last asked. */
  listen(now: number): void {
    let activity = 0;
    for (const holder of this.holders) activity += holder.activity;
    if (activity === this.#activity) return;
    this.#activity = activity;
    this.heardAt = now;
  }

  /** Takes note of what has been stored. */
  stored(version: number, data: SessionValues): void {
    this.version = version;
    this.behind = false;
    // To go on from what was stored is for whoever knows the last of it. What was removed may have been another one.
    this.#floor = undefined;
    this.#saved = JSON.stringify(data);
  }

  /**
   * Takes over what another server has stored, key by key, beside what has changed here since.
   *
   * @param record what is stored now
   * @param force whether the other's values win where both have changed one; else these are left
   * @returns the keys that both have changed
   */
  adopt(record: Pick<SessionRecord, "version" | "data"> & Partial<SessionRecord>, force: boolean): string[] {
    const base = this.saved;
    const mine = changesOf(base, this.data);
    const theirs = changesOf(base, record.data);
    const both = [...theirs.keys()].filter((key) => mine.has(key) && mine.get(key) !== theirs.get(key));
    for (const [key, text] of theirs) if (force || !mine.has(key)) put(this.data, key, text);
    if (both.length > 0 && !force) {
      // What both have changed stays as it is here, and so does the version. The next one to store it is told: the version
      // alone would not do, as 0 comes back when what is stored is removed.
      const before = changesOf({}, base);
      const known = JSON.parse(JSON.stringify(record.data)) as SessionValues;
      for (const key of both) put(known, key, before.get(key));
      this.#saved = JSON.stringify(known);
      this.behind = true;
      return both;
    }
    this.stored(record.version, record.data);
    this.created = record.created ?? this.created;
    this.cookie = record.cookie;
    return both;
  }
}

function randomFloor(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0]!;
}

/**
 * What has to be done to one set of values to make it another.
 *
 * @param from what there was
 * @param to what there is
 * @returns for each key that differs its new value as JSON text, `undefined` where it is gone
 */
export function changesOf(from: SessionValues, to: SessionValues): Map<string, string | undefined> {
  const changes = new Map<string, string | undefined>();
  for (const key of new Set([...Object.keys(from), ...Object.keys(to)])) {
    const text = Object.hasOwn(to, key) ? JSON.stringify(to[key]) : undefined;
    const before = Object.hasOwn(from, key) ? JSON.stringify(from[key]) : undefined;
    if (text !== before) changes.set(key, text);
  }
  return changes;
}

/**
 * Puts a value under a key, whatever its name.
 *
 * @param values where
 * @param key the key
 * @param text the value as JSON text; `undefined` removes it
 */
export function put(values: SessionValues, key: string, text: string | undefined): void {
  if (text === undefined) delete values[key];
  else {
    // An assignment to `__proto__` would not make a member.
    Object.defineProperty(values, key, {
      value: JSON.parse(text) as unknown,
      configurable: true,
      enumerable: true,
      writable: true,
    });
  }
}
