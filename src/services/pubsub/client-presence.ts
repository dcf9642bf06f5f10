import { Emitter, type Off } from "../../service/emitter.ts";
import { PrismError } from "../../wire/errors.ts";
import { writeNumber } from "../../wire/numbers.ts";
import { PRESENCE } from "./contract.ts";
import type { ClientPresence } from "./client-api.ts";

interface PresenceEvents {
  readonly join: readonly [member: unknown, key: string];
  readonly update: readonly [member: unknown, key: string];
  readonly leave: readonly [member: unknown, key: string];
}

/** What this needs of its channel. */
export interface PresenceOwner {
  /** The subscription's number, if it is subscribed or about to be. */
  readonly number: number | undefined;
  /** Settles when the server has said yes or no to it. */
  readonly asked: Promise<void>;
  /** Has it subscribed, until what is returned is called. */
  want(): Off;
  /** Calls the server, once the connection is open. */
  request(write: () => string): Promise<unknown>;
  log(message: string, error: unknown): void;
}

/** Who is in a channel, at the client. */
export class RoomPresence implements ClientPresence<unknown> {
  members: Map<string, unknown> = new Map();
  self: string | undefined;
  readonly #room: PresenceOwner;
  readonly #events: Emitter<PresenceEvents>;
  readonly #wants = new Set<object>();
  /** Settles when the server has told of all, where it was asked for that alone. */
  #told: Promise<unknown> | undefined;

  constructor(room: PresenceOwner) {
    this.#room = room;
    this.#events = new Emitter((error) => room.log("A listener failed", error));
  }

  /** Whether it is followed. */
  get wanted(): boolean {
    return this.#wants.size > 0;
  }

  on(name: keyof PresenceEvents, listener: (member: never, key: string) => void): Off {
    const deaf = this.#events.on(name, ([member, key]) => listener(member as never, key));
    const off = this.#want();
    return () => {
      deaf();
      off();
    };
  }

  async follow(): Promise<Off> {
    const off = this.#want();
    try {
      await this.#room.asked;
      await this.#told;
    } catch (error) {
      off();
      throw error;
    }
    return off;
  }

  #want(): Off {
    const subscribed = this.#room.number !== undefined;
    const first = !this.wanted;
    const want = {};
    this.#wants.add(want);
    const leave = this.#room.want();
    // Who asks for the channel now asks for this as well.
    if (first && subscribed) this.#tell();
    return () => {
      if (!this.#wants.delete(want)) return;
      leave();
      if (this.wanted) return;
      this.forget();
      if (this.#room.number !== undefined) this.#tell();
    };
  }

  /** Tells the server whether it is followed, as things are when that can be sent. */
  #tell(): void {
    const told = this.#room.request(() => {
      const { number } = this.#room;
      if (number === undefined) throw new PrismError("cancelled");
      return `${PRESENCE}${writeNumber(number)}${this.wanted ? 1 : 0}`;
    });
    // Who waits for it hears of it.
    told.catch(() => {});
    this.#told = told;
  }

  /** Knows nothing of who is there any more. */
  forget(): void {
    if (this.#room.number === undefined) this.self = undefined;
    this.members = new Map();
    this.#told = undefined;
  }

  /** Nobody follows it any more. */
  stop(): void {
    this.#wants.clear();
  }

  /** The server has told of all. */
  snapshot(all: Map<string, unknown>): void {
    if (!this.wanted) return;
    const before = this.members;
    this.members = all;
    for (const [key, member] of before) if (!all.has(key)) this.#events.emit("leave", [member, key]);
    for (const [key, member] of all) {
      if (!before.has(key)) this.#events.emit("join", [member, key]);
      else if (JSON.stringify(before.get(key)) !== JSON.stringify(member)) this.#events.emit("update", [member, key]);
    }
  }

  /** The server has told of changes: of a key alone where somebody has left. */
  change(changes: readonly (readonly [key: string, member?: unknown])[]): void {
    if (!this.wanted) return;
    for (const change of changes) {
      const [key, member] = change;
      const before = this.members.get(key);
      if (change.length > 1) {
        const name = this.members.has(key) ? "update" : "join";
        this.members.set(key, member);
        this.#events.emit(name, [member, key]);
      } else if (this.members.delete(key)) this.#events.emit("leave", [before, key]);
    }
  }
}
