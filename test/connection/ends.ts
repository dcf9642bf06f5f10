import { Connection } from "../../src/connection/connection.ts";
import type { ServerConnectionOptions } from "../../src/connection/options.ts";
import { Answering, Asking } from "../../src/connection/exchange.ts";
import { Heartbeat } from "../../src/connection/heartbeat.ts";
import type { Control } from "../../src/connection/control.ts";
import { Link, type LinkOwner } from "../../src/connection/link.ts";
import { Reminder } from "../../src/connection/reminder.ts";
import { ServerConnection } from "../../src/connection/server-connection.ts";
import { ServerLink, type ServerLinkOptions } from "../../src/connection/server-link.ts";
import { Turn } from "../../src/connection/turn.ts";
import { createSocketPair } from "../../src/socket/pair.ts";
import type { Socket } from "../../src/socket/socket.ts";
import { areBusy } from "../../src/connection/parked-calls.ts";
import type { Receiver } from "../../src/connection/receiver.ts";
import type { PrismError } from "../../src/wire/errors.ts";
import type { Body } from "../../src/wire/frames.ts";
import { FakeClock } from "../../src/testing/fake-clock.ts";
import { ACKNOWLEDGE_WITHIN } from "../../src/wire/limits.ts";

export type Packet = string | Uint8Array;

/** A body as a test shows it: text as it is, bytes as `<01 02>`. */
export function show(body: Body): string {
  return typeof body === "string"
    ? body
    : `<${Buffer.from(body)
        .toString("hex")
        .replaceAll(/(..)(?=.)/g, "$1 ")}>`;
}

/** A call that this end makes, which notes what comes of it. */
export class TestAsking extends Asking {
  readonly log: string[] = [];
  /** Whether it says of each item that it was taken. */
  takes = true;

  onitem(body: Body): void {
    this.log.push(`< ${show(body)}`);
    if (this.takes) this.took();
  }
  onmore(): void {
    this.log.push("more");
  }
  onresult(body: Body): void {
    this.log.push(`= ${show(body)}`);
  }
  onfailure(error: PrismError): void {
    this.log.push(`! ${error.code}`);
  }
  onexpired(): void {
    this.log.push("expired");
    this.deadline = Infinity;
    this.cancel();
  }
}

/** A call that the peer makes, which notes what comes of it. */
export class TestAnswering extends Answering {
  readonly log: string[] = [];
  takes = true;

  onitem(body: Body): void {
    this.log.push(`> ${show(body)}`);
    if (this.takes) this.took();
  }
  onmore(): void {
    this.log.push("more");
  }
  onfinish(): void {
    this.log.push("/");
  }
  oncancel(): void {
    this.log.push("cancelled");
  }
}

/** What an end can be given. */
export interface EndOptions extends Partial<Omit<ServerLinkOptions, "turn" | "meter">> {
  readonly client?: boolean;
  readonly calls?: number;
  readonly streams?: number;
  readonly asked?: number;
  readonly held?: number;
  readonly frameOut?: number;
  /** Whether the connection outlives its sockets. */
  readonly lasting?: boolean;
  readonly replayFrames?: number;
  readonly replayLimit?: number;
  readonly heard?: boolean;
  readonly interval?: number;
  readonly patience?: number;
}

/** A client's connection, and what tests ask of one that only a server tells of its own. */
class ClientConnection extends Connection {
  get sent(): number {
    return this.outbox.sent;
  }

  get attached(): boolean {
    return this.link !== undefined;
  }

  get waiting(): number {
    return this.outbox.size;
  }

  get busy(): boolean {
    return areBusy(this.calls);
  }

  unpark({ sent, acknowledged, received }: { sent: number; acknowledged: number; received: number }): void {
    Object.assign(this.outbox, { sent, acknowledged });
    this.receipts.received = received;
  }
}

class TestConnection extends ServerConnection {
  get sent(): number {
    return this.outbox.sent;
  }
}

/** One end: a process with a connection, and a link whenever it is given a socket. All that happens is noted. */
export class End {
  readonly clock: FakeClock;
  readonly heartbeat: Heartbeat;
  readonly turn: Turn;
  /** A client's has no more than `ClientConnection` shows. */
  readonly connection: TestConnection;
  readonly meter = { received: 0, sent: 0 };
  link!: Link;
  /** The socket of the link. */
  socket!: Socket;
  /** Packets given to sockets. */
  packets: Packet[] = [];
  /** What this end heard, in order. */
  readonly heard: string[] = [];
  readonly controls: Control[] = [];
  readonly closed: { code: number; reason: string }[] = [];
  /** When its sockets were closed. */
  readonly closedAt: number[] = [];
  readonly broken: unknown[] = [];
  /** Hears of a control frame at once. */
  oncontrol: (() => void) | undefined;
  /** Calls that it made, and calls that it takes. */
  readonly asked: TestAsking[] = [];
  readonly answers: TestAnswering[] = [];
  /** Takes a call in another way than `answers`. */
  take: ((service: number, id: number, body: Body) => void) | undefined;
  readonly #options: EndOptions;

