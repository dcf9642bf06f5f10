import type { Timer } from "../wire/clock.ts";
import type { Sessions } from "./sessions.ts";
import type { SessionRecords } from "./session-records.ts";
import type { SessionStore } from "./session-store.ts";

/** How often in its shortest life a session is looked at: the finer, the more exact, and the more work. */
const RESOLUTION = 20;
/** Looked at no more often than this, in ms: a shorter life is for tests. */
const FINEST = 20;
/** Looked at at least so often, in ms. */
const COARSEST = 60_000;

/** Ends sessions whose time is over: those that somebody has here, and those that only the store still knows. */
export class SessionWatch {
  readonly #sessions: Sessions;
  readonly #records: SessionRecords;
  readonly #store: SessionStore;
  #look: Timer | undefined;
  #sweep: Timer | undefined;
  #sweeping = false;
  #over = false;

  /**
   * @param sessions those that somebody has
   * @param records what is stored
   * @param store the store, for the ids of all
   */
  constructor(sessions: Sessions, records: SessionRecords, store: SessionStore) {
    this.#sessions = sessions;
    this.#records = records;
    this.#store = store;
  }

  /** Watches over sessions for as long as somebody has any, and over the store from the first that comes from there. */
  start(): void {
    const { clock, limits } = this.#sessions.time;
    if (this.#over) return;
    const { ttl, idle, sweep } = limits;
    const step = Math.min(COARSEST, Math.max(FINEST, Math.min(ttl, idle) / RESOLUTION));
    this.#look ??= clock.setTimer(() => {
      this.#look = undefined;
      if (this.#sessions.live.size === 0) return;
      this.start();
      this.look();
    }, step);
    if (this.#store.expires || !this.#sessions.used) return;
    this.#sweep ??= clock.setTimer(() => {
      this.#sweep = undefined;
      this.start();
      // What the store fails at it tells itself. One that takes longer than the time between goes on alone.
      if (this.#sweeping) return;
      this.#sweeping = true;
      const done = (): void => void (this.#sweeping = false);
      this.sweep().then(done, done);
    }, sweep);
  }

  /** Stops. */
  stop(): void {
    this.#over = true;
    this.#look?.cancel();
    this.#sweep?.cancel();
  }

  /** Looks at the sessions that somebody has. */
  look(): void {
    const { time } = this.#sessions;
    const { limits } = time;
    const now = time.now();
    const wall = time.wall();
    for (const live of this.#sessions.live.values()) {
      live.listen(now);
      if (live.doubt !== undefined) this.#sessions.heal(live).catch(() => {});
      if (live.version === 0) continue;
      const isOver = live.created + limits.ttl <= wall || now - live.heardAt >= limits.idle;
      // What the store fails at is told by the store; the next look comes.
      if (isOver) this.#sessions.expire(live).catch(() => {});
      else this.#sessions.touch(live);
    }
  }

  /**
   * Looks through the whole store, one record after the other.
   *
   * @throws {PrismError} `unavailable`
   */
  async sweep(): Promise<void> {
    for await (const id of await this.#store.ids()) {
      if (this.#over) return;
      await this.#records.sweep(id);
    }
  }
}
