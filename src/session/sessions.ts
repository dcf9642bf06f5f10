import { randomId } from "../wire/random-id.ts";
import type { SessionBus } from "./bus.ts";
import { LiveSession, put, type SessionEnd, type SessionHolder, type SessionValues } from "./live-session.ts";
import type { SessionRecords } from "./session-records.ts";
import type { DeadSession } from "./session-store.ts";
import { contended, MAX_ATTEMPTS, over, SessionSync } from "./session-sync.ts";
import type { SessionTime } from "./session-time.ts";
import { isMarked, redeemTicket } from "./redeem.ts";
import { createTicket, TICKET_TIME } from "./ticket.ts";

/** The sessions that somebody on this server has, and what can be done with them. */
export class Sessions {
  /** Those that somebody has, by id. */
  readonly live: Map<string, LiveSession> = new Map();
  readonly time: SessionTime;
  /** Whether anything was ever stored, or asked for. */
  used = false;
  readonly #records: SessionRecords;
  readonly #sync: SessionSync;
  readonly #bus: SessionBus | undefined;

  /**
   * @param records what is stored
   * @param time how long they last
   * @param bus tells other servers
   * @param coherent whether what others store is taken over as soon as they tell
   */
  constructor(records: SessionRecords, time: SessionTime, bus?: SessionBus, coherent: boolean = false) {
    this.#records = records;
    this.time = time;
    this.#sync = new SessionSync(records, time, {
      ended: (live, end) => this.#end(live, end),
      changed: ({ id }) => bus?.publish({ id }),
    });
    this.#bus = bus;
    bus?.subscribe(({ id, end }) => {
      const live = this.live.get(id);
      if (live === undefined) return;
      if (end !== undefined) this.#end(live, end);
      // What fails is told by the store.
      else if (coherent) this.refresh(live).catch(() => {});
    });
  }

  // --- who has one ---

  /** A session for an id of which nothing is stored; a new id where none is given. */
  begin(holder: SessionHolder, id: string = randomId()): LiveSession {
    const known = this.live.get(id);
    const live = known ?? new LiveSession(id, this.time.now());
    if (known === undefined) this.live.set(id, live);
    live.heardAt = this.time.now();
    live.holders.add(holder);
    return live;
  }

  /**
   * The session of an id, as it is stored now. One of which nothing is stored is a session without data.
   *
   * @returns the session, or why there is none: `dead`, or `moving` while its client has yet to fetch its new cookie
   * @throws {PrismError} `unavailable`
   */
  async open(id: string, holder: SessionHolder): Promise<LiveSession | "dead" | "moving"> {
    this.used = true;
    // Known before it is read: its end is not missed, whoever brings it about meanwhile.
    const live = this.begin(holder, id);
    try {
      await this.refresh(live);
    } catch (error) {
      this.release(live, holder);
      throw error;
    }
    if (live.end === undefined) return live;
    live.holders.delete(holder);
    return live.end === "replaced" ? "moving" : "dead";
  }

  /** Lets go of a session; what nobody has is forgotten here. */
  release(live: LiveSession, holder: SessionHolder): void {
    live.holders.delete(holder);
    live.whenIdle(() => {
      if (live.holders.size > 0 || live.doubt !== undefined || this.live.get(live.id) !== live) return;
      this.live.delete(live.id);
      this.touch(live);
    });
  }

  // --- what is stored ---

  /** See `SessionSync.refresh`. */
  refresh(live: LiveSession): Promise<void> {
    return this.#sync.refresh(live);
  }

  /** See `SessionSync.save`. */
  save(live: LiveSession, apply?: (data: SessionValues) => void): Promise<void> {
    this.used = true;
    return this.#sync.save(live, apply);
  }

  /** See `SessionSync.touch`. */
  touch(live: LiveSession): void {
    this.#sync.touch(live);
  }

  // --- its ends ---

  /**
   * See `Session.regenerate`.
   *
   * @param live the session
   * @param holder whoever asks: it has the new session afterwards
   * @param changes what the new one has besides, as `changesOf` tells it: nothing of it is ever the old one's
   * @returns the new session, and what its client fetches the cookie with
   */
  regenerate(
    live: LiveSession,
    holder: SessionHolder,
    changes: Iterable<[key: string, text: string | undefined]> = [],
  ): Promise<{ live: LiveSession; ticket: string }> {
    return this.#sync.inTurn(live, async () => {
      for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
        if (live.end !== undefined) throw over();
        const fresh = new LiveSession(randomId(), this.time.now());
        fresh.cookie = live.cookie;
        fresh.data = this.#records.toJson(live.data).data;
        for (const [key, text] of changes) put(fresh.data, key, text);
        const { ticket, dead } = await createTicket(fresh.id, this.time.wall());
        live.doubt = { id: fresh.id, version: fresh.after(0), ticket: dead.ticket };
        try {
          await this.#records.store(fresh, this.#records.toJson(fresh.data));
          const buried = live.isNobodys || (!live.behind && (await this.#records.bury(live, dead)));
          if (buried || (await isMarked(this.#records, live.id, dead))) {
            live.doubt = undefined;
            live.successor = fresh;
            this.live.set(fresh.id, fresh);
            fresh.holders.add(holder);
            live.holders.delete(holder);
            this.#finish(live, "replaced");
            return { live: fresh, ticket };
          }
        } catch (error) {
          // While the store does not answer, it waits. What was not stored yet may be a login, which is not the old id's.
          await this.#sync.takeBack(live).catch(() => {});
          live.data = live.saved;
          throw error;
        }
        await this.#sync.takeBack(live);
        await this.#sync.catchUp(live, true);
      }
      throw contended();
    });
  }

  /**
   * Takes back a new id that has not come about, and lets go of what was kept for that.
   *
   * @throws {PrismError} `unavailable`
   */
  async heal(live: LiveSession): Promise<void> {
    await this.#sync.inTurn(live, async () => {});
    this.release(live, nobody);
  }

  /** See `Session.destroy`. */
  destroy(live: LiveSession, holder?: SessionHolder): Promise<void> {
    return this.#bury(live, {}, "destroyed", holder);
  }

  /** Ends an id whose client gets another one with the response that is being made, and should come again with that. */
  replace(live: LiveSession): Promise<void> {
    return this.#bury(live, { until: this.time.wall() + TICKET_TIME }, "replaced");
  }

  #bury(live: LiveSession, dead: DeadSession, end: SessionEnd, holder?: SessionHolder): Promise<void> {
    return this.#sync.inTurn(live, async () => {
      let { version } = live;
      let next: string | undefined;
      for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
        if (live.end !== undefined) return this.#endAgain(live, end, holder);
        if (live.isNobodys || (await this.#records.bury(live, dead, version))) {
          if (next !== undefined) await this.#destroyNext(next);
          return this.#finish(live, end, holder);
        }
        const record = await this.#records.read(live.id);
        // One that has got a new id elsewhere is marked anew, so that nobody takes that back, and ended with its new id.
        next = end === "destroyed" ? record?.dead?.next : undefined;
        if (record?.dead !== undefined && next === undefined) return this.#finish(live, end, holder);
        version = record?.version ?? 0;
      }
      throw contended();
    });
  }

  /** A logout that was on its way while the session got a new id is a logout of that. */
  async #endAgain({ end, successor }: LiveSession, wanted: SessionEnd, holder?: SessionHolder): Promise<void> {
    if (wanted !== "destroyed" || end !== "replaced") return;
    if (successor === undefined) throw over();
    await this.destroy(successor, holder);
  }

  async #destroyNext(id: string): Promise<void> {
    const next = await this.open(id, nobody);
    if (typeof next === "string") return;
    try {
      await this.destroy(next);
    } finally {
      this.release(next, nobody);
    }
  }

  /** Ends a session whose time is over, unless another server has heard of its client. */
  expire(live: LiveSession): Promise<void> {
    return this.#sync.inTurn(live, async () => {
      const { limits } = this.time;
      if (live.end !== undefined) return;
      // Its time is over whatever the store says, or does not say.
      if (live.created + limits.ttl <= this.time.wall()) this.#finish(live, "expired");
      const record = await this.#records.read(live.id);
      if (live.end === undefined && record !== undefined && record.dead === undefined) {
        live.heardAt = live.touchedAt = this.time.now() - (this.time.wall() - record.seen);
      } else if (live.end === undefined) this.#finish(live, "expired");
      if (live.end !== undefined) await this.#records.write(live.id, undefined, live.version);
    });
  }

  /** See {@linkcode redeemTicket}. */
  redeem(old: string, ticket: string): Promise<string | undefined> {
    return redeemTicket(this.#records, this.time, old, ticket);
  }

  #finish(live: LiveSession, end: SessionEnd, by?: SessionHolder): void {
    this.#end(live, end, by);
    // Who ends it may have let go of it long since, and others may have come.
    const other = this.live.get(live.id);
    if (other !== undefined) this.#end(other, end, by);
    this.#bus?.publish({ id: live.id, end });
  }

  #end(live: LiveSession, end: SessionEnd, by?: SessionHolder): void {
    if (live.end !== undefined) return;
    live.end = end;
    live.data = {};
    if (this.live.get(live.id) === live) this.live.delete(live.id);
    for (const holder of live.holders) holder.ended(end, holder === by);
  }
}

/** Not a holder, and so it lets go of nothing. */
const nobody: SessionHolder = { activity: 0, ended: () => {} };
