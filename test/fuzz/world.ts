import { connect, isPrismError, type ClientConnection } from "../../src/client/connect.ts";
import { isAdmission } from "../../src/server/handshake.ts";
import type { ServerClock } from "../../src/server/clock.ts";
import { rpc, type UntypedRpcClient } from "../../src/services/rpc/client.ts";
import { createSocketPair } from "../../src/socket/pair.ts";
import type { Socket } from "../../src/socket/socket.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { CALLS, createApp, halves, isAlarming, PACKET, services, type Fuzzed, type Mood } from "./app.ts";
import type { Random } from "./random.ts";
import { Crash, Referee, type RefereeOptions } from "./referee.ts";
import { Tap } from "./tap.ts";

/** A clock whose every whim follows from the seed. */
class FuzzClock extends FakeClock implements ServerClock {
  readonly #random: Random;

  constructor(random: Random) {
    super();
    this.#random = random;
  }

  override random(): number {
    return this.#random.next();
  }

  wall(): number {
    return 0;
  }
}

/** Bugs that can be planted, to see whether they are found. */
export type Plant =
  | "adapter"
  | "answer"
  | "credit"
  | "deaf"
  | "grammar"
  | "leak"
  | "prototype"
  | "rejection"
  | "throw"
  | "timer"
  | "trusting";

/** Addresses as runtimes tell them, and as they do not. */
const ADDRESSES = [
  undefined,
  "",
  "127.0.0.1",
  "203.0.113.9",
  "::ffff:203.0.113.9",
  "::ffff:cb00:7109",
  "2001:db8::1",
  "2001:db8:1:2:3:4:5:6",
  "2001:db8:1:2:3:4:203.0.113.9",
  "fe80::1%eth0",
  "1:2:3:4:5:6:7:8:9",
  "1:2:3",
  "1::2::3",
  "1:2:3:4::5:6:7:8",
  "::x",
  "x::",
  "::1.2.3",
  "::1.2.3.400",
  "::1.2.3.04",
  "/tmp/socket",
  `::${"0".repeat(100)}`,
];

