import { PrismError } from "../wire/errors.ts";
import type { Frame } from "../wire/frames.ts";
import { checkFrameSize } from "../wire/packets.ts";
import { Connection } from "./connection.ts";
import { deaf } from "./deaf.ts";
import type { Answering, Exchange } from "./exchange.ts";
import { Load } from "./load.ts";
import type { ParkedConnection, ServerConnectionOptions } from "./options.ts";
import { areBusy, parkCalls, unparkCalls } from "./parked-calls.ts";
import type { Receiver } from "./receiver.ts";
import { ServerCalls } from "./server-calls.ts";
import { ServerOutbox } from "./server-outbox.ts";

/** A connection at a server: it is bounded, is sent what others are sent, too, and may go to another server. */
export class ServerConnection extends Connection {
  declare protected readonly outbox: ServerOutbox;
  declare readonly options: ServerConnectionOptions;
  #load: Load | undefined;
  #parks = false;

  /**
   * @param receiver who takes what arrives
   * @param options what it needs to know
   */
  constructor(receiver: Receiver, options: ServerConnectionOptions) {
    super(receiver, options, new ServerOutbox(options, options.heard));
  }

  /** What the calls and items of the peer weigh. */
  get load(): Load {
    return (this.#load ??= new Load(this.options));
  }

  protected override createCalls(): ServerCalls {
    return new ServerCalls(this);
  }

  /** Whether there is a socket. */
  get attached(): boolean {
    return this.link !== undefined;
  }

  /** Whether a call is in progress that somebody waits for, at either end. */
  get busy(): boolean {
    return areBusy(this.calls);
  }

  /** What waits to be given to a socket, in bytes or characters. */
  get waiting(): number {
    return this.outbox.size;
  }

  /** Lets those who wait for room look again. */
  wake(): void {
    this.outbox.wake();
  }

  /**
   * From which count on a peer can go on that offers its own; see `ServerOutbox.offered`.
   *
   * @param count how many frames it says that it has received
   */
  offered(count: number): number | undefined {
    return this.lasting ? this.outbox.offered(count) : undefined;
  }

  took(exchange: Exchange): void {
    this.load.took(exchange);
  }

  override ended(answering: Answering): void {
    this.load.unstream(answering, 3);
    super.ended(answering);
  }

  override send(frame: Frame): void {
    if (this.over) return;
    const { volley } = this.options;
    if (volley?.pending) volley.catchUp(this.receiver);
    checkFrameSize(frame, this.options.frameOut);
    if (this.#parks) this.outbox.push(frame);
    else if (this.outbox.offer(frame, this.link !== undefined)) this.link?.mark();
    else this.receiver.overflow?.();
  }

  /** Sends counted frames, no calls, that others are sent, too, when the turn is over. For a server's volley only. */
  sendAll(frames: readonly Frame[], size: number): void {
    if (this.over) return;
    if (!this.#parks && this.outbox.offerAll(frames, size, this.link !== undefined)) this.link?.mark();
    else for (const frame of frames) this.send(frame);
  }

  override sendCall(frame: Frame): void {
    const { volley } = this.options;
    if (volley?.pending) volley.catchUp(this.receiver);
    this.outbox.pushCall(frame);
    this.link?.mark();
  }

  override drain(): readonly Frame[] {
    const { volley } = this.options;
    if (volley?.pending) volley.catchUp(this.receiver);
    return this.outbox.take();
  }

  /**
   * Hands over what another server goes on with, and ends it here: calls in progress fail with `lost`, at both ends, and
   * from its socket nothing is taken any more.
   *
   * @param rest frames that were held back, which go along
   */
  park(rest: readonly Frame[] = []): ParkedConnection {
    const { link } = this;
    this.detach();
    if (link !== undefined) link.connection = deaf;
    // What says how calls end goes along, however much waits.
    this.#parks = true;
    this.options.volley?.catchUp(this.receiver);
    for (const frame of rest) this.outbox.push(frame);
    const error = new PrismError("lost");
    const taken = parkCalls(this.calls, error);
    const parked = { ...this.outbox.park(), received: this.received, taken };
    this.end(error);
    return parked;
  }

  /** Takes over what another server has handed over. */
  unpark(parked: ParkedConnection): void {
    this.lasting = true;
    this.outbox.unpark(parked);
    this.receipts.received = parked.received;
    unparkCalls(this.calls, parked.taken);
  }
}
