import { Connection, type Receiver } from "../connection/connection.ts";
import { Heartbeat } from "../connection/heartbeat.ts";
import { Link, type Control, type LinkOwner } from "../connection/link.ts";
import { Turn } from "../connection/turn.ts";
import { Emitter } from "../service/emitter.ts";
import type { ConnectionStatus } from "../service/hosts.ts";
import type { ClientHalf } from "../service/service.ts";
import { isThenable } from "../service/thenable.ts";
import type { Socket } from "../socket/socket.ts";
import type { Clock, Timer } from "../wire/clock.ts";
import { CLIENT_ERROR, DONE, PROTOCOL_ERROR, REFUSED, type CloseCode } from "../wire/close-codes.ts";
import { isPrismError, PrismError, WireError } from "../wire/errors.ts";
import type { Body } from "../wire/frames.ts";
import { defaultLimits } from "../wire/limits.ts";
import { MANIFEST, PROTOCOL } from "../wire/subprotocols.ts";
import type { Dial } from "./dial.ts";
import { Slot, type Backbone } from "./host.ts";
import { Queue, type Queued } from "./queue.ts";
import type { ClientOptions, ConnectionEvents } from "./types.ts";
import { onWake } from "./wake.ts";
import { readWelcome } from "./welcome.ts";

/** A connection that lived for so long, in ms, was a success: the next attempt begins with the first bound again. */
const SETTLED = 5_000;

/** A client: gets sockets, opens a connection over them, and tells its services. */
export class Core implements Backbone, LinkOwner, Receiver {
  status: ConnectionStatus = "closed";
  connection: Connection | undefined;
  readonly slots: Map<string, Slot> = new Map();
  readonly events: Emitter<ConnectionEvents>;
  readonly #url: string;
  readonly #dial: Dial;
  readonly #options: ClientOptions;
  readonly clock: Clock;
  readonly timeout: number;
  readonly #turn: Turn;
  readonly #queue: Queue;
  #numbers: (Slot | undefined)[] = [];
  #link: Link | undefined;
  /** Takes back the attempt that is under way. */
  #attempt: AbortController | undefined;
  #timer: Timer | undefined;
  #failures = 0;
  #openedAt = 0;
  #everOpened = false;
  #bare = false;
  #offWake: (() => void) | undefined;

  /**
   * @param url where to
   * @param halves the services' client halves by name
   * @param options the user's
   * @param dial opens sockets
   * @param clock the time
   */
  constructor(
    url: string,
    halves: Readonly<Record<string, ClientHalf>>,
    options: ClientOptions,
    dial: Dial,
    clock: Clock,
  ) {
    this.#url = url;
    this.#options = options;
    this.#dial = dial;
    this.clock = clock;
    this.timeout = options.timeout ?? defaultLimits.timeout;
    this.#turn = new Turn(clock);
    this.#queue = new Queue(clock, options.queue ?? 1024);
    this.events = new Emitter((error) => this.log("", "A listener failed", error));
    // What halves send as they are made waits, as what is sent later does.
    if (!options.lazy) this.status = "connecting";
    for (const [name, half] of Object.entries(halves)) this.slots.set(name, new Slot(name, half, this));
  }

  log(service: string, message: string, data?: unknown): void {
    try {
      const late: unknown = this.#options.log?.({ message, service: service === "" ? undefined : service, data });
      if (isThenable(late)) Promise.resolve(late).catch(() => {});
    } catch {
      // There is nowhere left to say so.
    }
  }

  enqueue(item: Queued): void {
    if (this.status === "closed") throw new PrismError("closed");
    this.#queue.push(item);
  }

