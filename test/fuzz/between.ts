import type { Dial } from "../../src/client/connect.ts";
import type { Mood } from "./app.ts";
import type { Session } from "./enemy.ts";
import type { Packet } from "./grammar.ts";
import { mutate } from "./mutate.ts";
import { User } from "./user.ts";
import type { Wire, World } from "./world.ts";

/** A real client at the app, and somebody on the line who changes, doubles, swaps and swallows what goes over it. */
export class Between implements Session {
  readonly #world: World;
  readonly #user: User;
  readonly #mood: Mood;
  /** How many packets come to harm. */
  readonly #harm: number;
  #line: { client: Wire; server: Wire } | undefined;
  readonly #held: Packet[] = [];
  #ended = false;

  constructor(world: World, mood: Mood, harm: number) {
    this.#world = world;
    this.#mood = mood;
    this.#harm = harm;
    this.#user = new User(world, this.#dial);
  }

  get over(): boolean {
    return this.#ended;
  }

  readonly #dial: Dial = async (_, protocols) => {
    const world = this.#world;
    const { random } = world;
    if (random.chance(0.05)) throw new Error("No network");
    const client = world.wire("client", undefined);
    const server = world.wire("server", undefined);
    // A proxy may not let subprotocols through.
    const offers = random.chance(0.1) ? [] : protocols;
    this.#line = { client, server };
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      from.referee.loosen();
      from.socket.onmessage = (packet) => {
        for (const changed of this.#change(packet)) world.feed(to, changed);
        // What comes of it shows later, when much else has come.
        if (to.referee.verdict === "fine") to.referee.verdict = "unsure";
      };
      from.socket.onclose = (code, reason) => {
        to.ended = true;
        to.socket.close(code, reason);
      };
    }
    await world.admit(server.tap, offers, this.#mood);
    return Object.assign(client.tap, { protocol: server.tap.protocol });
  };

  #change(packet: Packet): Packet[] {
    const { random } = this.#world;
    if (!random.chance(this.#harm)) return [packet];
    switch (random.below(6)) {
      case 0:
        return [];
      case 1:
        return [packet, packet];
      case 2:
        this.#held.push(packet);
        return [];
      case 3:
        return [packet, ...this.#held.splice(0)];
      default:
        return [mutate(random, packet, this.#held.at(-1) ?? packet)];
    }
  }

  async act(): Promise<void> {
    const { random } = this.#world;
    for (let i = random.between(1, 6); i > 0; i--) this.#user.act();
    if (random.chance(0.02)) this.#line?.[random.pick(["client", "server"] as const)].tap.cut();
  }

  loosen(): void {}

  judge(): void {
    if (this.#line === undefined) return;
    const { client, server } = this.#line;
    client.referee.judge(client.tap.over);
    server.referee.judge(server.tap.over);
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#user.end();
    if (this.#line === undefined) return;
    this.#line.server.ended = true;
    this.#line.server.socket.close(1000);
  }

  get pending(): number {
    return this.#user.pending;
  }
}
