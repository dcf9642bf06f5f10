import type { Roll } from "./broker.ts";
import { type Patience, type Pending, unavailable } from "./patience.ts";
import type { RedisLine } from "./redis-line.ts";
import type { RedisNames } from "./redis-names.ts";
import { setScript, rollScript, tellScript } from "./redis-scripts.ts";
import type { RedisLife } from "./redis-life.ts";
import { fromUtf8 } from "../wire/utf8.ts";

/** How many changes one script makes at most. */
const BATCH = 100;
/** How many channels are told again at once. */
const ABREAST = 16;

/** What is to be told of somebody. */
interface Change extends Pending {
  readonly key: string;
  /** `undefined` where they leave. */
  readonly state: string | undefined;
  resolve(): void;
}

/** What this node has entered in a channel. */
interface Room {
  /** What should be in Redis. */
  readonly wanted: Map<string, string>;
  /** What may be in Redis, and should not, or the other way round. */
  readonly doubtful: Set<string>;
  changes: Change[];
  /** In which life Redis knows that this node has entered something here. */
  life: string | undefined;
  running: Promise<void> | undefined;
}

/** What a node has entered, and sees to it that it is in Redis and stays there. */
export class RedisMembers {
  /** For what this node does by itself, however much users ask for. */
  readonly #own: RedisLine;
  readonly #line: RedisLine;
  readonly #names: RedisNames;
  readonly #patience: Patience;
  readonly #life: RedisLife;
  readonly #rooms = new Map<string, Room>();
  #telling: Promise<void> | undefined;
  #again = false;

  constructor(own: RedisLine, line: RedisLine, names: RedisNames, patience: Patience, life: RedisLife) {
    this.#own = own;
    this.#line = line;
    this.#names = names;
    this.#patience = patience;
    this.#life = life;
  }

  /** Somebody enters, or something is new of them; or they leave, where there is no state. */
  tell(channel: string, key: string, state: string | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const room = this.#open(channel);
      const before = room.wanted.get(key);
      const change: Change = {
        key,
        state,
        resolve: () => {
          if (this.#patience.done(change)) resolve();
        },
        // It is as it was before, and what Redis makes of it is put right as soon as it answers.
        fail: (error) => {
          if (state !== undefined && room.wanted.get(key) === state) set(room.wanted, key, before);
          room.doubtful.add(key);
          reject(error);
        },
      };
      if (!this.#patience.add(change)) return;
      set(room.wanted, key, state);
      room.changes.push(change);
      room.running ??= this.#run(channel, room);
    });
  }

  /** Who is in a channel. */
  async roll(channel: string): Promise<Roll> {
    const keys = [this.#names.roll(channel), this.#names.version(channel)];
    const [version, fields] = (await this.#line.run(rollScript, keys, [])) as [Uint8Array, Uint8Array[]];
    const entries = [];
    for (let at = 0; at + 1 < fields.length; at += 2) {
      const [who, what] = [fromUtf8(fields[at]!), fromUtf8(fields[at + 1]!)];
      const [node, key] = [who.slice(0, NODE), who.slice(NODE)];
      entries.push({ node, key, state: what.slice(what.indexOf(" ") + 1) });
    }
    return { entries, version: Number(fromUtf8(version)) };
  }

  /** Tells again what Redis may not know any more: of all, or of what is doubtful. What is as it should be is told to nobody. */
  tellAgain(all: boolean): Promise<void> {
    if (all)
      for (const { wanted, doubtful } of this.#rooms.values()) for (const key of wanted.keys()) doubtful.add(key);
    this.#again = true;
    return (this.#telling ??= this.#tellDoubtful());
  }

  /**
   * Takes out all that was entered.
   *
   * @throws {PrismError} `unavailable` where something may be left
   */
  async takeOut(): Promise<void> {
    for (const { wanted, doubtful } of this.#rooms.values()) {
      for (const key of wanted.keys()) doubtful.add(key);
      wanted.clear();
    }
    await this.tellAgain(false);
    for (const { doubtful } of this.#rooms.values()) if (doubtful.size > 0) throw unavailable("Something may be left");
  }

  async #tellDoubtful(): Promise<void> {
    // Not over before it is noted that it is under way.
    await Promise.resolve();
    while (this.#again) {
      this.#again = false;
      const rooms = [...this.#rooms].filter(([, room]) => room.doubtful.size > 0);
      for (let from = 0; from < rooms.length; from += ABREAST) {
        await Promise.all(rooms.slice(from, from + ABREAST).map(([channel, room]) => this.#repair(channel, room)));
      }
    }
    this.#telling = undefined;
  }

  #open(channel: string): Room {
    let room = this.#rooms.get(channel);
    if (!room) {
      room = { wanted: new Map(), doubtful: new Set(), changes: [], life: undefined, running: undefined };
      this.#rooms.set(channel, room);
    }
    return room;
  }

  #repair(channel: string, room: Room): Promise<void> {
    for (const key of room.doubtful) {
      room.changes.push({ key, state: room.wanted.get(key), resolve() {}, fail: () => void room.doubtful.add(key) });
    }
    room.doubtful.clear();
    return (room.running ??= this.#run(channel, room));
  }

  /** One script at a time for each channel, so that changes are made in their order. */
  async #run(channel: string, room: Room): Promise<void> {
    while (room.changes.length > 0) {
      const some = room.changes.splice(0, BATCH);
      try {
        await this.#write(channel, room, some);
        for (const change of some) change.resolve();
      } catch (error) {
        for (const change of [...some, ...room.changes.splice(0)]) this.#fail(change, error);
      }
    }
    await this.#leave(channel, room);
    room.running = undefined;
    if (room.changes.length > 0) room.running = this.#run(channel, room);
    else if (room.wanted.size === 0 && room.doubtful.size === 0) this.#rooms.delete(channel);
  }

  #fail(change: Change, error: unknown): void {
    if (this.#patience.done(change) || change.until === undefined) change.fail(error);
  }

  async #write(channel: string, room: Room, changes: readonly Change[]): Promise<void> {
    // Whoever takes out what a life has entered must know of the channel before there is something in it.
    const life = await this.#life.begin();
    if (room.life !== life && changes.some(({ state }) => state !== undefined)) {
      await this.#own.run(setScript, [this.#names.entered(this.#life.name)], ["+", channel]);
      room.life = life;
    }
    const args: string[] = [this.#names.live(channel), this.#life.node, life];
    for (const { key, state } of changes) args.push(state === undefined ? "-" : "+", key, state ?? "");
    await this.#own.run(tellScript, [this.#names.roll(channel), this.#names.version(channel)], args);
    // Another life has begun meanwhile: whoever takes out the last one may do so now.
    if (life !== this.#life.number) for (const { key } of changes) room.doubtful.add(key);
  }

  async #leave(channel: string, room: Room): Promise<void> {
    if (room.wanted.size > 0 || room.doubtful.size > 0 || room.life === undefined) return;
    const { life } = room;
    room.life = undefined;
    try {
      if (life === this.#life.number)
        await this.#own.run(setScript, [this.#names.entered(this.#life.name)], ["-", channel]);
    } catch {
      // One more name in a set that goes with this life.
    }
  }
}

/** How many characters of a field are the node's name. */
const NODE = 22;

function set(states: Map<string, string>, key: string, state: string | undefined): void {
  if (state === undefined) states.delete(key);
  else states.set(key, state);
}
