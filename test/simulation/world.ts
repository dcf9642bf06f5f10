import type { Socket } from "../../src/socket/socket.ts";
import { isAdmission } from "../../src/server/handshake.ts";
import { createMemoryHandover } from "../../src/handover/memory-handover.ts";
import type { Handover } from "../../src/handover/handover.ts";
import { FakeClock } from "../../src/testing/fake-clock.ts";
import type { Line } from "../../src/testing/line.ts";
import { createNetwork, type Network } from "../../src/testing/network.ts";
import { CallBook, type Kind, type Made } from "./calls.ts";
import { SimClient } from "./client.ts";
import { Model, type Life } from "./model.ts";
import { Dice, type Schedule } from "./schedule.ts";
import { ADDRESS, SimServer, type Target } from "./server.ts";
import { Tap, Wiretap, type Fail } from "./tap.ts";

/** A line of a client, and what is known of it. */
export interface Laid {
  readonly line: Line;
  readonly tap: Tap;
  /** Whose line it is. */
  readonly client: number;
  /** Whether it is silent for ever. */
  mute: boolean;
  /** Whether one end of it is gone, and the other does not know. */
  vanished: boolean;
}

/** Servers, clients and the network between them, under one clock: all that is under test is the shipped code. */
export class World {
  readonly schedule: Schedule;
  readonly clock: FakeClock;
  readonly network: Network;
  readonly handover: Handover | undefined;
  readonly model: Model;
  readonly wiretap: Wiretap;
  readonly book: CallBook;
  readonly dice: Dice;
  readonly servers: SimServer[] = [];
  readonly clients: SimClient[] = [];
  readonly laid = new Set<Laid>();
  /** What goes on by itself and must come to its end. */
  readonly tasks = new Set<Promise<void>>();
  /** Calls that failed with `lost`, and their connections. */
  readonly lostCalls: [Made, Life | undefined][] = [];
  /** Until when nobody gets through, on the clock. */
  unreachableUntil = 0;
  /** What did not hold first. */
  failure: string | undefined;
  /** Hears what happens. */
  readonly say: (what: string) => void;
  /** Calls to a connection that have no ending. */
  readonly #callsTo = new Map<string, number>();

  constructor(schedule: Schedule, trace?: (line: string) => void) {
    const { seed, latency, handover } = schedule.config;
    const fail: Fail = (what) => {
      if (this.failure === undefined) this.say(`FAILED ${what}`);
      this.failure ??= what;
    };
    this.schedule = schedule;
    this.clock = new FakeClock({ seed });
    const now = (): string => `${this.clock.now() - 1_000}`.padStart(7);
    this.say = trace === undefined ? () => {} : (what) => trace(`${now()}  ${what}`);
    this.network = createNetwork({ seed, clock: this.clock, latency });
    this.handover = handover ? createMemoryHandover(this.clock) : undefined;
    this.model = new Model(fail);
    this.wiretap = new Wiretap(schedule.config, fail);
    this.book = new CallBook(this.clock, fail);
    this.dice = new Dice(seed ^ 0x5eed);
  }

  readonly fail: Fail = (what) => this.model.fail(what);

  async start(): Promise<void> {
    const { clients, servers } = this.schedule.config;
    for (let i = 0; i < servers; i++) await this.addServer();
    for (let i = 0; i < clients; i++) this.clients.push(new SimClient(this, i));
  }

  async addServer(): Promise<SimServer> {
    const server = new SimServer(this, this.servers.length);
    this.servers.push(server);
    const started = server.start();
    this.clock.busyWith(started);
    await started;
    return server;
  }

  /** The servers that a client may be sent to. */
  get open(): readonly SimServer[] {
    return this.servers.filter(({ open }) => open);
  }

  /** Opens a socket for a client: to the server where it was, as long as that takes it. */
  async dial(client: SimClient, protocols: readonly string[], signal: AbortSignal): Promise<Socket> {
    const { calm } = this.schedule.config;
    if (!calm && this.dice.chance(0.2)) await this.book.sleep(this.dice.whole(1, 300));
    if (this.clock.now() < this.unreachableUntil) throw new Error("Unreachable");
    const before = this.servers[client.server]!;
    const server = before.open ? before : (this.open[this.dice.whole(0, this.open.length - 1)] ?? before);
    const offered = this.schedule.config.protocols ? protocols : [];
    // Nobody else knows a connection that is not handed over.
    if (server !== before && !this.schedule.config.handover && client.welcomed !== undefined)
      client.welcomed.excused = true;
    const near = await this.knock(server, offered, `${ADDRESS}${client.index}`, (tap) => {
      const { wired } = tap;
      // A connection that is there may have been asked for in vain where it is not.
      client.welcomed = wired;
      client.server = server.index;
    });
    if (signal.aborted) this.say(`client ${client.index}: a socket comes too late`);
    return near;
  }

