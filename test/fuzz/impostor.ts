import { PrismError } from "../../mod.ts";
import type { Dial } from "../../src/client/connect.ts";
import { procedures, services } from "./app.ts";
import { jsonValue } from "./bodies.ts";
import type { Session } from "./enemy.ts";
import type { Packet } from "./grammar.ts";
import type { Random } from "./random.ts";
import { Tester } from "./tester.ts";
import { User } from "./user.ts";
import type { Wire, World } from "./world.ts";

/** A welcome as a server says it, or, if it is odd, as it must not. */
function welcome(random: Random, isOdd: boolean): string {
  const kinds = Object.fromEntries(
    services.map((name, number) => [name, name === "calls" ? [number, "rpc", procedures] : [number, name]]),
  );
  const members: Record<string, unknown> = {
    welcome: 1,
    connection: "c",
    resumed: false,
    received: 0,
    sent: 0,
    heartbeat: random.pick([1_000, 5_000]),
    packet: random.pick([200, 4_096, 131_072]),
    ...(random.chance(0.3) ? { frames: random.pick([1, 20, 2_000]) } : undefined),
    ...(random.chance(0.3) ? { auth: true } : undefined),
    services: kinds,
  };
  if (isOdd) {
    const odd = random.pick<unknown>([
      jsonValue(random),
      null,
      -1,
      0,
      0.5,
      1e9,
      "1",
      {},
      { calls: [0, "rpc"] },
      { calls: [0, "rpc", null], notes: [0, "notes"] },
      { calls: [1e9, "rpc", [1, {}, "echo"]], words: [-1, "words"] },
      { calls: ["0", "rpc", []] },
      { __proto__: [0, "x"] },
    ]);
    members[random.pick(Object.keys(members))] = odd;
  }
  return `$${JSON.stringify(members)}`;
}

/** A server that lies, and a real client that believes no more of it than it should. */
export class Impostor implements Session {
  readonly #world: World;
  readonly #user: User;
  readonly #malice: number;
  #wire: Wire | undefined;
  /** The last wire, which may be gone. */
  #last: Wire | undefined;
  #tester: Tester | undefined;
  /** Whether it says hardly anything after the welcome. */
  readonly #mute: boolean;
  #ended = false;
  #silent = 0;
  /** Whether the last welcome was odd. */
  #odd = false;
  /** Whether the next socket leads to the app itself. */
  #honest = false;

  constructor(world: World, malice: number) {
    this.#world = world;
    this.#malice = malice;
    this.#mute = world.random.chance(0.1);
    this.#user = new User(world, this.#dial);
  }

  get over(): boolean {
    return this.#ended;
  }

  get pending(): number {
    return this.#user.pending;
  }

  readonly #dial: Dial = async (_, protocols, signal) => {
    const world = this.#world;
    const { random } = world;
    if (this.#honest) {
      this.#wire = undefined;
      return world.dial(protocols);
    }
    if (random.chance(this.#malice * 0.2)) {
      if (random.chance(0.2)) throw new PrismError("closed", "Not this one");
      if (random.chance(0.5)) throw new Error("No network");
      // It opens when nobody waits for it any more, or never.
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
      if (random.chance(0.5)) throw signal.reason;
    }
    const wire = world.wire("client", random.chance(0.9) ? protocols[0] : undefined);
    this.#wire = this.#last = wire;
    this.#tester = new Tester(random, wire.referee, this.#malice, 131_072);
    wire.socket.onclose = () => {
      if (this.#wire === wire) this.#wire = undefined;
    };
    wire.socket.onmessage = (packet) => {
      if (packet === "(" && !this.#mute && !random.chance(this.#malice)) this.feed(")");
    };
    world.sessions++;
    return wire.tap;
  };

  feed(packet: Packet, expect?: string): void {
    if (this.#wire !== undefined) this.#world.feed(this.#wire, packet, expect);
  }

  async act(): Promise<void> {
    const { random } = this.#world;
    const wire = this.#wire;
    const busy = random.chance(0.4);
    if (busy) for (let i = random.between(1, 5); i > 0; i--) this.#user.act();
    if (wire === undefined) {
      // It stays closed where it was told to; now somebody opens it again.
      if (this.#user.connection.status === "closed") this.#user.connection.open();
      return;
    }
    if (!wire.referee.welcomed) {
      if (random.chance(this.#malice * 0.3) || this.#silent++ % 5 === 4) return;
      const first = random.chance(this.#malice * 0.2) ? random.pick(["(", "%@", "@x", "${}", "$1"]) : undefined;
      this.#odd = random.chance(this.#malice * 0.5);
      return this.feed(first ?? welcome(random, this.#odd));
    }
    if (this.#mute && random.chance(0.9)) return;
    if (random.chance(0.02)) {
      if (random.chance(0.4)) wire.tap.cut();
      else wire.socket.close(random.pick([1000, 1001, 1002, 1008, 1012, 4001, 4002, 4003, 3999, undefined]), "bye");
      this.#wire = undefined;
      return;
    }
    if (random.chance(0.05)) return this.feed(random.pick(['${"auth":true}', '${"expires":100}', '${"auth":1}']));
    const { packet, expect } = this.#tester!.compose();
    this.feed(packet, this.#odd ? undefined : expect);
    // What the user has just begun is not to be seen yet.
    if (busy) this.loosen();
  }

  loosen(): void {
    if (this.#last?.referee.verdict === "breach") this.#last.referee.verdict = "unsure";
  }

  judge(): void {
    this.#last?.referee.judge(this.#last.tap.over);
  }

  /** Leads the client to the app itself, where all must be well again. */
  async recover(): Promise<void> {
    const world = this.#world;
    this.#honest = this.#user.honest = true;
    // What it has under way from before may fail yet, and have it closed.
    await world.advance(1_000);
    this.#user.connection.close();
    this.#user.connection.open();
    await world.advance(2_000);
    await this.#user.checkEcho();
  }

  end(): void {
    this.#ended = true;
    this.#user.end();
  }
}
