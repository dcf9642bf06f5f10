import type { LogEntry } from "../../mod.ts";
import type { Admission, PeerInfo, Servable } from "../../src/server/admission.ts";
import type { ServerClock } from "../../src/server/clock.ts";
import { isAdmission } from "../../src/server/handshake.ts";
import type { PrismOptions } from "../../src/server/options.ts";
import type { ServerHost } from "../../src/service/hosts.ts";
import { defineService } from "../../src/service/service.ts";
import { createSocketPair } from "../../src/socket/pair.ts";
import type { Socket } from "../../src/socket/socket.ts";
import { FakeClock } from "../../src/testing/fake-clock.ts";

/** A fake clock that tells people the time, too. */
export class FakeServerClock extends FakeClock implements ServerClock {
  override wall(): number {
    return Date.UTC(2025, 0, 2, 3, 4, 5);
  }
}

/** A client's end of a socket; the test says what it says. */
export class RawPeer {
  readonly socket: Socket;
  /** The server's end of it. */
  readonly far: Socket;
  readonly closings: { code: number; reason: string }[] = [];
  /** Bytes that the server's end says wait in it. */
  waiting = 0;
  readonly #clock: FakeClock;
  #frames: string[] = [];
  #ondrain: Socket["ondrain"] = () => {};

  constructor(clock: FakeClock) {
    this.#clock = clock;
    [this.socket, this.far] = createSocketPair(clock);
    Object.defineProperty(this.far, "bufferedAmount", { get: () => this.waiting, set: () => {} });
    Object.defineProperty(this.far, "ondrain", {
      get: () => () => this.waiting === 0 && this.#ondrain.call(this.far),
      set: (ondrain: Socket["ondrain"]) => (this.#ondrain = ondrain),
    });
    this.socket.onmessage = (packet) =>
      void this.#frames.push(...(typeof packet === "string" ? packet.split("\x1e") : [`<${packet.join(" ")}>`]));
    this.socket.onclose = (code, reason) => void this.closings.push({ code, reason });
  }

  /** Sends frames in one packet, and gives those that came since it was last asked. */
  async say(...frames: string[]): Promise<string[]> {
    if (frames.length > 0) this.socket.send(frames.join("\x1e"));
    await this.#clock.settle();
    return this.frames();
  }

  /** The frames that came since it was last asked. */
  frames(): string[] {
    const frames = this.#frames;
    this.#frames = [];
    return frames;
  }

  /** Has what waited in the server's end sent. */
  drain(): void {
    this.waiting = 0;
    this.far.ondrain();
  }
}

/** What the upgrade request says. */
export interface JoinOptions extends PeerInfo {
  /** The subprotocols that are offered. */
  readonly protocols?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Asks an app for leave to upgrade. */
export function ask(app: Servable, { protocols, headers, ...info }: JoinOptions = {}): Promise<Admission | Response> {
  const offer = protocols === undefined ? {} : { "sec-websocket-protocol": protocols };
  const request = new Request("http://localhost/prism", { headers: { upgrade: "websocket", ...offer, ...headers } });
  return app.admit(request, info);
}

/** Asks for leave, and fails if it is refused. */
export async function admit(app: Servable, options?: JoinOptions): Promise<Admission> {
  const admission = await ask(app, options);
  if (!isAdmission(admission)) throw new Error(`Refused with status ${admission.status}`);
  return admission;
}

/** What a test's app is, and what came of it. */
export interface Stage {
  readonly clock: FakeServerClock;
  readonly options: PrismOptions;
  readonly log: LogEntry[];
}

/** Options for an app whose time the test decides, and whose log it reads. */
export function createStage(options: PrismOptions = {}): Stage {
  const clock = new FakeServerClock();
  const log: LogEntry[] = [];
  // Sessions have tests of their own; their signatures take real time.
  return { clock, log, options: { clock, log: (entry) => void log.push(entry), session: false, ...options } };
}

/** Opens a socket to an app; the welcome is left to be read. */
export async function enter(app: Servable, clock: FakeClock, options: JoinOptions = {}): Promise<RawPeer> {
  const admission = await admit(app, { protocols: "prism.1", ...options });
  const peer = new RawPeer(clock);
  admission.open(peer.far);
  return peer;
}

/** Opens a socket to an app, and reads the welcome. */
export async function join(app: Servable, clock: FakeClock, options: JoinOptions = {}): Promise<RawPeer> {
  const peer = await enter(app, clock, options);
  await peer.say("%@");
  return peer;
}

/** A service that hands its host on, and does nothing itself. */
export function createOpen(set: (host: ServerHost) => void = () => {}) {
  let host!: ServerHost;
  const service = defineService({
    kind: "open",
    client: (client) => client,
    server: (given) => {
      host = given;
      set(host);
      return host;
    },
  });
  return { service, host: () => host };
}
