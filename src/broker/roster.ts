import type { Clock } from "../wire/clock.ts";
import type { Broker, ChannelListener, Entry, EntryChange, Roll } from "./broker.ts";
import { CatchUp, MOST_AHEAD } from "./catch-up.ts";

/** Hears of who is in a channel. None of these throws. */
export interface RosterListener {
  /** Somebody is there now, who was on no node. */
  join(key: string, state: string): void;
  /** Something else is told of somebody who is there. */
  update(key: string, state: string): void;
  /** Somebody is on no node any more. */
  leave(key: string): void;
}

/** What each node told last of somebody: the node that told last stands last. */
type States = Map<string, string>;

/** Who is in a channel, as one node knows it: each of them once, on however many nodes they are. */
export class Roster implements ChannelListener {
  readonly #broker: Broker;
  readonly #channel: string;
  readonly #listener: RosterListener;
  readonly #catchUp: CatchUp;
  /** By key. */
  #members = new Map<string, States>();
  /** That of the last change that was told; none before it is known who is there. */
  #version: number | undefined;
  /** Whether a roll is on its way, which changes wait for. */
  #reading = true;
  /** Whether that may not have all that was told. */
  #again = false;
  /** What stands behind a hole, by its version. */
  readonly #ahead = new Map<number, EntryChange>();
  #off: (() => void) | undefined;
  #closed = false;

  /**
   * @param broker knows who is there
   * @param clock for how long a hole is waited for
   * @param channel the channel
   * @param listener is told of changes
   */
  constructor(broker: Broker, clock: Clock, channel: string, listener: RosterListener) {
    this.#broker = broker;
    this.#channel = channel;
    this.#listener = listener;
    const done = (): void => void (this.#ahead.size > 0 && this.#catchUp.soon());
    this.#catchUp = new CatchUp(clock, () => this.#read(), done);
  }

  /**
   * Begins to hear. Who is there already is not told of. Where it fails it may be tried again.
   *
   * @throws {PrismError} `unavailable`
   */
  async open(): Promise<void> {
    if (this.#closed) return;
    try {
      const off = await this.#broker.subscribe(this.#channel, this);
      if (this.#closed) return off();
      this.#off = off;
      const { entries, version } = await this.#broker.roll(this.#channel);
      if (this.#closed) return;
      this.#members = toMembers(entries, this.#members);
      this.#version = version;
    } catch (error) {
      this.#off?.();
      throw error;
    }
    this.#reading = false;
    this.#release();
    if (this.#again) this.#ask();
  }

  /** Hears no more, and tells no more. */
  close(): void {
    this.#closed = true;
    this.#off?.();
    this.#catchUp.close();
    this.#ahead.clear();
  }

  /** Who is there, and what is told of them. */
  get members(): ReadonlyMap<string, string> {
    const members = new Map<string, string>();
    for (const [key, states] of this.#members) members.set(key, lastOf(states)!);
    return members;
  }

  message(): void {}

  interrupted(): void {
    this.#again = true;
    if (this.#version !== undefined) this.#ask();
  }

  change(change: EntryChange): void {
    if (this.#closed) return;
    const { version } = change;
    if (this.#reading) {
      // What is dropped is read.
      if (this.#ahead.size < MOST_AHEAD) this.#ahead.set(version, change);
      else this.#again = true;
    } else if (version > this.#version! + 1) {
      if (this.#ahead.size < MOST_AHEAD) this.#ahead.set(version, change);
      this.#catchUp.soon();
    } else if (version > this.#version!) {
      this.#version = version;
      this.#apply(change);
      if (this.#ahead.size > 0) this.#release();
    }
  }

  /** Tells what stands right behind what was told last. */
  #release(): void {
    for (let next; (next = this.#ahead.get(this.#version! + 1)) !== undefined;) {
      this.#version = next.version;
      this.#apply(next);
    }
    for (const version of this.#ahead.keys()) if (version <= this.#version!) this.#ahead.delete(version);
    if (this.#ahead.size > 0) this.#catchUp.soon();
  }

  #apply({ node, key, state }: EntryChange): void {
    const states = this.#members.get(key);
    const before = lastOf(states);
    states?.delete(node);
    if (state === undefined) {
      if (states?.size === 0) this.#members.delete(key);
    } else if (states === undefined) this.#members.set(key, new Map([[node, state]]));
    else states.set(node, state);
    this.#tell(key, before, lastOf(this.#members.get(key)));
  }

  #tell(key: string, before: string | undefined, after: string | undefined): void {
    if (before === after || this.#closed) return;
    if (after === undefined) this.#listener.leave(key);
    else if (before === undefined) this.#listener.join(key, after);
    else this.#listener.update(key, after);
  }

  #ask(): void {
    void this.#catchUp.now();
  }

  async #read(): Promise<void> {
    this.#reading = true;
    this.#again = false;
    // What was heard by now is in the roll, unless the engine has lost it.
    this.#ahead.clear();
    try {
      this.#adopt(await this.#broker.roll(this.#channel));
    } finally {
      this.#reading = false;
    }
    this.#release();
    if (this.#again) this.#ask();
  }

  /** Tells what is not as it was. */
  #adopt({ entries, version }: Roll): void {
    const before = this.members;
    this.#members = toMembers(entries, this.#members);
    this.#version = version;
    const after = this.members;
    for (const [key, state] of before) if (!after.has(key)) this.#tell(key, state, undefined);
    for (const [key, state] of after) this.#tell(key, before.get(key), state);
  }
}

/** Rolls do not say who told last: what is as it was stands as it did, and what is new behind it. */
function toMembers(entries: readonly Entry[], before: ReadonlyMap<string, States>): Map<string, States> {
  const members = new Map<string, States>();
  for (const { node, key, state } of entries) {
    const states = members.get(key);
    if (states === undefined) members.set(key, new Map([[node, state]]));
    else states.set(node, state);
  }
  for (const [key, states] of members) {
    const known = before.get(key);
    if (known === undefined || states.size === 1) continue;
    const old = [...known].filter(([node, state]) => states.get(node) === state);
    const rest = [...states].filter(([node, state]) => known.get(node) !== state);
    members.set(key, new Map([...old, ...rest]));
  }
  return members;
}

function lastOf(states: States | undefined): string | undefined {
  if (states === undefined) return undefined;
  let last: string | undefined;
  for (const state of states.values()) last = state;
  return last;
}
