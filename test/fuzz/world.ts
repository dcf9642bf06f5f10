import { isAdmission } from "../../src/server/handshake.ts";
import { createSocketPair } from "../../src/socket/pair.ts";
import type { Socket } from "../../src/socket/socket.ts";
import type { KeepLimits } from "./account.ts";
import { ADDRESSES } from "./addresses.ts";
import { CALLS, createApp, isAlarming, PACKET, services, type Fuzzed, type Mood } from "./app.ts";
import { Bank } from "./bank.ts";
import { Bystander } from "./bystander.ts";
import { ClientSide, type Holder } from "./client-side.ts";
import { Crash } from "./crash.ts";
import { FuzzClock } from "./fuzz-clock.ts";
import { handlers, planted, type Plant } from "./planted.ts";
import type { Random } from "./random.ts";
import type { RefereeOptions } from "./hearing.ts";
import { Referee } from "./referee.ts";
import { readOffers, ServerSide } from "./server-side.ts";
import { Tap } from "./tap.ts";

/** A socket between the end under test and the fuzzer, and who watches it. */
export interface Wire<Side extends ClientSide | ServerSide = ClientSide | ServerSide> {
  /** The end under test has this. */
  readonly tap: Tap;
  /** The fuzzer has this. */
  readonly socket: Socket;
  readonly referee: Referee;
  readonly side: Side;
  /** Whether the fuzzer has closed its end. */
  ended: boolean;
}

/** One app with a bystander, under a clock of its own, and all that is watched about it. */
export class World {
  readonly random: Random;
  readonly clock: FuzzClock;
  readonly fuzzed: Fuzzed;
  bystander!: Bystander;
  readonly plant: Plant | undefined;
  /** Whether clients of the app say who they are. */
  readonly secured: boolean;
  /** The connections of the app that are watched. */
  readonly bank: Bank;
  /** What the app keeps of each. */
  readonly keeps: KeepLimits;
  readonly #lasting: boolean;
  readonly #framesIn: number;
  /** Frames that went to the end under test. */
  frames = 0;
  packets = 0;
  sessions = 0;
  /** The last packets, both ways, for whoever wants to know how it came. */
  readonly trail: { what: string; packet: string | Uint8Array }[] = [];
  #crash: Crash | undefined;

  /**
   * @param random decides everything
   * @param plant a bug to plant
   * @param plain whether the app is the one that the corpus was written for, and not one of many
   */
  constructor(random: Random, plant?: Plant, plain = false) {
    this.random = random;
    this.plant = plant;
    this.clock = new FuzzClock(random);
    this.secured = !plain && random.chance(0.25);
    this.#framesIn = plain ? 1_024 : random.pick([1_024, 40]);
    this.keeps = {
      replayFrames: random.pick([66, 100, 1_024]),
      replayLimit: plain ? 1_048_576 : random.pick([0, 20_000, 20_000, 70_000, 70_000, 70_000, 1_048_576]),
    };
    const resumeWithin = plain ? 120_000 : random.pick([0, 1_500, 6_000, 6_000, 6_000, 6_000, 6_000]);
    this.#lasting = resumeWithin > 0 && this.keeps.replayLimit > 0;
    const numbers = { services: services.length, rpc: services.indexOf("calls") };
    this.bank = new Bank({ subject: "server", ...numbers, ...this.keeps });
    this.fuzzed = createApp({
      clock: this.clock,
      guarded: plain || random.chance(0.5),
      secured: this.secured,
      limits: {
        packet: PACKET,
        frames: this.#framesIn,
        streams: 6,
        calls: CALLS,
        held: 3_000,
        depth: 64,
        sendLimit: 100_000,
        resumeWithin,
        ...this.keeps,
        heartbeat: random.pick([1_000, 4_000]),
        patience: random.pick([500, 2_000]),
        handshake: 800,
        timeout: 2_000,
      },
      log: (entry) => {
        if (isAlarming(entry)) this.report(new Crash("log", String(entry), entry.data));
        if (entry.message === "Disconnected") this.bank.withId(entry.connection ?? "")?.end();
      },
    });
    if (plant === "timer") this.clock.setTimer(() => {}, 1e9);
  }

  /** Notes the first thing that went wrong. */
  report(error: unknown): void {
    this.#crash ??= error instanceof Crash ? error : new Crash("thrown", String(error), error);
  }

