import { Connection } from "../connection/connection.ts";
import type { Control } from "../connection/control.ts";
import { Heartbeat } from "../connection/heartbeat.ts";
import type { Link } from "../connection/link.ts";
import { Emitter } from "../service/emitter.ts";
import type { ConnectionStatus } from "../service/hosts.ts";
import type { ClientHalf } from "../service/service.ts";
import type { Clock, Timer } from "../wire/clock.ts";
import { endsConnection, PROTOCOL_ERROR, REFUSED, type CloseCode } from "../wire/close-codes.ts";
import { isPrismError, PrismError, WireError } from "../wire/errors.ts";
import { ACKNOWLEDGE_WITHIN, CALLS, PATIENCE, REPLAY_FRAMES, REPLAY_LIMIT, TIMEOUT } from "../wire/limits.ts";
import { writeNumber } from "../wire/numbers.ts";
import { Auth, type AuthOwner } from "./auth.ts";
import type { Dial } from "./dial.ts";
import type { Backbone } from "./host.ts";
import { Lines, type LinesOwner } from "./lines.ts";
import type { Resumption } from "./offer.ts";
import { writeLog } from "./log.ts";
import { Queue, type Queued } from "./queue.ts";
import { Services } from "./services.ts";
import { redeemTicket } from "./session-ticket.ts";
import type { ClientOptions, ConnectionEvents } from "./types.ts";
import { readWelcome, type Welcome } from "./welcome.ts";

/** What is told inside the client. */
export interface CoreEvents extends ConnectionEvents {
  /** The server has accepted a token while the connection was open. */
  readonly accepted: undefined;
}

