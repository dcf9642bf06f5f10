import { randomId } from "../wire/random-id.ts";
import type { SessionBus } from "./bus.ts";
import { LiveSession, type SessionEnd, type SessionHolder, type SessionValues } from "./live-session.ts";
import type { SessionRecords } from "./session-records.ts";
import type { DeadSession } from "./session-store.ts";
import { contended, MAX_ATTEMPTS, over, SessionSync } from "./session-sync.ts";
import type { SessionTime } from "./session-time.ts";
import { createTicket, isTicket, TICKET_TIME } from "./ticket.ts";

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
   */
  constructor(records: SessionRecords, time: SessionTime, bus?: SessionBus) {
    this.#records = records;
    this.time = time;
    this.#sync = new SessionSync(records, time, {
      ended: (live, end) => this.#end(live, end),
      changed: ({ id }) => bus?.publish({ id }),
    });
    this.#bus = bus;
    bus?.subscribe(({ id, end }) => {
      const live = this.live.get(id);
      if (live !== undefined && end !== undefined) this.#end(live, end);
    });
  }

  // --- who has one ---

  /** A session for an id of which nothing is stored; a new id where none is given. */
  begin(holder: SessionHolder, id: string = randomId()): LiveSession {
    const known = this.live.get(id);
    const live = known ?? new LiveSession(id, this.time.clock.now());
    if (known === undefined) this.live.set(id, live);
    live.heardAt = this.time.clock.now();
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
   * @returns the new session, and what its client fetches the cookie with
   */
  regenerate(live: LiveSession, holder: SessionHolder): Promise<{ live: LiveSession; ticket: string }> {
    return this.#sync.inTurn(live, async () => {
      for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
        if (live.end !== undefined) throw over();
        const fresh = new LiveSession(randomId(), this.time.clock.now());
        fresh.cookie = live.cookie;
        fresh.data = this.#records.toJson(live.data).data;
        const { ticket, dead } = await createTicket(fresh.id, this.time.wall());
        live.doubt = { id: fresh.id, version: fresh.next, ticket: dead.ticket };
        try {
          await this.#records.store(fresh, this.#records.toJson(fresh.data));
          if ((await this.#records.bury(live, dead)) || (await this.#isOurs(live.id, dead))) {
            live.doubt = undefined;
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

  /** Whether the mark is there after all: a store may write twice what it has lost its answer to. */
  async #isOurs(id: string, { ticket }: DeadSession): Promise<boolean> {
    const record = await this.#records.read(id);
    return record?.dead?.ticket === ticket;
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
      for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
        if (live.end !== undefined) return;
        if (await this.#records.bury(live, dead, version)) return this.#finish(live, end, holder);
        const record = await this.#records.read(live.id);
        if (record?.dead !== undefined) return this.#finish(live, end, holder);
        version = record?.version ?? 0;
      }
      throw contended();
    });
  }

  /** Ends a session whose time is over, unless another server has heard of its client. */
  expire(live: LiveSession): Promise<void> {
    return this.#sync.inTurn(live, async () => {
      const { clock, limits } = this.time;
      if (live.end !== undefined) return;
      // Its time is over whatever the store says, or does not say.
      if (live.created + limits.ttl <= this.time.wall()) this.#finish(live, "expired");
      const record = await this.#records.read(live.id);
      if (live.end === undefined && record !== undefined && record.dead === undefined) {
        live.heardAt = live.touchedAt = clock.now() - (this.time.wall() - record.seen);
      } else if (live.end === undefined) this.#finish(live, "expired");
      if (live.end !== undefined) await this.#records.write(live.id, undefined, live.version);
    });
  }

  /**
   * Trades a ticket for the id that it stands for: once, and only to whoever has the old id.
   *
   * @returns the new id, or `undefined` where the ticket is not good
   * @throws {PrismError} `unavailable`
   */
  async redeem(old: string, ticket: string): Promise<string | undefined> {
    const record = await this.#records.read(old);
    const { dead } = record ?? {};
    if (record === undefined || dead === undefined || !this.time.isMoving(dead)) return undefined;
    if (!(await isTicket(dead, ticket))) return undefined;
    // Its time goes on: a request with the old cookie may be under way, and must not get another.
    const spent = { until: dead.until, ticket: randomId() };
    const mark = { ...record, version: record.version + 1, dead: spent };
    const written = await this.#records.write(old, mark, record.version).catch(() => false);
    // What the store has no answer to may have taken place; then the client must have its cookie now.
    return written || (await this.#isOurs(old, spent)) ? dead.next : undefined;
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
