import type { Account } from "./account.ts";
import { PACKET, TOKENS, type Mood } from "./app.ts";
import { jsonValue } from "./bodies.ts";
import { joinPacket, MAX_NUMBER, modulo, writeNumber, type Packet } from "./grammar.ts";
import { firstWords, OFFERS, toHello, toOffer, toProtocols } from "./offers.ts";
import type { ServerSide } from "./server-side.ts";
import type { Session } from "./session.ts";
import { Tester } from "./tester.ts";
import type { Wire, World } from "./world.ts";

/** A socket to the app, and who writes what goes over it. */
interface Line {
  readonly wire: Wire<ServerSide>;
  readonly tester: Tester;
  /** Whether what was lost has been said again, or it is not going to be. */
  replayed: boolean;
}

/** A client with no manners at the app: it comes, loses its socket, comes again, and lies about what it has. */
export class Enemy implements Session {
  readonly #world: World;
  readonly #mood: Mood;
  readonly #malice: number;
  /** How often it acknowledges. */
  readonly #diligence: number;
  /** How often it comes again though its socket works. */
  readonly #unrest: number;
  /** The one that it uses, and all that there were and are not over. */
  #line: Line;
  #lines: Line[] = [];
  /** One that it has opened beside the one that it uses. */
  #other: Line | undefined;
  /** One that another has replaced. */
  #ghost: Line | undefined;
  #account: Account | undefined;
  #done = false;
  /** Whether it has said who it is. */
  #known = false;

  constructor(world: World, mood: Mood, malice: number) {
    this.#world = world;
    this.#mood = mood;
    this.#malice = malice;
    this.#diligence = world.random.pick([0, 0, 0.1, 0.4, 1]);
    this.#unrest = world.random.pick([0.03, 0.03, 0.35]);
    this.#line = this.#draw();
  }

