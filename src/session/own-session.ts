import { isPrismError } from "../wire/errors.ts";
import { changesOf, put, type SessionValues } from "./live-session.ts";
import type { Session } from "./session.ts";
import { checkData, type SessionOwner } from "./session-view.ts";
import type { Sessions } from "./sessions.ts";

/**
 * A session as one request sees it: with a copy of what is stored, so that what a request changes is nobody else's before
 * it is stored, and what others have changed is not stored by a request that has only looked.
 */
export class OwnSession implements Session {
  readonly #sessions: Sessions;
  readonly #owner: SessionOwner;
  /** What was stored when it was first looked at, and since. */
  #base: SessionValues = {};
  #data: SessionValues | undefined;

  /**
   * @param sessions the app's
   * @param owner the request
   */
  constructor(sessions: Sessions, owner: SessionOwner) {
    this.#sessions = sessions;
    this.#owner = owner;
  }

  get id(): string {
    return this.#owner.live.id;
  }

  get data(): SessionValues {
    if (this.#data === undefined) {
      this.#base = this.#owner.live.saved;
      this.#data = this.#owner.live.saved;
    }
    return this.#data;
  }

  set data(data: SessionValues) {
    // What there was before is what has changed.
    void this.data;
    this.#data = checkData(data);
  }

  /** Whether the request has changed anything that is not stored. */
  get changed(): boolean {
    return this.#data !== undefined && changesOf(this.#base, this.#data).size > 0;
  }

  async save(): Promise<void> {
    const next = JSON.parse(JSON.stringify(this.data)) as SessionValues;
    const changes = changesOf(this.#base, this.data);
    try {
      await this.#sessions.save(this.#owner.live, (values) => {
        for (const [key, text] of changes) put(values, key, text);
      });
      this.#base = next;
    } catch (error) {
      if (isPrismError(error, "conflict")) this.#adopt((error.data as { keys?: string[] } | undefined)?.keys ?? []);
      throw error;
    }
  }

  async regenerate(): Promise<void> {
    const changes = changesOf(this.#base, this.data);
    const renewed = await this.#sessions.regenerate(this.#owner.live, this.#owner, changes);
    this.#owner.moved(renewed.live, renewed.ticket);
    this.#base = renewed.live.saved;
  }

  async destroy(): Promise<void> {
    await this.#sessions.destroy(this.#owner.live, this.#owner);
    this.#base = this.#data = {};
  }

  /** Takes over what another server has stored under keys that the request has changed, too. */
  #adopt(keys: readonly string[]): void {
    const stored = changesOf({}, this.#owner.live.saved);
    for (const key of keys) {
      put(this.#base, key, stored.get(key));
      put(this.data, key, stored.get(key));
    }
  }
}
