import { PrismError } from "../wire/errors.ts";
import { randomId } from "../wire/random-id.ts";
import type { LiveSession, SessionHolder, SessionValues } from "./live-session.ts";
import type { Session } from "./session.ts";
import type { Sessions } from "./sessions.ts";

/** Who has a session, and goes on with another one when it has a new id. */
export interface SessionOwner extends SessionHolder {
  live: LiveSession;
  /** The session has a new id. Never throws. */
  moved(live: LiveSession, ticket: string): void;
}

/** A session as handlers see it. */
export class SessionView implements Session {
  readonly #sessions: Sessions;
  readonly #owner: SessionOwner;

  /**
   * @param sessions the app's
   * @param owner whose session it is
   */
  constructor(sessions: Sessions, owner: SessionOwner) {
    this.#sessions = sessions;
    this.#owner = owner;
  }

  get id(): string {
    return this.#owner.live.id;
  }

  get data(): SessionValues {
    return this.#owner.live.data;
  }

  set data(data: SessionValues) {
    this.#owner.live.data = checkData(data);
  }

  save(): Promise<void> {
    return this.#sessions.save(this.#owner.live);
  }

  async regenerate(): Promise<void> {
    const { live, ticket } = await this.#sessions.regenerate(this.#owner.live, this.#owner);
    this.#owner.moved(live, ticket);
  }

  destroy(): Promise<void> {
    return this.#sessions.destroy(this.#owner.live, this.#owner);
  }
}

/** What stands for a session in an app that has none: it lives as long as its connection, and cannot be stored. */
export class LooseSession implements Session {
  readonly id: string = randomId();
  data: SessionValues = {};

  save(): Promise<void> {
    return Promise.reject(new PrismError("unavailable", "This app keeps no sessions"));
  }

  regenerate(): Promise<void> {
    return this.save();
  }

  destroy(): Promise<void> {
    return this.save();
  }
}

/**
 * Checks what is to be a session's data.
 *
 * @param data what was given
 * @returns the same
 * @throws {TypeError} if it is no object
 */
export function checkData(data: SessionValues): SessionValues {
  if (typeof data === "object" && data !== null && !Array.isArray(data)) return data;
  throw new TypeError("A session's data is an object");
}