  /** Throws what was noted. */
  check(): void {
    if (this.#crash !== undefined) throw this.#crash;
    if (Object.keys(Object.prototype).length > 0 || "polluted" in {}) {
      delete (Object.prototype as { polluted?: unknown }).polluted;
      throw new Crash("prototype", "Object.prototype has changed");
    }
  }

  /** A pair of sockets, one of them for the app. */
  serverWire(): Wire<ServerSide> {
    const limits = { packetIn: PACKET, framesIn: this.#framesIn, packetOut: PACKET };
    return this.#wire("server", undefined, limits, (referee) => {
      return new ServerSide(referee, this.bank, this.secured, this.#lasting);
    });
  }

  /** A pair of sockets, one of them for a client. */
  clientWire(holder: Holder, protocol: string | undefined): Wire<ClientSide> {
    const limits = { packetIn: Infinity, framesIn: 1_024, packetOut: 131_072 };
    return this.#wire("client", protocol, limits, (referee) => new ClientSide(referee, holder));
  }

  #wire<Side extends ClientSide | ServerSide>(
    subject: RefereeOptions["subject"],
    protocol: string | undefined,
    limits: Pick<RefereeOptions, "packetIn" | "framesIn" | "packetOut">,
    toSide: (referee: Referee) => Side,
  ): Wire<Side> {
    const [near, socket] = createSocketPair(this.clock);
    const { clock } = this;
    const now = (): number => clock.now();
    const referee = new Referee({ subject, ...limits, now, held: (since) => clock.held(since) });
    const side = toSide(referee);
    referee.side = side;
    const guarded = (watch: () => void): void => {
      try {
        watch();
      } catch (error) {
        this.report(error);
      }
    };
    const tap = new Tap(
      near,
      {
        said: (packet) => {
          this.#note(`by ${subject}`, packet);
          guarded(() => referee.said(packet));
        },
        closes: (code, reason) => {
          this.#note(`closed by ${subject}`, `${code} ${reason}`);
          guarded(() => referee.closes(code, reason));
        },
        reads: (packet) => guarded(() => referee.reads(packet)),
        read: () => referee.read(),
        lost: (code) => {
          this.#note(`lost to ${subject}`, String(code));
          guarded(() => referee.lost(code));
        },
      },
      protocol,
    );
    return { tap, socket, referee, side, ended: false };
  }

  /** Gives the end under test a packet. */
  feed({ socket, referee, ended }: Wire, packet: string | Uint8Array, expect?: string, again?: boolean): void {
    if (ended) return;
    const before = referee.frames;
    const verdict = referee.fed(packet, expect, again);
    if (this.plant === "late" && referee.superseded) handlers.get(referee.account?.user ?? this)?.(packet);
    this.frames += referee.frames - before;
    this.packets++;
    this.#note(`${verdict} to ${referee.subject}`, packet);
    socket.send(packet);
  }

  #note(what: string, packet: string | Uint8Array): void {
    this.trail.push({ what, packet });
    if (this.trail.length > 30) this.trail.shift();
  }

  /** Opens the app's end of a wire; what comes of it is up to the app. */
  async admit(wire: Wire<ServerSide>, protocols: readonly string[], mood: Mood): Promise<boolean> {
    const { tap, referee, side } = wire;
    const offer = protocols.length > 0 ? { "sec-websocket-protocol": this.#forge(protocols).join(", ") } : undefined;
    const headers = { upgrade: "websocket", "x-mood": mood, ...offer };
    const remoteAddress = this.random.pick(ADDRESSES);
    const admission = await this.fuzzed.app.admit(new Request("http://localhost/prism", { headers }), {
      remoteAddress,
    });
    if (!isAdmission(admission)) return false;
    Object.assign(tap, { protocol: admission.protocol });
    this.sessions++;
    this.trail.push({ what: "comes", packet: protocols.join(" ") });
    const offered = readOffers(protocols);
    if (offered !== undefined) side.open(offered.resume);
    admission.open(this.plant === undefined ? tap : planted(this, { tap, referee }));
    return true;
  }

  /** An app that takes a token that is spent for the one that followed it, if that is what is planted. */
  #forge(protocols: readonly string[]): readonly string[] {
    if (this.plant !== "spent") return protocols;
    return protocols.map((one) => {
      const token = one.split(".")[2] ?? "";
      const account = this.bank.formerly(token);
      return account?.token === undefined ? one : one.replace(token, account.token);
    });
  }

  /** A socket to the app that nobody stands at. */
  async dial(protocols: readonly string[]): Promise<Socket> {
    const [near, far] = createSocketPair(this.clock);
    const headers = { upgrade: "websocket", "sec-websocket-protocol": protocols.join(", ") };
    const admission = await this.fuzzed.app.admit(new Request("http://localhost/prism", { headers }), {});
    if (!isAdmission(admission)) throw new Error("Refused");
    admission.open(far);
    return Object.assign(near, { protocol: admission.protocol });
  }

  /** Lets the app get ready, and the bystander in. The app's first admission takes real time, and the others none. */
  async open(): Promise<void> {
    const admission = await this.fuzzed.app.admit(new Request("http://localhost/prism"), {});
    if (isAdmission(admission)) admission.abandon();
    this.bystander = new Bystander(this);
    await this.settle();
    await this.bystander.check();
  }

  /** Lets all that can go on go on. */
  async settle(): Promise<void> {
    await this.clock.settle();
    this.check();
  }

  async advance(ms: number): Promise<void> {
    await this.clock.advance(ms);
    this.check();
  }
}