/** A socket between the end under test and the fuzzer, and who watches it. */
export interface Wire {
  /** The end under test has this. */
  readonly tap: Tap;
  /** The fuzzer has this. */
  readonly socket: Socket;
  readonly referee: Referee;
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
        heartbeat: random.pick([1_000, 4_000]),
        patience: random.pick([500, 2_000]),
        handshake: 800,
        timeout: 2_000,
      },
      log: (entry) => {
        if (isAlarming(entry)) this.report(new Crash("log", String(entry), entry.data));
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

  /** A pair of sockets, one of them for the end under test. */
  wire(subject: RefereeOptions["subject"], protocol: string | undefined): Wire {
    const [near, socket] = createSocketPair(this.clock);
    const referee = new Referee({
      subject,
      packetIn: subject === "server" ? PACKET : Infinity,
      framesIn: subject === "server" ? this.#framesIn : 1_024,
      packetOut: subject === "server" ? PACKET : 131_072,
      services: subject === "server" ? services.length : Infinity,
      rpc: subject === "server" ? services.indexOf("calls") : -1,
    });
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
        closes: (...how) => guarded(() => referee.closes(...how)),
      },
      protocol,
    );
    return { tap, socket, referee, ended: false };
  }

  /** Gives the end under test a packet. */
  feed({ socket, referee, ended }: Wire, packet: string | Uint8Array, expect?: string): void {
    if (ended) return;
    const before = referee.frames;
    const verdict = referee.fed(packet, expect);
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
  async admit(tap: Tap, protocols: readonly string[], mood: Mood): Promise<boolean> {
    const offer = protocols.length > 0 ? { "sec-websocket-protocol": protocols.join(", ") } : undefined;
    const headers = { upgrade: "websocket", "x-mood": mood, ...offer };
    const remoteAddress = this.random.pick(ADDRESSES);
    const admission = await this.fuzzed.app.admit(new Request("http://localhost/prism", { headers }), {
      remoteAddress,
    });
    if (!isAdmission(admission)) return false;
    Object.assign(tap, { protocol: admission.protocol });
    this.sessions++;
    admission.open(this.plant === undefined ? tap : planted(this, tap));
    return true;
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

/** A socket of an adapter, or an app, that has a bug. */
function planted(world: World, tap: Tap): Socket {
  const { plant, random } = world;
  const now = (): boolean => random.chance(0.05);
  const { send, close } = tap;
  if (plant === "grammar") tap.send = (packet) => send.call(tap, now() ? `${String(packet)}\x1e` : packet);
  if (plant === "credit") tap.send = (packet) => send.call(tap, now() ? "<@1" : packet);
  if (plant === "deaf") tap.close = (code, reason) => void (code === 1002 || close.call(tap, code, reason));
  if (plant === "leak" && now()) {
    // Another socket for the same client, which it does not know of and an intermediary keeps alive.
    void world.dial(["prism.1"]).then((forgotten) => {
      forgotten.onmessage = (packet) => {
        if (packet === "(") forgotten.send(")");
      };
    });
  }
  const inner = Object.getOwnPropertyDescriptor(tap, "onmessage")!.value as Socket["onmessage"];
  let handler = inner;
  Object.defineProperty(tap, "onmessage", {
    get: () => (packet: string | Uint8Array) => {
      if (plant === "adapter" && now()) return handler(undefined as never);
      if (plant === "throw" && now()) throw new TypeError("Thrown in the receive path");
      if (plant === "rejection" && now()) void Promise.reject(new Error("Nobody catches this"));
      if (plant === "prototype" && now()) Object.assign(Object.prototype, { polluted: true });
      if (plant === "trusting" && typeof packet === "string" && now()) return handler("$[]");
      handler(packet);
    },
    set: (given: Socket["onmessage"]) => {
      handler = given;
    },
  });
  return tap;
}

/** A client that does nothing wrong, and must not notice what others do. */
class Bystander {
  readonly connection: ClientConnection;
  readonly #calls: UntypedRpcClient;
  readonly #world: World;
  #count = 0;
  #open = 0;

  constructor(world: World) {
    this.#world = world;
    const client = connect("ws://localhost", {
      clock: world.clock,
      auth: world.secured ? "good" : undefined,
      dial: (_, protocols) => world.dial(protocols),
      services: { ...halves, calls: rpc({ confirm: () => true }) },
      log: ({ message, data }) => world.report(new Crash("bystander", `its log says ${message}`, data)),
    }) as unknown as { connection: ClientConnection; calls: UntypedRpcClient };
    this.connection = client.connection;
    this.#calls = client.calls;
    client.connection.on("open", () => this.#open++);
  }

  /** Asks the app something, and has the answer once all is quiet. */
  async check(): Promise<void> {
    const { random } = this.#world;
    const n = ++this.#count;
    const answers: unknown[] = [];
    const wanted: unknown[] = [];
    const ask = (call: PromiseLike<unknown>, right: unknown): void => {
      wanted.push(right);
      call.then(
        (answer) => answers.push(answer),
        (error: unknown) => answers.push(isPrismError(error) ? error.code : String(error)),
      );
    };
    ask(this.#calls.echo!({ n, text: "x\u001e€" }), { n, text: "x\u001e€" });
    if (random.chance(0.3)) ask(this.#calls.sum!({ a: n, b: 1 }), n + 1);
    if (random.chance(0.2)) ask(this.#calls.add!(undefined, [1, 2, 3]), 6);
    if (random.chance(0.2)) ask(this.#calls.ask!("x"), true);
    if (random.chance(0.2)) ask(this.#calls.count!(20), "done");
    if (this.#world.plant === "answer" && random.chance(0.1)) wanted.push("another");
    await this.#world.settle();
    const sort = (values: unknown[]): string =>
      values
        .map((value) => JSON.stringify(value))
        .toSorted()
        .join();
    if (sort(answers) !== sort(wanted)) throw new Crash("bystander", `hears ${sort(answers)}, not ${sort(wanted)}`);
    if (this.connection.status !== "open" || this.#open !== 1) {
      throw new Crash("bystander", `${this.connection.status}, opened ${this.#open} times`);
    }
  }
}
