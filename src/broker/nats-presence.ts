import type { Timer } from "../wire/clock.ts";
import type { Roll } from "./broker.ts";
import type { Call } from "./nats-call.ts";
import { toToken } from "./nats-format.ts";
import { Lanes } from "./nats-lanes.ts";
import type { KnownNode, NatsLeases } from "./nats-leases.ts";
import type { NatsLink } from "./nats-link.ts";
import type { NatsRolls, Told } from "./nats-rolls.ts";
import { NatsTombs } from "./nats-tombs.ts";

/** How often a node renews its lease within it. */
const RENEWALS = 3;
/** After how long what went wrong is tried again, in ms. */
const RETRY = 250;
/** What this node has entered in a channel. */
interface Room {
  readonly token: string;
  /** Whom the others should know to be there. */
  readonly wanted: Map<string, string>;
  /** Where each of them is told of. */
  told: Map<string, Told>;
  /** Whether it stands among this node's channels. */
  noted: boolean;
  /** Whether it is not known what is told. */
  dirty: boolean;
}

/** Who is in channels: what this node tells, for as long as it lives, and what dead ones have left. */
export class NatsPresence {
  readonly #link: NatsLink;
  readonly #rolls: NatsRolls;
  readonly #leases: NatsLeases;
  readonly #own: KnownNode;
  readonly #lanes = new Lanes();
  readonly #rooms = new Map<string, Room>();
  readonly #tombs: NatsTombs;
  /** Whether this node is known to the others; it has to be before it enters anybody. */
  #known = false;
  #lapsed = false;
  #timer: Timer | undefined;
  #watching = false;
  #caring = false;
  #backAt = -Infinity;
  #closed = false;

  constructor(link: NatsLink, rolls: NatsRolls, leases: NatsLeases, own: KnownNode) {
    this.#link = link;
    this.#rolls = rolls;
    this.#leases = leases;
    this.#own = own;
    this.#tombs = new NatsTombs(link, rolls);
  }

  // --- what is asked ---

  /** See {@linkcode Broker.roll}. */
  async roll(call: Call, channel: string): Promise<Roll> {
    const { entries, version } = await this.#rolls.read(call, toToken(channel));
    return { entries, version };
  }