  #draw(): Line {
    const wire = this.#world.serverWire();
    const line = { wire, tester: new Tester(this.#world.random, wire.referee, this.#malice, PACKET), replayed: false };
    this.#lines.push(line);
    return line;
  }

  get over(): boolean {
    return this.#done;
  }

  /** Comes in with these subprotocols. */
  async enter(protocols: readonly string[]): Promise<void> {
    await this.#world.admit(this.#line.wire, protocols, this.#mood);
  }

  /** Comes in: by the subprotocol, or with a hello. */
  async open(): Promise<void> {
    const { random } = this.#world;
    if (random.chance(0.8)) return this.enter(random.pick(OFFERS));
    await this.enter(random.pick([[], ["prism.2"], ["other"]]));
    const first = firstWords(random);
    if (first !== undefined) this.feed(first);
  }

  feed(packet: Packet, expect?: string, line = this.#line): void {
    this.#world.feed(line.wire, packet, this.#mood === "picky" ? undefined : expect);
  }

  /** Opens another socket, to go on with what there was. */
  async #comeAgain(): Promise<void> {
    const { random } = this.#world;
    const line = this.#draw();
    const offer = toOffer(this.#world, this.#account);
    const isOdd = random.chance(0.1);
    this.#other = line;
    if (random.chance(0.75)) {
      await this.#world.admit(line.wire, toProtocols(random, offer, isOdd), this.#mood);
    } else {
      await this.#world.admit(line.wire, [], this.#mood);
      this.feed(toHello(random, offer, isOdd), undefined, line);
    }
    // Whether these go over the older socket is for the server to say.
    if (random.chance(0.2)) this.#talk(this.#line);
  }

  /** Sees what has become of another socket. */
  #look(): void {
    const other = this.#other;
    if (other === undefined) return;
    const { referee, tap } = other.wire;
    if (!referee.welcomed && !isOver(other)) return;
    this.#other = undefined;
    if (!referee.welcomed || tap.over) return;
    const isSame = referee.account === this.#account;
    if (!isSame && !isOver(this.#line) && this.#world.random.chance(0.7)) {
      // What works is better than what begins anew.
      this.#close(other, 1000);
      return;
    }
    this.#line = other;
    this.#known = false;
  }

  async act(): Promise<void> {
    const { random } = this.#world;
    this.#look();
    if (isOver(this.#line) && this.#other === undefined) {
      this.#done = random.chance(this.#account?.alive ? 0.05 : 0.5);
      if (!this.#done && random.chance(0.7)) await this.#comeAgain();
      return;
    }
    this.#account = this.#line.wire.referee.account ?? this.#account;
    if (this.#other === undefined && random.chance(this.#unrest)) return this.#comeAgain();
    this.#replay();
    if (this.#ghost !== undefined && random.chance(0.3)) this.#haunt(this.#ghost);
    if (this.#line.wire.referee.welcomed && random.chance(this.#diligence)) this.#acknowledge();
    this.#move();
  }

  /** Acknowledges, alone in a packet: what it has, or what cannot be. */
  #acknowledge(line = this.#line): void {
    const { random } = this.#world;
    const { saidCount, account } = line.wire.referee;
    const acked = account?.acked ?? 0;
    const odd = [saidCount + 1, saidCount + 100, acked - 1, acked, 0, MAX_NUMBER, saidCount + 2 ** 30].map(modulo);
    const lies = this.#malice > 0 && random.chance(0.05);
    this.feed(`%${writeNumber(lies ? random.pick(odd) : saidCount)}`, undefined, line);
  }

  /** Goes on with a socket that another has replaced. */
  #haunt(line: Line): void {
    const { random } = this.#world;
    const { saidCount } = line.wire.referee;
    if (random.chance(0.5)) this.#talk(line);
    else this.feed(`%${writeNumber(modulo(saidCount + random.between(-2, 3)))}`, undefined, line);
  }

  /** Says again what was lost with an older socket. */
  #replay(): void {
    const { random } = this.#world;
    const { wire, replayed } = this.#line;
    const { account, welcomed } = wire.referee;
    if (replayed || !welcomed || account === undefined) return;
    this.#line.replayed = true;
    const lost = account.inFlight.map(({ raw }) => raw);
    if (lost.length > 0 && random.chance(this.#malice)) return account.lose();
    while (lost.length > 0) {
      const packet = joinPacket(lost.splice(0, random.between(1, 5)), random.chance(0.2));
      this.#world.feed(wire, packet, undefined, true);
    }
  }

  #talk(line: Line): void {
    const { packet, expect } = line.tester.compose();
    this.feed(packet, expect, line);
  }

  #move(): void {
    const { random, secured } = this.#world;
    const { tap } = this.#line.wire;
    if (random.chance(secured ? (this.#known ? 0.02 : 0.3) : 0.005)) {
      this.#known = true;
      return this.feed(`$${JSON.stringify({ auth: random.chance(0.9) ? random.pick(TOKENS) : jsonValue(random) })}`);
    }
    if (random.chance(0.04)) {
      if (random.chance(0.5)) this.#cut();
      else this.#close(this.#line, random.pick([1000, 1001, 1002, 3000, 4001, 4003, 4004, undefined]));
    } else if (random.chance(0.05)) {
      if (tap.waiting > 0) tap.drain();
      else tap.waiting = random.pick([30_000, 30_000, 90_000, 200_000]);
    } else {
      const times = random.weighted([
        [6, 1],
        [1, 3],
        [0.3, 12],
      ]);
      for (let i = times; i > 0; i--) this.#talk(this.#line);
      if (random.chance(0.05)) this.#cut();
    }
  }

  #cut(): void {
    this.#line.wire.ended = true;
    this.#line.wire.tap.cut();
  }

  #close({ wire }: Line, code?: number): void {
    wire.ended = true;
    wire.socket.close(code, "bye");
  }

  loosen(): void {
    for (const { wire } of this.#lines) if (wire.referee.verdict === "breach") wire.referee.verdict = "unsure";
  }

  judge(): void {
    for (const { wire } of this.#lines) wire.referee.judge(wire.tap.over || wire.ended);
    this.#ghost = this.#lines.findLast(({ wire }) => wire.referee.superseded) ?? this.#ghost;
    this.#lines = this.#lines.filter((line) => line === this.#line || !line.wire.tap.over);
  }

  end(): void {
    this.#done = true;
    for (const line of this.#lines) if (!isOver(line)) this.#close(line, 1000);
  }
}

function isOver({ wire }: Line): boolean {
  return wire.ended || wire.tap.over || wire.referee.closing !== undefined;
}
