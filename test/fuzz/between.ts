import type { Dial } from "../../src/client/connect.ts";
import type { Mood } from "./app.ts";
import { Holder, type ClientSide } from "./client-side.ts";
import type { Packet } from "./grammar.ts";
import { mutate } from "./mutate.ts";
import type { ServerSide } from "./server-side.ts";
import type { Session } from "./session.ts";
import { User } from "./user.ts";
import type { Wire, World } from "./world.ts";

/** A real client at the app, and somebody on the line who changes, doubles, swaps and swallows what goes over it. */
export class Between implements Session {
  readonly #world: World;
  readonly #user: User;
  readonly #mood: Mood;
  /** How many packets come to harm. */
  readonly #harm: number;
  readonly #holder: Holder;
  /** The lines that there were and are not over, the last one last. */
  #lines: { client: Wire<ClientSide>; server: Wire<ServerSide> }[] = [];
  readonly #held: Packet[] = [];
  #ended = false;

  constructor(world: World, mood: Mood, harm: number) {
    this.#world = world;
    this.#mood = mood;
    this.#harm = harm;
    this.#user = new User(world, this.#dial);
    this.#holder = this.#user.holder;
  }

  get over(): boolean {
    return this.#ended;
  }

  readonly #dial: Dial = async (_, protocols) => {
    const world = this.#world;
    const { random } = world;
    if (random.chance(0.05)) throw new Error("No network");
    const client = world.clientWire(this.#holder, undefined);
    const server = world.serverWire();
    client.side.dialed(protocols);
    // What goes over it begins with what was lost, and nobody here knows what that was.
    this.#holder.account?.lose();
    this.#lines.at(-1)?.server.referee.account?.lose();
    // A proxy may not let subprotocols through.
    const offers = random.chance(0.1) ? [] : protocols;
    this.#lines.push({ client, server });
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
    await world.admit(server, offers, this.#mood);
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
    const line = this.#lines.at(-1);
    if (!random.chance(0.05) || line === undefined) return;
    // One end may hear of it long before the other.
    line[random.pick(["client", "server"] as const)].tap.cut();
  }

  loosen(): void {}

  judge(): void {
    for (const { client, server } of this.#lines) {
      client.referee.judge(client.tap.over);
      server.referee.judge(server.tap.over);
    }
    this.#lines = this.#lines.filter((line, i) => i === this.#lines.length - 1 || !line.client.tap.over);
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#user.end();
    for (const { server } of this.#lines) {
      server.ended = true;
      server.socket.close(1000);
    }
  }

  get pending(): number {
    return this.#user.pending;
  }
}