  constructor(clock: FakeClock, options: EndOptions = {}) {
    this.clock = clock;
    this.#options = options;
    this.turn = new Turn(clock);
    this.heartbeat = new Heartbeat(clock, options.interval ?? 25_000, options.patience ?? 10_000);
    const connectionOptions: ServerConnectionOptions = {
      clock,
      calls: options.calls ?? 1024,
      streams: options.streams ?? Infinity,
      asked: options.asked ?? Infinity,
      held: options.held ?? Infinity,
      frameOut: options.frameOut ?? Infinity,
      reminder: new Reminder(clock, ACKNOWLEDGE_WITHIN),
      sendLimit: options.sendLimit ?? (options.client ? Infinity : 4_194_304),
      replayFrames: options.replayFrames ?? 1024,
      replayLimit: options.replayLimit ?? 1_048_576,
      heard: options.heard ?? options.client ?? false,
    };
    const receiver: Receiver = {
      message: (service, body) => {
        this.heard.push(`${service} ${show(body)}`);
      },
      call: (service, id, body) => {
        if (this.take !== undefined) return this.take(service, id, body);
        this.heard.push(`call ${service} ${show(body)}`);
        const answer = new TestAnswering();
        this.answers.push(answer);
        this.connection.answer(id, answer);
      },
    };
    const kind = options.client ? ClientConnection : TestConnection;
    this.connection = new kind(receiver, connectionOptions) as TestConnection;
    this.connection.lasting = options.lasting ?? false;
  }

  /** Has its counts stand elsewhere than at 0, as after a long life. */
  count(sent: number, received: number): void {
    const { lasting } = this.connection;
    this.connection.unpark({
      sent,
      total: 2 ** 31 + sent,
      acknowledged: sent,
      received,
      heard: true,
      kept: [],
      waiting: [],
      taken: [],
    });
    this.connection.lasting = lasting;
  }

  /** Puts a link over a socket, and unless told otherwise attaches the connection to it. */
  open(socket: Socket, attach = true): Link {
    const { clock } = this;
    const { send } = (this.socket = socket);
    socket.send = (packet) => {
      this.packets.push(packet);
      send.call(socket, packet);
    };
    const options = this.#options;
    const owner: LinkOwner = {
      control: (_, message) => {
        this.controls.push(message);
        this.oncontrol?.();
      },
      gone: (_, code, reason) => {
        this.closed.push({ code, reason });
        this.closedAt.push(clock.now());
      },
      broken: (_, error) => void this.broken.push(error),
    };
    const linkOptions: ServerLinkOptions = {
      turn: this.turn,
      packetIn: options.packetIn ?? Infinity,
      framesIn: options.framesIn,
      packetOut: options.packetOut ?? 131_072,
      sendLimit: options.sendLimit ?? 4_194_304,
      meter: this.meter,
    };
    if (options.client) this.link = new Link(socket, owner, this.turn);
    else this.link = new ServerLink(socket, owner, linkOptions);
    this.link.packetOut = linkOptions.packetOut;
    this.link.watch(this.heartbeat);
    if (attach) this.connection.attach(this.link);
    return this.link;
  }

  /** Makes a call to service 0. */
  ask(body: Body = "", deadline = Infinity): TestAsking {
    const asking = new TestAsking();
    asking.deadline = deadline;
    this.asked.push(asking);
    this.connection.ask(0, body, asking);
    return asking;
  }

  /** Takes what was sent since it was last asked, a text frame each. */
  sentFrames(): string[] {
    const frames = this.packets.flatMap((packet) =>
      typeof packet === "string" ? packet.split("\x1e") : [show(packet)],
    );
    this.packets = [];
    return frames;
  }
}

/** A client and a server that are joined. */
export interface Ends {
  readonly clock: FakeClock;
  readonly client: End;
  readonly server: End;
}

/** Joins a client and a server over a pair of sockets. */
export function createEnds(client: EndOptions = {}, server: EndOptions = {}): Ends {
  const clock = new FakeClock();
  const ends = { clock, client: new End(clock, { client: true, ...client }), server: new End(clock, server) };
  join(ends);
  return ends;
}

/** Gives both ends a new pair of sockets. */
export function join({ clock, client, server }: Ends): void {
  const [left, right] = createSocketPair(clock);
  client.open(left);
  server.open(right);
}

/** One end, and a bare socket at the other, for a peer that says what it likes. */
export interface Bare {
  readonly clock: FakeClock;
  readonly end: End;
  readonly peer: Socket;
  /** What the peer received, text and binary shown as text. */
  readonly received: string[];
  /** How the peer's socket was closed. */
  readonly closings: { code: number; reason: string }[];
  /** Sends packets to the end, lets it work, and gives the frames that it answered. */
  say(...packets: Packet[]): Promise<string[]>;
}

/** Joins an end with a bare socket. */
export function createBare(options: EndOptions = {}, attach = true): Bare {
  const clock = new FakeClock();
  const [socket, peer] = createSocketPair(clock);
  const end = new End(clock, options);
  end.open(socket, attach);
  const received: string[] = [];
  const closings: { code: number; reason: string }[] = [];
  peer.onmessage = (packet) => void received.push(typeof packet === "string" ? packet : show(packet));
  peer.onclose = (code, reason) => void closings.push({ code, reason });
  return {
    clock,
    end,
    peer,
    received,
    closings,
    async say(...packets) {
      const before = received.length;
      for (const packet of packets) peer.send(packet);
      await clock.settle();
      return received.slice(before).flatMap((packet) => packet.split("\x1e"));
    },
  };
}
