import { PrismError } from "../../mod.ts";
import type { Dial } from "../../src/client/connect.ts";
import { jsonValue } from "./bodies.ts";
import type { ClientSide } from "./client-side.ts";
import { joinPacket, writeNumber, type Packet } from "./grammar.ts";
import type { Session } from "./session.ts";
import { Tester } from "./tester.ts";
import { User } from "./user.ts";
import { writeWelcome } from "./welcomes.ts";
import type { Wire, World } from "./world.ts";

/** A socket of the client's, and who writes what goes over it. */
interface Line {
  readonly wire: Wire<ClientSide>;
  readonly tester: Tester;
  replayed: boolean;
  /** Whether its welcome was odd. */
  odd: boolean;
}

/** A server that lies, and a real client that believes no more of it than it should. */
export class Impostor implements Session {
  readonly #world: World;
  readonly #user: User;
  readonly #malice: number;
  /** Those that are open, the last one last. */
  #lines: Line[] = [];
  /** Whether it says hardly anything after the welcome. */
  readonly #mute: boolean;
  #ended = false;
  #silent = 0;
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
    if (this.#honest) return world.dial(protocols);
    if (random.chance(this.#malice * 0.2)) {
      if (random.chance(0.2)) throw new PrismError("closed", "Not this one");
      if (random.chance(0.5)) throw new Error("No network");
      // It opens when nobody waits for it any more, or never.
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
      if (random.chance(0.5)) throw signal.reason;
    }
    const wire = world.clientWire(this.#user.holder, random.chance(0.9) ? protocols[0] : undefined);
    try {
      wire.side.dialed(protocols);
    } catch (error) {
      world.report(error);
    }
    const tester = new Tester(random, wire.referee, this.#malice, 131_072);
    const line = { wire, tester, replayed: false, odd: false };
    this.#lines.push(line);
    wire.socket.onmessage = (packet) => {
      if (packet === "(" && !this.#mute && !random.chance(this.#malice)) this.#say(line, ")");
    };
    world.sessions++;
    return wire.tap;
  };

  feed(packet: Packet): void {
    const line = this.#lines.at(-1);
    if (line !== undefined && !isOver(line)) this.#say(line, packet);
  }

  #say({ wire }: Line, packet: Packet, expect?: string, again?: boolean): void {
    this.#world.feed(wire, packet, expect, again);
  }

  async act(): Promise<void> {
    const { random } = this.#world;
    const busy = random.chance(0.4);
    if (busy) for (let i = random.between(1, 5); i > 0; i--) this.#user.act();
    const open = this.#lines.filter((line) => !isOver(line));
    const line = random.chance(0.7) ? open.at(-1) : open[0];
    if (line === undefined) {
      // It stays closed where it was told to; now somebody opens it again.
      if (this.#user.connection.status === "closed") this.#user.connection.open();
      return;
    }
    if (!line.wire.referee.welcomed) return this.#welcome(line);
    this.#replay(line);
    if (this.#mute && random.chance(0.9)) return;
    if (random.chance(0.04)) return this.#leave(line);
    if (random.chance(0.08)) return this.#say(line, this.#control());
    if (random.chance(0.2)) this.#say(line, `%${writeNumber(line.wire.referee.saidCount)}`);
    const { packet, expect } = line.tester.compose();
    this.#say(line, packet, line.odd ? undefined : expect);
    // What the user has just begun is not to be seen yet.
    if (busy) this.loosen();
  }

  #welcome(line: Line): void {
    const { random } = this.#world;
    if (random.chance(this.#malice * 0.3) || this.#silent++ % 5 === 4) return;
    if (random.chance(0.05)) return this.#leave(line);
    const first = random.chance(this.#malice * 0.2) ? random.pick(["(", "%@", "@x", "${}", "$1"]) : undefined;
    line.odd = random.chance(this.#malice * 0.5);
    const welcome = writeWelcome(random, this.#user.holder.account, this.#malice, line.odd);
    this.#say(line, first ?? welcome);
    // Once more, as it was.
    if (first === undefined && random.chance(this.#malice * 0.1)) this.#say(line, welcome);
  }

  /** A control frame that is not a welcome. */
  #control(): string {
    const { random } = this.#world;
    const draining = random.pick<unknown>([0, 100, 1_000, -1, 0.5, 1e300, "1", null, {}, jsonValue(random)]);
    return random.pick([
      '${"auth":true}',
      '${"expires":100}',
      '${"auth":1}',
      `$${JSON.stringify({ draining })}`,
      '${"draining":100}',
      '${"resumed":true,"received":1,"sent":1}',
    ]);
  }

  #leave({ wire }: Line): void {
    const { random } = this.#world;
    wire.ended = true;
    if (random.chance(0.4)) wire.tap.cut();
    else {
      wire.socket.close(
        random.pick([1000, 1001, 1001, 1002, 1008, 1012, 1012, 4001, 4002, 4003, 3999, undefined]),
        "bye",
      );
    }
  }

  /** Says again what the client has not got, after something that it says it has. */
  #replay(line: Line): void {
    const { random } = this.#world;
    const { account } = line.wire.referee;
    if (line.replayed || account === undefined) return;
    line.replayed = true;
    // What it says of them cannot matter, since they are dropped.
    for (let i = account.repeats; i > 0; i--) this.#say(line, random.pick(["@", "?@@", "=@", "#_"]), undefined, true);
    const lost = account.inFlight.map(({ raw }) => raw);
    if (lost.length > 0 && random.chance(this.#malice)) return account.lose();
    if (lost.length > 0) this.#say(line, joinPacket(lost.slice(0, 1_024), random.chance(0.2)), undefined, true);
  }

  loosen(): void {
    for (const { wire } of this.#lines) if (wire.referee.verdict === "breach") wire.referee.verdict = "unsure";
  }

  judge(): void {
    for (const { wire } of this.#lines) wire.referee.judge(wire.tap.over || wire.ended);
    this.#lines = this.#lines.filter(({ wire }) => !wire.tap.over);
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

function isOver({ wire }: Line): boolean {
  return wire.ended || wire.tap.over || wire.referee.closing !== undefined;
}