/** A client: a connection that goes on over the sockets that it gets, and the services that use it. */
export class Core implements AuthOwner, Backbone, LinesOwner {
  status: ConnectionStatus = "closed";
  /** Why it was closed last. */
  closed: PrismError | undefined;
  readonly auth: Auth;
  readonly services: Services;
  readonly events: Emitter<CoreEvents>;
  readonly clock: Clock;
  readonly timeout: number;
  readonly #url: string;
  readonly #options: ClientOptions;
  readonly #queue: Queue;
  readonly #lines: Lines;
  /** From the welcome on, though it is not open before the verdict, nor while it has no socket. */
  #connection: Connection | undefined;
  #token: string | undefined;
  /** Whether the connection has not been open yet. */
  #fresh = false;
  #everOpened = false;

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
    this.timeout = options.timeout ?? TIMEOUT;
    this.#queue = new Queue(clock, options.queue ?? 1024);
    this.auth = new Auth(options.auth, this);
    const askAndDial: Dial = (...args) => {
      this.auth.begin();
      return dial(...args);
    };
    this.#lines = new Lines(url, options, askAndDial, this);
    this.events = new Emitter((error) => this.log("A listener failed", error));
    // What halves send as they are made waits, as what is sent later does.
    if (!options.lazy) this.status = "connecting";
    this.services = new Services(halves, this);
  }

  get connection(): Connection | undefined {
    return this.status === "open" ? this.#connection : undefined;
  }

  get resumption(): Resumption | undefined {
    return this.#token === undefined ? undefined : { token: this.#token, received: this.#connection!.received };
  }

  log(message: string, data?: unknown, service?: string): void {
    writeLog(this.#options.log, { message, service, data });
  }

  enqueue(item: Queued, send: () => void): void {
    if (this.status === "closed") throw this.closed ?? new PrismError("closed");
    this.#queue.push(item, send);
  }

  open(): void {
    if (this.#lines.on) return this.#lines.open();
    const first = this.status === "connecting";
    this.status = "connecting";
    this.#lines.open();
    if (!first) this.events.emit("status", "connecting");
  }

  close(code: CloseCode, reason: string): void {
    if (this.status === "closed") return;
    this.status = "closed";
    this.#lines.stop();
    const error = (this.closed = new PrismError("closed", reason === "" ? undefined : reason));
    this.#suspend();
    this.#end(error);
    this.#queue.fail(error);
    this.services.tell("close");
    // Said when all is done: a listener may open it again.
    this.events.emit("status", "closed");
    this.events.emit("closed", { code, reason });
  }

  control(link: Link, message: Control): void {
    if (message["auth"] === true) {
      if (!this.auth.accept(link)) return;
      if (this.status === "open") this.events.emit("accepted", undefined);
      this.#opened();
    } else if (typeof message["expires"] === "number") this.auth.refresh(link);
    else redeemTicket(this.#url, message["session"], (error) => this.log("No session cookie", error));
  }

  lost(code: CloseCode, reason: string): void {
    const wasOpen = this.status === "open";
    this.#suspend();
    if (endsConnection(code) || this.#token === undefined) this.#end(new PrismError("lost"));
    // Who was told of it may have closed it.
    if (!wasOpen || this.status !== "open") return;
    // Said when all is done: a listener may close it, or try at once.
    this.status = "suspended";
    this.events.emit("status", "suspended");
    if (this.status === "suspended") this.events.emit("suspended", { code, reason });
  }

  stays(link: Link): void {
    this.auth.stays(link);
  }

  failed(what: string, error: unknown): void {
    // Beside a socket that works, the token is that one's.
    if (!this.#lines.working) this.auth.drop();
    this.log(what, error);
    if (isPrismError(error)) return this.close(REFUSED, error.message);
    // Who was told of it may have closed it.
    if (this.status !== "closed") this.events.emit("failed", error);
  }

  noToken(error: unknown): void {
    this.#lines.drop("No token");
    this.failed("No token", error);
  }

  welcomed(link: Link, message: Control): void {
    if (link.connection !== undefined) throw new WireError(PROTOCOL_ERROR, "Second welcome");
    const welcome = readWelcome(message, this.#options.manifest?.services);
    link.packetOut = welcome.packet;
    link.framesOut = welcome.frames;
    link.watch(new Heartbeat(this.clock, welcome.heartbeat, PATIENCE));
    if (welcome.resumed) this.#resume(link, welcome);
    else this.#begin(link, welcome);
    // The log, which hears of services that are missing, may have closed it.
    if (link.over) return;
    this.#token = welcome.resume;
    this.#connection!.lasting = welcome.resume !== undefined;
    if (!this.auth.send(link, message["auth"] === true)) this.#opened();
  }

  /** Goes on with the connection (PROTOCOL.md, "Resuming"). */
  #resume(link: Link, { received, sent }: Welcome): void {
    const connection = this.#connection;
    if (connection === undefined) throw new WireError(PROTOCOL_ERROR, "Resumed what there is not");
    connection.acknowledge(received);
    link.post(`%${writeNumber(connection.received)}`);
    connection.resume(link, received, sent);
  }

  #begin(link: Link, { packet, services }: Welcome): void {
    this.#end(new PrismError("lost"));
    let reminder: Timer | undefined;
    const connection = (this.#connection = new Connection(this.services, {
      calls: CALLS,
      replayFrames: REPLAY_FRAMES,
      clock: this.clock,
      reminder: {
        add: (item) => (reminder = this.clock.setTimer(() => item.remind(), ACKNOWLEDGE_WITHIN)),
        delete: () => reminder?.cancel(),
      },
      frameOut: packet,
      replayLimit: this.#options.replayLimit ?? REPLAY_LIMIT,
    }));
    this.#fresh = true;
    link.post("%@");
    connection.attach(link);
    this.services.welcome(connection, services);
  }

  /** Is open: at first, again, or with another socket in place of one that works. */
  #opened(): void {
    const connection = this.#connection;
    const fresh = this.#fresh;
    this.#lines.opened();
    if (this.status === "open" && !fresh) return;
    const reset = fresh && this.#everOpened;
    this.#fresh = false;
    this.#everOpened = true;
    this.status = "open";
    // What services do to find their way again comes first, then what has waited, then what listeners do.
    if (reset) this.services.tell("reset");
    this.#queue.send();
    // Each of them may have closed it.
    const tell = (name: "resumed" | "reset" | "open"): void => {
      if (this.connection === connection) this.events.emit(name, undefined);
    };
    if (this.connection === connection) this.events.emit("status", "open");
    if (reset) tell("reset");
    tell(fresh ? "open" : "resumed");
  }

  /** Lets go of what was the socket's. */
  #suspend(): void {
    this.auth.drop();
    this.#connection?.detach();
  }

  /** Lets go of the connection. */
  #end(error: PrismError): void {
    const connection = this.#connection;
    this.#connection = this.#token = undefined;
    connection?.end(error);
  }
}
