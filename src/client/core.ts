import { Connection } from "../connection/connection.ts";
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
import { defaultLimits } from "../wire/limits.ts";
import { PROTOCOL } from "../wire/subprotocols.ts";
import { Auth, type AuthOwner } from "./auth.ts";
import type { Dial } from "./dial.ts";
import { Dialer, type DialerOwner } from "./dialer.ts";
import type { Backbone } from "./host.ts";
import { Queue, type Queued } from "./queue.ts";
import { Services } from "./services.ts";
import { redeemTicket } from "./session-ticket.ts";
import type { ClientOptions, ConnectionEvents } from "./types.ts";
import { onWake } from "./wake.ts";
import { readWelcome } from "./welcome.ts";

/** What is told inside the client. */
export interface CoreEvents extends ConnectionEvents {
  /** The server has accepted a token while the connection was open. */
  readonly accepted: undefined;
}

/** What a client says that has no token (PROTOCOL.md, "Opening"). */
const NO_TOKEN = '${"auth":null}';

/** A client: opens connections over the sockets that it gets, and tells its services. */
export class Core implements AuthOwner, Backbone, DialerOwner, LinkOwner {
  status: ConnectionStatus = "closed";
  /** Why it was closed last. */
  closed: PrismError | undefined;
  readonly auth: Auth | undefined;
  readonly services: Services;
  readonly events: Emitter<CoreEvents>;
  readonly #url: string;
  readonly #options: ClientOptions;
  readonly clock: Clock;
  readonly timeout: number;
  readonly #turn: Turn;
  readonly #queue: Queue;
  readonly #dialer: Dialer;
  #link: Link | undefined;
  /** From the welcome on, though it is not open before the verdict. */
  #connection: Connection | undefined;
  /** When the server has taken too long to say what is waited for. */
  #timer: Timer | undefined;
  #everOpened = false;
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
    this.clock = clock;
    this.timeout = options.timeout ?? defaultLimits.timeout;
    this.#turn = new Turn(clock);
    this.#queue = new Queue(clock, options.queue ?? 1024);
    if (options.auth !== undefined) this.auth = new Auth(options.auth, this);
    const dialAndAsk: Dial = (...args) => {
      this.auth?.ask();
      return dial(...args);
    };
    this.#dialer = new Dialer(url, options, dialAndAsk, this);
    this.events = new Emitter((error) => this.log("", "A listener failed", error));
    // What halves send as they are made waits, as what is sent later does.
    if (!options.lazy) this.status = "connecting";
    this.services = new Services(halves, this);
  }

  get connection(): Connection | undefined {
    return this.status === "open" ? this.#connection : undefined;
  }

  log(service: string, message: string, data?: unknown): void {
    try {
      const late: unknown = this.#options.log?.({ message, service: service === "" ? undefined : service, data });
      if (isThenable(late)) Promise.resolve(late).catch(() => {});
    } catch {
      // There is nowhere left to say so.
    }
  }

  enqueue(item: Queued, send: () => void): void {
    if (this.status === "closed") throw this.closed ?? new PrismError("closed");
    this.#queue.push(item, send);
  }

  open(): void {
    if (this.#offWake === undefined) {
      const first = this.status === "connecting";
      this.status = "connecting";
      this.#offWake = onWake(() => this.#wake());
      this.#dialer.start();
      if (!first) this.events.emit("status", "connecting");
    } else if (!this.#dialer.dialing && this.#link === undefined) this.#dialer.dial();
  }

  close(code: CloseCode, reason: string): void {
    if (this.status === "closed") return;
    this.status = "closed";
    this.#offWake?.();
    this.#offWake = undefined;
    this.#dialer.stop();
    const link = this.#link;
    this.#link = undefined;
    link?.close(DONE, "");
    const error = (this.closed = new PrismError("closed", reason === "" ? undefined : reason));
    this.#end(error);
    this.#queue.fail(error);
    // Said when all is done: a listener may open it again.
    this.events.emit("status", "closed");
    this.events.emit("closed", { code, reason });
  }

  control(link: Link, message: Control): void {
    if ("welcome" in message) this.#welcomed(link, message);
    else if (message["auth"] === true) {
      if (this.auth ? !this.auth.accept() : this.status === "open" || this.#connection === undefined) return;
      this.#timer?.cancel();
      if (this.status === "open") this.events.emit("accepted", undefined);
      else this.#opened();
    } else if (typeof message["expires"] === "number") {
      if (this.auth) this.auth.refresh();
      else link.post(NO_TOKEN);
    } else redeemTicket(this.#url, message["session"], (error) => this.log("", "No session cookie", error));
  }

  gone(link: Link, code: CloseCode, reason: string): void {
    if (link !== this.#link) return;
    this.#link = undefined;
    const wasOpen = this.status === "open";
    if (code === DONE || code === REFUSED) return this.close(code, reason);
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

  attach(socket: Socket): void {
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
    this.expect(link, "welcome");
  }

  failed(what: string, error: unknown): void {
    this.log("", what, error);
    if (isPrismError(error)) return this.close(REFUSED, error.message);
    if (this.#link === undefined) this.#retry();
    else this.#link.close(CLIENT_ERROR, what);
    // Who was told of it may have closed it.
    if (this.status !== "closed") this.events.emit("failed", error);
  }

  expect(link: Link, what: string): void {
    this.#timer?.cancel();
    this.#timer = this.clock.setTimer(() => link.close(CLIENT_ERROR, `No ${what}`), defaultLimits.handshake);
  }

  #welcomed(link: Link, message: Control): void {
    if (link.connection !== undefined) throw new WireError(PROTOCOL_ERROR, "Second welcome");
    const welcome = readWelcome(message, this.#options.manifest?.services);
    const clock = this.clock;
    const { calls, patience } = defaultLimits;
    const connection = (this.#connection = new Connection(this.services, {
      clock,
      calls,
      streams: Infinity,
      asked: Infinity,
      held: Infinity,
      frameOut: welcome.packet,
    }));
    link.packetOut = welcome.packet;
    link.framesOut = welcome.frames;
    link.watch(new Heartbeat(clock, welcome.heartbeat, patience));
    link.post("%@");
    connection.attach(link);
    this.#timer?.cancel();
    this.services.welcome(connection, welcome.services);
    // The log, which hears of services that are missing, may have closed it.
    if (link.over) return;
    if (this.auth) this.auth.send(link);
    else if (message["auth"] === true) {
      // The server may know the client by its cookie.
      link.post(NO_TOKEN);
      this.expect(link, "verdict");
    } else this.#opened();
  }

  #opened(): void {
    const connection = this.#connection;
    const reset = this.#everOpened;
    this.#everOpened = true;
    this.#dialer.opened();
    this.status = "open";
    // What services do to find their way again comes first, then what has waited, then what listeners do.
    if (reset) this.services.reset();
    this.#queue.send();
    // Each of them may have closed it.
    if (this.connection === connection) this.events.emit("status", "open");
    if (this.connection === connection && reset) this.events.emit("reset", undefined);
    if (this.connection === connection) this.events.emit("open", undefined);
  }

  #retry(): void {
    this.#end(new PrismError("lost"));
    if (this.status !== "closed") this.#dialer.retry();
  }

  /** Ends what was the link's. */
  #end(error: PrismError): void {
    this.#timer?.cancel();
    this.auth?.drop();
    const connection = this.#connection;
    this.#connection = undefined;
    connection?.end(error);
  }

  #wake(): void {
    this.#link?.probe();
    this.open();
  }
}