  /** Asks a server for a socket. */
  async knock(
    server: SimServer,
    protocols: readonly string[],
    remoteAddress: string,
    welcomed: (tap: Tap) => void,
  ): Promise<Socket> {
    const headers = { connection: "upgrade", upgrade: "websocket", "sec-websocket-protocol": protocols.join(", ") };
    const admission = await server.app.admit(new Request("http://localhost/prism", { headers }), { remoteAddress });
    if (!isAdmission(admission)) throw new Error(`Refused with ${admission.status}`);
    const line = this.network.connect();
    const tap: Tap = new Tap(line.near, line.far, this.wiretap, () => welcomed(tap));
    if (remoteAddress.startsWith(ADDRESS)) {
      const client = Number(remoteAddress.slice(ADDRESS.length));
      this.laid.add({ line, tap, client, mute: false, vanished: false });
    }
    admission.open(tap.far);
    return Object.assign(tap.near, { protocol: admission.protocol });
  }

  /** The lines that are open. */
  get lines(): Laid[] {
    for (const laid of this.laid) if (!laid.line.open) this.laid.delete(laid);
    return [...this.laid];
  }

  /** A client has lost a connection: that must have a reason. */
  lost(life: Life): void {
    const { wiretap, schedule, book, servers } = this;
    const wired = wiretap.all.get(life.connection);
    for (const made of book.all) if (!made.settled && made.client === life.client) made.lost++;
    const excused = wired === undefined || wired.excused || wired.forgot || !wired.heard;
    // Whoever is asked elsewhere does not wait for as long as a server may take to let go of it.
    const leaving = servers.some(({ open, targets }) => !open && targets.some(({ id }) => id === life.connection));
    const away = life.server === "gone" || wired?.moved === true || leaving;
    if (schedule.config.calm || (!excused && !away))
      this.fail(
        `client ${life.client} has lost ${life.connection}, which is ${life.server}${schedule.config.calm ? ", in a calm world" : ""}`,
      );
  }

  /** A connection is handed over. */
  parked(connection: string): void {
    const wired = this.wiretap.all.get(connection);
    if (wired !== undefined) wired.moved = true;
    for (const made of this.book.all) if (!made.settled && this.connectionOf(made) === connection) made.lost++;
  }

  connectionOf({ connection, client }: Made): string | undefined {
    return connection ?? this.clients[client]?.party.life?.connection;
  }

  callsTo(connection: string): number {
    return this.#callsTo.get(connection) ?? 0;
  }

  /** Makes a call from a client, or to one. */
  call(from: SimClient | SimServer, to: Target | undefined, options: Asked): Made | undefined {
    if (from instanceof SimClient && from.connection.status === "closed") return undefined;
    const { kind, size, timeout, idempotent } = options;
    const client = from instanceof SimClient ? from.index : -1;
    const controller = new AbortController();
    const made: Made = {
      ...options,
      serial: this.book.all.length,
      madeAt: this.clock.now(),
      client,
      connection: to?.id,
      aborted: false,
      runs: 0,
      lost: 0,
      settled: false,
      abort: () => {
        made.aborted = true;
        controller.abort();
      },
      excuse: (code) => this.#excuse(made, code),
    };
    this.book.all.push(made);
    const items = kind === "sum" || kind === "echo" ? this.book.items(made) : undefined;
    const body = [made.serial, kind, size] as const;
    const given = { signal: controller.signal, timeout, items, idempotent };
    const call =
      to === undefined ? (from as SimClient).host.call(body, given) : (from as SimServer).host.call(to, body, given);
    if (to !== undefined) this.#callsTo.set(to.id, this.callsTo(to.id) + 1);
    void this.book.follow(made, call);
    return made;
  }

  #excuse(made: Made, code: string): boolean {
    const { limits } = this.schedule.config;
    const few = limits.calls! < 1_024 || limits.streams! < 256;
    if (code === "busy") return few;
    if (code === "closed")
      return made.client >= 0 && (made.lost > 0 || this.clients[made.client]!.connection.status !== "open");
    if (code !== "lost") return false;
    const again =
      made.idempotent && made.client >= 0 && made.kind !== "sum" && made.kind !== "echo" && made.kind !== "stream";
    if (again) return false;
    // Whether its connection was is seen when all is quiet.
    const life =
      made.connection === undefined ? this.clients[made.client]!.party.life : this.model.lives.get(made.connection);
    this.lostCalls.push([made, life]);
    return true;
  }
}

/** What a call is to be like. */
export interface Asked {
  readonly kind: Kind;
  readonly size: number;
  readonly timeout: number;
  readonly idempotent: boolean;
}
