import { connect, type ClientOptions, type ConnectionEvents } from "../../src/client/connect.ts";
import type { ClientLogEntry } from "../../src/client/types.ts";
import type { ClientHost } from "../../src/service/hosts.ts";
import { defineClient } from "../../src/service/service.ts";
import { createSocketPair } from "../../src/socket/pair.ts";
import type { Socket } from "../../src/socket/socket.ts";
import { FakeClock } from "../../src/testing/fake-clock.ts";

/** A half that hands its host on, so that a test can do with it what it likes. */
export const open = defineClient({ kind: "open", client: (host: ClientHost) => host });

/** The service table of a server that has the two services of the client, in another order. */
export const table: Readonly<Record<string, readonly unknown[]>> = { b: [0, "open"], a: [1, "open", "init"] };

/** A welcome as a server writes it; members that are given replace or, where `undefined`, take away. */
export function welcome(members: Readonly<Record<string, unknown>> = {}): string {
  return `$${JSON.stringify({
    welcome: 1,
    connection: "c",
    resumed: false,
    received: 0,
    sent: 0,
    heartbeat: 25_000,
    packet: 131_072,
    services: table,
    ...members,
  })}`;
}

/** The welcome of a socket that goes on with a connection. */
export function resumed(members: Readonly<Record<string, unknown>> = {}): string {
  return welcome({ resumed: true, resume: "t2", services: undefined, ...members });
}

/** The server's end of a socket; the test says what it says. */
export class ServerEnd {
  readonly socket: Socket;
  readonly closings: { code: number; reason: string }[] = [];
  readonly packets: (string | Uint8Array)[] = [];
  #taken = 0;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.onmessage = (packet) => void this.packets.push(packet);
    socket.onclose = (code, reason) => void this.closings.push({ code, reason });
  }

  /** Sends frames in one packet. */
  say(...frames: string[]): void {
    this.socket.send(frames.join("\x1e"));
  }

  /** The frames that came since it was last asked. */
  frames(): string[] {
    const packets = this.packets.slice(this.#taken);
    this.#taken = this.packets.length;
    return packets.flatMap((packet) => (typeof packet === "string" ? packet.split("\x1e") : ["<bytes>"]));
  }
}

/** One attempt of the client to get a socket. */
export interface Attempt {
  readonly url: string;
  readonly protocols: readonly string[];
  readonly signal: AbortSignal;
  /** When it was, on the clock. */
  readonly at: number;
}

/** What a client of the two services looks like here. */
export interface OpenClient {
  readonly connection: import("../../src/client/connect.ts").ClientConnection;
  readonly a: ClientHost;
  readonly b: ClientHost;
}

/** A client, and a server whose every word the test writes. */
export interface Stage {
  readonly clock: FakeClock;
  readonly client: OpenClient;
  readonly attempts: Attempt[];
  readonly ends: ServerEnd[];
  /** What the client said of its connection, with the status at that moment where it is another. */
  readonly heard: string[];
  readonly logged: ClientLogEntry[];
  /** What comes of an attempt; accepts with the first protocol offered unless the test says otherwise. */
  answer: (attempt: Attempt) => Socket | Promise<Socket>;
  /** Makes a socket, with the protocol selected. */
  accept(protocol?: string): Socket;
  /** The newest end. */
  end(): ServerEnd;
  /** Has the newest socket go, and gives the next one when the client has it; it has said nothing yet. */
  next(code?: number): Promise<ServerEnd>;
  /** Lets the client get its socket and its welcome, and forgets what it said until then. */
  opened(members?: Readonly<Record<string, unknown>>): Promise<ServerEnd>;
}

/** Sets a stage; the client is not told anything yet. */
export function createStage(options: Omit<ClientOptions, "clock" | "dial"> = {}, url = "ws://host"): Stage {
  const clock = new FakeClock();
  const heard: string[] = [];
  const logged: ClientLogEntry[] = [];
  const attempts: Attempt[] = [];
  const ends: ServerEnd[] = [];
  const accept = (protocol?: string): Socket => {
    const [near, far] = createSocketPair(clock);
    ends.push(new ServerEnd(far));
    return Object.assign(near, { protocol });
  };
  const stage: Omit<Stage, "client"> = {
    clock,
    heard,
    logged,
    attempts,
    ends,
    accept,
    answer: ({ protocols }) => accept(protocols[0]),
    end: () => ends.at(-1)!,
    async next(code = 1006) {
      const { length } = ends;
      ends.at(-1)!.socket.close(code);
      while (ends.length === length) await clock.advance(50);
      return ends.at(-1)!;
    },
    async opened(members) {
      await clock.settle();
      const end = ends.at(-1)!;
      end.say(welcome(members));
      await clock.settle();
      end.frames();
      heard.length = 0;
      return end;
    },
  };
  const client = connect(url, {
    log: (entry) => void logged.push(entry),
    ...options,
    clock,
    dial: (to, protocols, signal) => {
      const attempt = { url: to, protocols, signal, at: clock.now() };
      attempts.push(attempt);
      return stage.answer(attempt);
    },
    services: { a: open, b: open },
  }) as unknown as OpenClient;
  const names = [
    "status",
    "open",
    "suspended",
    "resumed",
    "reset",
    "closed",
  ] as const satisfies (keyof ConnectionEvents)[];
  for (const name of names) {
    client.connection.on(name, (value: unknown) => {
      const { status } = client.connection;
      if (name === "status") heard.push(value === status ? `status ${status}` : `status ${String(value)} (${status})`);
      else heard.push(value === undefined ? name : `${name} ${(value as { code: number }).code} (${status})`);
    });
  }
  return Object.assign(stage, { client });
}
