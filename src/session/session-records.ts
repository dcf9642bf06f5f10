import { PrismError } from "../wire/errors.ts";
import type { LiveSession, SessionValues } from "./live-session.ts";
import type { PatientStore } from "./patient-store.ts";
import type { DeadSession, SessionRecord } from "./session-store.ts";
import type { SessionTime } from "./session-time.ts";
import { TICKET_TIME } from "./ticket.ts";

/** A session's data as JSON has them: what they say, and the text itself. */
export interface SessionJson {
  readonly data: SessionValues;
  readonly text: string;
}

/** What is stored of sessions: their records, read and written as wholes. */
export class SessionRecords {
  readonly #store: PatientStore;
  readonly #time: SessionTime;

  /**
   * @param store where they are
   * @param time how long they last
   */
  constructor(store: PatientStore, time: SessionTime) {
    this.#store = store;
    this.#time = time;
  }

  /** The record of an id that has not expired. */
  async read(id: string): Promise<SessionRecord | undefined> {
    const record = await this.#store.read(id);
    return record !== undefined && record.dead === undefined && this.#time.left(record) <= 0
      ? { ...record, data: {}, dead: {} }
      : record;
  }

  /** Removes a record if it has expired, a dead one's mark too. */
  async sweep(id: string): Promise<void> {
    const record = await this.#store.read(id);
    if (record !== undefined && this.#time.left(record) <= 0) await this.write(id, undefined, record.version);
  }

  /** Writes the data of a session, or removes its record where there are none; false if another server was faster. */
  async store(live: LiveSession, { data, text }: SessionJson): Promise<boolean> {
    const empty = text === "{}";
    if (empty && live.version === 0) return true;
    const record = this.create(live, data);
    if (!(await this.write(live.id, empty ? undefined : record, live.version))) return false;
    live.stored(empty ? 0 : record.version, data);
    live.created = record.created;
    live.touchedAt = this.#time.now();
    return true;
  }

  /** Writes when a session's client was last heard of, and nothing else; false if another server was faster. */
  async touch(live: LiveSession): Promise<boolean> {
    if (live.end !== undefined || live.version === 0) return true;
    live.touchedAt = this.#time.now();
    const record = { ...this.create(live, live.saved), version: live.version };
    return this.write(live.id, record, live.version);
  }

  /** Puts a mark in the place of a session: its id is dead, for every server. False if another server was faster. */
  bury(live: LiveSession, dead: DeadSession, expected: number = live.version): Promise<boolean> {
    const { created, seen: now } = this.create(live, {});
    // Of one that was never stored there is nothing that could come back, and no need to remember it for long.
    const seen = expected === 0 ? now - this.#time.limits.ttl + TICKET_TIME : now;
    const mark = { version: live.after(expected), created, seen, data: {}, dead };
    return this.write(live.id, mark, expected);
  }

  /** Writes or removes a record; false if the version that is stored is another. */
  write(id: string, record: SessionRecord | undefined, expected: number): Promise<boolean> {
    return this.#store.write(id, record, expected, record === undefined ? 0 : this.#time.left(record));
  }

  /** The record that follows the one that is stored. */
  create(live: LiveSession, data: SessionValues): SessionRecord {
    const seen = this.#time.wall();
    const created = live.version === 0 ? seen : live.created;
    const cookie = live.cookie === undefined ? {} : { cookie: live.cookie };
    return { version: live.after(live.version), created, seen, data, ...cookie };
  }

  /**
   * Writes data as JSON.
   *
   * @throws {PrismError} `too_large`
   * @throws {TypeError} if they are not JSON, or have a member that express-session claims
   */
  toJson(values: SessionValues): SessionJson {
    const text = JSON.stringify(values) as string | undefined;
    if (text?.[0] !== "{") throw new TypeError("A session's data is not an object in JSON");
    const { size } = this.#time.limits;
    if (text.length > size) throw new PrismError("too_large", `A session holds at most ${size} characters of JSON`);
    const data = JSON.parse(text) as SessionValues;
    if (Object.hasOwn(data, "cookie")) throw new TypeError("A session's data cannot have a member cookie");
    return { data, text };
  }
}
