import { isPrismError, PrismError } from "../wire/errors.ts";
import { changesOf, put, type LiveSession, type SessionEnd, type SessionValues } from "./live-session.ts";
import type { SessionRecords } from "./session-records.ts";
import type { SessionTime } from "./session-time.ts";

/** Another server that is faster so often in a row is no coincidence; it takes a tenth of a second to find out. */
export const MAX_ATTEMPTS = 64;

/** What is told of sessions whose records are read and written. None of these throws. */
export interface SyncOwner {
  /** A session has ended on another server. */
  ended(live: LiveSession, end: SessionEnd): void;
  /** What a session holds has been stored. */
  changed(live: LiveSession): void;
}

/** Keeps what is here of sessions and what is stored of them the same: one thing after the other, for each session. */
export class SessionSync {
  readonly #records: SessionRecords;
  readonly #time: SessionTime;
  readonly #owner: SyncOwner;

  /**
   * @param records what is stored
   * @param time how long it lasts
   * @param owner who is told
   */
  constructor(records: SessionRecords, time: SessionTime, owner: SyncOwner) {
    this.#records = records;
    this.#time = time;
    this.#owner = owner;
  }

  /**
   * Reads what is stored, and takes over what other servers have changed.
   *
   * @throws {PrismError} `unavailable`
   */
  refresh(live: LiveSession): Promise<void> {
    // Whoever comes before it has begun can have the same.
    return (live.refreshing ??= live.inTurn(async () => {
      live.refreshing = undefined;
      if (live.doubt !== undefined) await this.takeBack(live);
      if (live.end === undefined) await this.catchUp(live, false);
    }));
  }

  /** See `Session.save`; `apply` changes the data first, and is taken back if that cannot be stored. */
  save(live: LiveSession, apply?: (data: SessionValues) => void): Promise<void> {
    return this.inTurn(live, async () => {
      if (apply === undefined) return this.#save(live);
      const before = this.#records.toJson(live.data).data;
      const after = this.#records.toJson(live.data).data;
      apply(after);
      const unsaved = changesOf(live.saved, before);
      const changes = changesOf(before, after);
      for (const [key, text] of changes) put(live.data, key, text);
      try {
        await this.#save(live);
      } catch (error) {
        const stored = changesOf({}, live.saved);
        const mine = isPrismError(error, "conflict") ? stored : unsaved;
        for (const key of changes.keys()) put(live.data, key, (mine.has(key) ? mine : stored).get(key));
        throw error;
      }
    });
  }

  async #save(live: LiveSession): Promise<void> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      if (live.end !== undefined) throw over();
      if (live.behind) await this.catchUp(live, true);
      const json = this.#records.toJson(live.data);
      const same = live.version > 0 && json.text === JSON.stringify(live.saved);
      if (same && (await this.#records.touch(live))) return;
      if (!same && (await this.#records.store(live, json))) return this.#owner.changed(live);
      await this.catchUp(live, true);
    }
    throw contended();
  }

  /** Stores when its client was last heard of, if that has changed by much. */
  touch(live: LiveSession): void {
    if (live.version === 0 || live.heardAt - live.touchedAt < this.#time.limits.idle / 10) return;
    const write = async (): Promise<void> => {
      if (await this.#records.touch(live)) return;
      // Another server has stored something since: of a version that is gone nothing can be said.
      await this.catchUp(live, false);
      await this.#records.touch(live);
    };
    // The store tells of what fails, and the next one comes.
    this.inTurn(live, write).catch(() => {});
  }

  /** Takes over what another server has stored; where both have changed the same, it tells or leaves it. */
  async catchUp(live: LiveSession, tell: boolean): Promise<void> {
    const record = await this.#records.read(live.id);
    if (record?.dead !== undefined) {
      this.#owner.ended(live, this.#time.isMoving(record.dead) ? "replaced" : "destroyed");
      if (tell) throw over();
      return;
    }
    const keys = live.adopt(record ?? { version: 0, data: {} }, tell);
    if (record !== undefined) live.touchedAt = this.#time.now() - (this.#time.wall() - record.seen);
    if (tell && keys.length > 0) {
      throw new PrismError("conflict", "Another server has changed the session", { keys });
    }
  }

  /** Does one thing after the other with a session, once it is known what is stored of it. */
  inTurn<Result>(live: LiveSession, run: () => Promise<Result>): Promise<Result> {
    return live.inTurn(async () => {
      if (live.doubt !== undefined) await this.takeBack(live);
      return run();
    });
  }

  /** Nothing half done: the old id lives, and there is no new one. */
  async takeBack(live: LiveSession): Promise<void> {
    const { id, version, ticket } = live.doubt!;
    const record = await this.#records.read(live.id);
    const marked = record?.dead !== undefined && record.dead.ticket === ticket;
    // A mark that is still on its way finds another version, and comes to nothing.
    if (record !== undefined && (marked || (record.dead === undefined && record.version === live.version))) {
      const data = live.saved;
      const back = { ...this.#records.create(live, data), version: record.version + 1 };
      const empty = live.version === 0;
      if (!(await this.#records.write(live.id, empty ? undefined : back, record.version))) return this.takeBack(live);
      live.stored(empty ? 0 : back.version, data);
    }
    await this.#records.write(id, undefined, version);
    live.doubt = undefined;
  }
}

/** What fails with a session that has ended. */
export function over(): PrismError {
  return new PrismError("unauthorized", "The session has ended");
}

/** What fails where other servers are always faster. */
export function contended(): PrismError {
  return new PrismError("conflict", "The session changes too often");
}