  /** See {@linkcode Broker.enter}. */
  enter(call: Call, channel: string, key: string, state: string): Promise<void> {
    const token = toToken(channel);
    return this.#lanes.run(token, async () => {
      call.check();
      await this.#lanes.run("", () => this.#begin(call));
      const room = this.#room(token);
      if (!room.noted) await this.#leases.note(call, token);
      room.noted = true;
      try {
        const before = room.told.get(key);
        const seq = await this.#rolls.change(call, token, this.#own.node, key, state);
        room.wanted.set(key, state);
        room.told.set(key, { state, seq });
        if (before) this.#discard(room, before.seq);
      } catch (error) {
        room.dirty = true;
        throw error;
      }
    });
  }

  /** See {@linkcode Broker.leave}. Who has left is never told of again, even where this could not be told. */
  leave(call: Call, channel: string, key: string): Promise<void> {
    const token = toToken(channel);
    return this.#lanes.run(token, async () => {
      const room = this.#rooms.get(token);
      if (!room?.wanted.delete(key) && !room?.dirty) return this.#link.send(call, 0, () => {});
      try {
        if (room.dirty) return await this.#settle(call, room);
        const before = room.told.get(key);
        const seq = await this.#rolls.change(call, token, this.#own.node, key, undefined);
        room.told.delete(key);
        this.#discard(room, before?.seq, seq);
        return undefined;
      } catch (error) {
        room.dirty = true;
        throw error;
      }
    });
  }

  #room(token: string): Room {
    let room = this.#rooms.get(token);
    if (room === undefined) {
      room = { token, wanted: new Map(), told: new Map(), noted: false, dirty: false };
      this.#rooms.set(token, room);
    }
    return room;
  }

  async #begin(call: Call): Promise<void> {
    if (this.#known) return;
    await this.#leases.begin(call);
    this.#known = true;
    this.watch();
  }

  /** Removes what is superseded; where that fails, all of it is looked at again. */
  #discard(room: Room, seq: number | undefined, tomb?: number): void {
    const work = async (call: Call): Promise<void> => {
      if (seq !== undefined) await this.#rolls.remove(call, room.token, seq);
      if (tomb !== undefined) this.#tombs.add(room.token, [tomb]);
    };
    this.#link.within(work, true).catch(() => (room.dirty = true));
  }

  async #settle(call: Call, room: Room): Promise<void> {
    if (!room.noted) await this.#leases.note(call, room.token);
    room.noted = true;
    const { told, tombs } = await this.#rolls.settle(call, room.token, this.#own.node, room.wanted);
    room.told = told;
    room.dirty = false;
    this.#tombs.add(room.token, tombs);
  }

  // --- what goes on by itself ---

  /** From now on dead nodes are looked for. */
  watch(): void {
    if (this.#watching || this.#closed) return;
    this.#watching = true;
    this.#beatIn(this.#own.lease / RENEWALS);
  }

  #beatIn(ms: number): void {
    this.#timer?.cancel();
    this.#timer = this.#closed ? undefined : this.#link.clock.setTimer(() => void this.#beat(), ms);
  }

  /** The server is back: nobody is called dead until all have had time to come back too. */
  back(): void {
    this.#backAt = this.#link.clock.now();
    if (!this.#watching || this.#closed) return;
    this.#timer?.cancel();
    void this.#beat();
  }

  async #beat(): Promise<void> {
    let wait = this.#own.lease / RENEWALS;
    try {
      if (this.#known && !(await this.#link.within((call) => this.#renew(call), true))) this.#lapse();
      if (!this.#caring) void this.#care();
    } catch {
      wait = Math.min(wait, RETRY);
    }
    this.#beatIn(this.#lapsed ? Math.min(wait, RETRY) : wait);
  }

  /** Whether the others have known of this node until now, and of what it has entered. */
  async #renew(call: Call): Promise<boolean> {
    return (await this.#leases.renew(call)) && this.#rolls.isWhole(call);
  }

  /** The lease is over: what was entered may have been taken out. */
  #lapse(): void {
    this.#lapsed = true;
    for (const room of this.#rooms.values()) room.dirty = !(room.noted = false);
  }

  async #care(): Promise<void> {
    this.#caring = true;
    try {
      if (this.#lapsed) await this.#recover();
      for (const room of this.#rooms.values())
        if (room.dirty) await this.#inLane(room, (call) => this.#settle(call, room));
      await this.#tombs.sweep();
      for (const room of this.#rooms.values()) await this.#clear(room);
      if (this.#link.clock.now() - this.#backAt >= this.#own.lease) await this.#bringOut();
    } catch {
      // The next beat goes on with it.
    } finally {
      this.#caring = false;
    }
  }

  #inLane(room: Room, work: (call: Call) => Promise<void>): Promise<void> {
    return this.#lanes.run(room.token, () => this.#link.within(work, true));
  }

  /** Comes back with all that it had, and not while another node takes it out. */
  async #recover(): Promise<void> {
    const claim = await this.#link.within((call) => this.#leases.claim(call), true);
    if (claim === undefined) return;
    await this.#link.within((call) => this.#leases.begin(call), true);
    this.#lapsed = false;
    for (const room of this.#rooms.values()) await this.#inLane(room, (call) => this.#settle(call, room));
    await this.#link.within((call) => claim.release(call), true);
  }

  /** Forgets a channel that this node has nothing in any more. */
  #clear(room: Room): Promise<void> {
    const isOver = (): boolean => room.wanted.size === 0 && !room.dirty && !this.#tombs.has(room.token);
    if (!isOver()) return Promise.resolve();
    return this.#inLane(room, async (call) => {
      if (!isOver()) return;
      await this.#leases.unnote(call, this.#own.node, room.token);
      this.#rooms.delete(room.token);
    });
  }

  /** Takes out what dead nodes have entered. Whoever dies over it leaves the rest to others. */
  async #bringOut(): Promise<void> {
    for (const dead of await this.#link.within((call) => this.#leases.dead(call), true)) {
      const claim = await this.#link.within((call) => this.#leases.claim(call, dead), true);
      if (claim === undefined) continue;
      const channels = await this.#link.within((call) => this.#leases.channelsOf(call, dead.node), true);
      for (const token of channels) {
        if (!claim.holds() || this.#closed) return;
        await this.#link.within(async (call) => {
          const { tombs } = await this.#rolls.settle(call, token, dead.node, new Map());
          this.#tombs.add(token, tombs);
          await this.#leases.unnote(call, dead.node, token);
        }, true);
      }
      await this.#link.within((call) => this.#leases.forget(call, dead), true);
      await this.#link.within((call) => claim.release(call), true);
    }
  }

  /** Takes back what this node has entered, or leaves it to the lease. */
  async close(keep: boolean): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    if (!this.#known || keep) return;
    const leaving = [...this.#rooms.values()].map((room) =>
      this.#inLane(room, (call) => {
        room.wanted.clear();
        return this.#settle(call, room);
      }),
    );
    const ended = (await Promise.allSettled(leaving)).every(({ status }) => status === "fulfilled");
    // Others then remove what is left to be removed.
    if (ended) await this.#link.within((call) => this.#leases.end(call), true).catch(() => {});
  }
}