  open(): void {
    if (this.#offWake === undefined) {
      const first = this.status === "connecting";
      this.status = "connecting";
      this.#failures = 0;
      this.#offWake = onWake(() => this.#wake());
      this.#connect();
      if (!first) this.events.emit("status", "connecting");
    } else if (this.#attempt === undefined && this.#link === undefined) this.#connect();
  }

  close(code: CloseCode, reason: string): void {
    if (this.status === "closed") return;
    this.status = "closed";
    this.#offWake?.();
    this.#offWake = undefined;
    this.#timer?.cancel();
    this.#attempt?.abort();
    this.#attempt = undefined;
    const link = this.#link;
    this.#link = undefined;
    link?.close(DONE, "");
    const error = new PrismError("closed", reason === "" ? undefined : reason);
    this.#endConnection(error);
    this.#queue.fail(error);
    // Said when all is done: a listener may open it again.
    this.events.emit("status", "closed");
    this.events.emit("closed", { code, reason });
  }

  control(link: Link, message: Control): void {
    if (!("welcome" in message)) return;
    if (link.connection !== undefined) throw new WireError(PROTOCOL_ERROR, "Second welcome");
    const welcome = readWelcome(message, this.#options.manifest?.services);
    const clock = this.clock;
    const { calls, patience } = defaultLimits;
    const connection = new Connection(this, {
      clock,
      calls,
      asked: Infinity,
      held: Infinity,
      frameOut: welcome.packet,
    });
    link.packetOut = welcome.packet;
    link.watch(new Heartbeat(clock, welcome.heartbeat, patience));
    link.post("%@");
    connection.attach(link);
    this.#timer?.cancel();
    this.#numbers = [];
    for (const [name, slot] of this.slots) {
      const [number, kind, init] = welcome.services.get(name) ?? [];
      const found = kind === slot.kind ? number : undefined;
      if (found !== undefined) this.#numbers[found] = slot;
      slot.welcome(found, init);
    }
    this.#opened(connection);
  }

  message(service: number, body: Body): void {
    this.#numbers[service]?.message(body);
  }

  call(service: number, id: number, body: Body): void {
    const slot = this.#numbers[service];
    if (slot === undefined) this.connection?.refuse(id, '{"code":"not_found"}');
    else slot.call(this.connection!, id, body);
  }

  gone(link: Link, code: CloseCode, reason: string): void {
    if (link !== this.#link) return;
    this.#link = undefined;
    const wasOpen = this.connection !== undefined;
    if (code === DONE || code === REFUSED) return this.close(code, reason);
    if (wasOpen) this.#bare = false;
    if (wasOpen && this.clock.now() - this.#openedAt >= SETTLED) this.#failures = 0;
    this.#endConnection(new PrismError("lost"));
    this.#retry();
    if (!wasOpen || this.status === "closed") return;
    // Said when all is done: a listener may close it, or try at once.
    this.status = "suspended";
    this.events.emit("status", "suspended");
    if (this.status === "suspended") this.events.emit("suspended", { code, reason });
  }

  broken(_link: Link, error: unknown): void {
    this.log("", "Internal error", error);
  }

  #opened(connection: Connection): void {
    const reset = this.#everOpened;
    this.#everOpened = true;
    this.#openedAt = this.clock.now();
    this.connection = connection;
    this.status = "open";
    // What services do to find their way again comes first, then what has waited, then what listeners do.
    if (reset) for (const slot of this.slots.values()) slot.reset();
    this.#queue.send();
    // Each of them may have closed it.
    if (this.connection === connection) this.events.emit("status", "open");
    if (this.connection === connection && reset) this.events.emit("reset", undefined);
    if (this.connection === connection) this.events.emit("open", undefined);
  }

  #endConnection(error: PrismError): void {
    const { connection } = this;
    this.connection = undefined;
    connection?.end(error);
  }

  #connect(): void {
    this.#timer?.cancel();
    const attempt = (this.#attempt = new AbortController());
    const { manifest } = this.#options;
    const offers = manifest === undefined ? [PROTOCOL] : [PROTOCOL, MANIFEST + manifest.hash];
    const bare = this.#bare;
    const failed = (error: unknown): void => {
      if (attempt.signal.aborted) return;
      attempt.abort();
      this.log("", `No socket to ${this.#url}`, error);
      if (isPrismError(error)) return this.close(REFUSED, error.message);
      // Something in between may not let subprotocols through.
      this.#bare = !bare;
      this.#retry();
      this.events.emit("failed", error);
    };
    this.#timer = this.clock.setTimer(
      () => failed(new Error("The socket did not open in time")),
      defaultLimits.handshake,
    );
    // An async function, so that a dial that throws is one that rejects.
    (async () => this.#dial(this.#url, bare ? [] : offers, attempt.signal))()
      .then((socket) => {
        if (attempt.signal.aborted) socket.close(DONE, "");
        else this.#attach(socket);
      })
      .catch(failed);
  }

  #attach(socket: Socket): void {
    this.#attempt = undefined;
    const link = (this.#link = new Link(socket, this, {
      turn: this.#turn,
      packetIn: Infinity,
      packetOut: defaultLimits.packet,
      sendLimit: Infinity,
      client: true,
      meter: { received: 0, sent: 0 },
    }));
    if (socket.protocol !== PROTOCOL) {
      link.post(`$${JSON.stringify({ hello: 1, manifest: this.#options.manifest?.hash })}`);
    }
    this.#timer?.cancel();
    this.#timer = this.clock.setTimer(() => link.close(CLIENT_ERROR, "No welcome"), defaultLimits.handshake);
  }

  /** Tries again after a random time, so that clients that were cut off together do not come back together. */
  #retry(): void {
    this.#attempt = undefined;
    if (this.status === "closed") return;
    const { min = 500, max = 10_000 } = this.#options.reconnect ?? {};
    const bound = Math.min(max, min * 2 ** this.#failures++);
    this.#timer?.cancel();
    this.#timer = this.clock.setTimer(() => this.#connect(), this.clock.random() * bound);
  }

  #wake(): void {
    this.#link?.probe();
    this.open();
  }
}
