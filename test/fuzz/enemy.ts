import { PACKET, TOKENS, type Mood } from "./app.ts";
import { jsonValue } from "./bodies.ts";
import type { Packet } from "./grammar.ts";
import { hostileControl, Tester } from "./tester.ts";
import type { Wire, World } from "./world.ts";

/** One of those who are at the app, or at one of its clients, at the same time. */
export interface Session {
  /** Whether nothing comes of it any more. */
  readonly over: boolean;
  /** Calls of a client that have no ending yet. */
  readonly pending?: number;
  /** Does something; what comes of it shows when all is quiet. */
  act(): Promise<void>;
  /** Says that other things went on at the same time, so that what comes of it is not known. */
  loosen(): void;
  /** Throws if what came of it is wrong. */
  judge(): void;
  /** Ends it. */
  end(): void;
}

const OFFERS: readonly (readonly string[])[] = [
  ["prism.1"],
  ["prism.1", "prism.manifest.abc"],
  ["prism.2", "prism.1"],
  ["prism.1", "prism.resume.abc.0"],
  ["prism.1", "prism.resume.abc.99999999999999999999"],
  ["prism.1", "prism.resume..", "prism.manifest."],
];

/** A client with no manners at the app. */
export class Enemy implements Session {
  readonly #world: World;
  readonly #wire: Wire;
  readonly #tester: Tester;
  readonly #mood: Mood;
  #gone = false;
  /** Whether it has said who it is. */
  #known = false;

  constructor(world: World, mood: Mood, malice: number) {
    this.#world = world;
    this.#mood = mood;
    this.#wire = world.wire("server", undefined);
    this.#tester = new Tester(world.random, this.#wire.referee, malice, PACKET);
    this.#wire.socket.onclose = () => (this.#gone = true);
  }

  get over(): boolean {
    return this.#gone || this.#wire.tap.over || this.#wire.referee.closing !== undefined;
  }

  /** Comes in with these subprotocols. */
  async enter(protocols: readonly string[]): Promise<void> {
    await this.#world.admit(this.#wire.tap, protocols, this.#mood);
  }

  /** Comes in: by the subprotocol, or with a hello. */
  async open(): Promise<void> {
    const { random } = this.#world;
    if (random.chance(0.8)) return this.enter(random.pick(OFFERS));
    await this.enter(random.pick([[], ["prism.2"], ["other"]]));
    const good = ['${"hello":1}', '${"hello":2,"manifest":"abc"}'];
    const bad = ['${"hello":0}', '${"hello":"1"}', "${}", "(", "@x", `$${JSON.stringify(hostileControl(random))}`];
    const first = random.weighted([
      [7, random.pick(good)],
      [2, random.pick(bad)],
      [1, undefined],
    ]);
    if (first !== undefined) this.feed(first);
  }

  feed(packet: Packet, expect?: string): void {
    this.#world.feed(this.#wire, packet, this.#mood === "picky" ? undefined : expect);
  }

  async act(): Promise<void> {
    const { random, secured } = this.#world;
    const { tap, socket } = this.#wire;
    if (random.chance(secured ? (this.#known ? 0.02 : 0.3) : 0.005)) {
      this.#known = true;
      return this.feed(`$${JSON.stringify({ auth: random.chance(0.9) ? random.pick(TOKENS) : jsonValue(random) })}`);
    }
    if (random.chance(0.02)) {
      this.#gone = true;
      if (random.chance(0.5)) tap.cut();
      else socket.close(random.pick([1000, 1001, 1002, 3000, 4004, undefined]), "bye");
    } else if (random.chance(0.04)) {
      if (tap.waiting > 0) tap.drain();
      else tap.waiting = random.pick([30_000, 30_000, 90_000, 200_000]);
    } else {
      for (
        let i = random.weighted([
          [6, 1],
          [1, 3],
        ]);
        i > 0;
        i--
      ) {
        const { packet, expect } = this.#tester.compose();
        this.feed(packet, expect);
      }
    }
  }

  loosen(): void {
    if (this.#wire.referee.verdict === "breach") this.#wire.referee.verdict = "unsure";
  }

  judge(): void {
    this.#wire.referee.judge(this.#gone || this.#wire.tap.over);
  }

  end(): void {
    if (this.over) return;
    this.#gone = true;
    this.#wire.socket.close(1000);
  }
}
