import type { Channels } from "../broker/channels.ts";
import { Group, type Taker, type Volley } from "../connection/volley.ts";
import type { AssetFolder } from "../service/asset.ts";
import { Calling, type Call, type CallOptions } from "../service/call.ts";
import type { ConnectionHandle, MessageContext, ServiceCallContext } from "../service/contexts.ts";
import { toShallowCodec } from "../service/depth.ts";
import { Emitter } from "../service/emitter.ts";
import type { BroadcastOptions, ServerHost, ServiceStorage } from "../service/hosts.ts";
import type { Middleware } from "../service/middleware.ts";
import type { Service } from "../service/service.ts";
import { prepareCodecs } from "../service/prepare-codecs.ts";
import { ServerAnswer, type ServerAnswerOptions } from "../service/server-answer.ts";
import { toServiceCodecs, type ServiceCodecs } from "../service/service-codecs.ts";
import type { Clock } from "../wire/clock.ts";
import { isWireError, PrismError } from "../wire/errors.ts";
import { writeFrame, type Body, type Frame } from "../wire/frames.ts";
import type { Limits } from "../wire/limits.ts";
import { writeNumber } from "../wire/numbers.ts";
import { CallContext } from "./call-context.ts";
import { Closers } from "./closers.ts";
import { once } from "./once.ts";
import type { Peer } from "./peer.ts";
import { readBody } from "./read-body.ts";
import type { Reports } from "./reports.ts";

/** What a service needs of the app. */
export interface EntryOwner {
  readonly clock: Clock;
  readonly limits: Limits;
  readonly describe: ServerAnswerOptions["describe"];
  /** The peers that are connected, and what many of them are sent alike. */
  readonly peers: ReadonlySet<Peer>;
  readonly volley: Volley;
  /** Where services add files. */
  readonly folder: AssetFolder;
  /** The storage of a service. */
  storageOf(service: string): ServiceStorage;
  /** The channels of a service. */
  channelsOf(service: string): Channels;
  readonly reports: Reports;
}

/** A message on its way to its listeners. */
interface Delivery {
  body: unknown;
  context: MessageContext | undefined;
}

interface EntryEvents {
  readonly message: Delivery;
  readonly connect: ConnectionHandle;
  readonly reset: ConnectionHandle;
  readonly disconnect: ConnectionHandle;
}

/** A service, registered: its number, and its server half with what it listens to. */
export class ServiceEntry {
  readonly name: string;
  readonly number: number;
  readonly service: Service;
  /** What stands before this service alone. */
  readonly middleware: Middleware[] = [];
  /** What the server half gives the app. */
  readonly api: unknown;
  readonly #owner: EntryOwner;
  readonly #codecs: ServiceCodecs;
  readonly #header: string;
  readonly #events: Emitter<EntryEvents>;
  readonly #answerOptions: ServerAnswerOptions;
  readonly #closers = new Closers();
  /** The message that is being handed out: one object for all of them. */
  readonly #delivery: Delivery = { body: undefined, context: undefined };
  #handler: ((body: unknown, context: ServiceCallContext) => unknown) | undefined;
  #park: ((connection: ConnectionHandle) => unknown) | undefined;
  #unpark: ((connection: ConnectionHandle, parked: unknown) => void) | undefined;

  /**
   * @param name the service's name
   * @param number its number on the wire
   * @param service the service
   * @param owner the app
   */
  constructor(name: string, number: number, service: Service, owner: EntryOwner) {
    this.name = name;
    this.number = number;
    this.service = service;
    this.#owner = owner;
    this.#codecs = toServiceCodecs(prepareCodecs(service));
    this.#header = writeNumber(number);
    this.#events = new Emitter((error, event) => this.#failed(`A listener to ${event} failed`, error));
    this.#answerOptions = {
      codec: toShallowCodec(this.#codecs.value, owner.limits.depth),
      describe: owner.describe,
      failed: (error) => this.#failed("A handler failed", error),
      refused: ({ code, message }) => owner.reports.refusedCall(this.name, code, message),
    };
    this.api = service.server(this.#createHost() as never);
  }

  /** Whether it answers calls. */
  get answers(): boolean {
    return this.#handler !== undefined;
  }

  /** Makes the answer to a call. */
  createAnswer(): ServerAnswer {
    return new ServerAnswer(this.#answerOptions);
  }

  /**
   * Hands a message to the service.
   *
   * @returns a promise only if the service's schema is asynchronous
   * @throws {WireError} if its text is not valid UTF-8
   * @throws {PrismError} `bad_input` if it cannot be read or does not fit, also as a rejection
   */
  message(peer: Peer, body: Body): unknown {
    const value = readBody(this.#codecs.message, body, this.service.up, this.#owner.limits.depth);
    if (value instanceof Promise) return this.#deliverLate(value, peer);
    return this.#deliver(value, peer);
  }

  #deliver(value: unknown, peer: Peer): void {
    const delivery = this.#delivery;
    // A listener may bring in another message before the others have heard of this one.
    const { body, context } = delivery;
    delivery.body = value;
    delivery.context = peer;
    this.#events.emit("message", delivery);
    delivery.body = body;
    delivery.context = context;
  }

  async #deliverLate(value: Promise<unknown>, peer: Peer): Promise<void> {
    const late = await value;
    if (!peer.closed) this.#deliver(late, peer);
  }

  /**
   * Hands a call to the service.
   *
   * @throws {WireError} if its text is not valid UTF-8
   */
  call(peer: Peer, answer: ServerAnswer, body: Body): void {
    const handler = this.#handler!;
    let value: unknown;
    try {
      value = readBody(this.#codecs.call, body, this.service.up, this.#owner.limits.depth);
    } catch (error) {
      if (isWireError(error)) throw error;
      answer.fail(error);
      return answer.rest();
    }
    const context = new CallContext(peer, answer);
    if (value instanceof Promise) {
      value.then(
        (late) => answer.run(handler, late, context),
        (error) => {
          answer.fail(error);
          answer.rest();
        },
      );
    } else answer.run(handler, value, context);
  }

  /** Tells the service of a connection. */
  connected(peer: Peer): void {
    this.#events.emit("connect", peer);
  }

  /** What another server needs of the service's own to go on with a connection; `undefined` where that is nothing. */
  park(peer: Peer): unknown {
    return this.#park?.(peer);
  }

  /** Goes on with a connection that another server has handed over, with what the service there has parked, if it has. */
  unpark(peer: Peer, parked: unknown): void {
    if (parked === undefined || this.#unpark === undefined) this.connected(peer);
    else this.#unpark(peer, parked);
  }

  /** Tells the service that a connection has ended, and whether what was sent to it last may not have arrived. */
  disconnected(peer: Peer, reset: boolean): void {
    if (reset) this.#events.emit("reset", peer);
    this.#events.emit("disconnect", peer);
  }

  /** Tells the service that the app is closed. */
  close(): Promise<void> {
    return this.#closers.run((error) => this.#failed("Closing failed", error));
  }

  #failed(message: string, error: unknown): void {
    this.#owner.reports.failed(message, error, { service: this.name });
  }

  #frame(body: unknown): Frame {
    return writeFrame(this.#header, this.#codecs.message.encode(body));
  }

  #broadcast(body: unknown, options: BroadcastOptions = {}): void {
    const frame = this.#frame(body);
    const { to = this.#owner.peers, except, volatile, conflate } = options;
    if (to instanceof Group && !(except || volatile || conflate !== undefined)) to.send(frame);
    else for (const peer of to as Iterable<Peer>) if (peer !== except) peer.post(frame, options);
  }

  #call<Result, Item>(to: Peer, body: unknown, options: CallOptions | undefined): Call<Result, Item> {
    const { clock, limits } = this.#owner;
    const timeout = options?.timeout ?? limits.timeout;
    const call = new Calling<Result, Item>(options, { codec: this.#codecs.value, clock, timeout });
    if (call.settled) return call;
    try {
      if (to.closed) throw new PrismError("lost");
      to.ask(this.number, this.#codecs.call.encode(body), call);
      call.start();
    } catch (error) {
      call.fail(error);
    }
    return call;
  }

  // Closures, so that a service may take the host apart.
  #createHost(): ServerHost {
    const owner = this.#owner;
    return {
      name: this.name,
      limits: owner.limits,
      events: owner.reports.events,
      log: owner.reports.logOf(this.name),
      storage: owner.storageOf(this.name),
      channels: owner.channelsOf(this.name),
      sessionOf: (connection) => (connection as Peer).session,
      assets: owner.folder,
      connections: owner.peers,
      onmessage: (listener) => this.#events.on("message", ({ body, context }) => listener(body, context!)),
      oncall: (handler) => {
        this.#handler = once(this.#handler, handler, `Service ${this.name} answers calls already`);
      },
      initOf: (connection) => {
        const { numbering } = connection as Peer;
        return numbering === undefined ? this.service.init : numbering.initOf(this.number);
      },
      send: (to, body) => (to as Peer).post(this.#frame(body)),
      broadcast: (body, options) => this.#broadcast(body, options),
      group: () => new Group(owner.volley) as Set<Taker> as Set<never>,
      call: (to, body, options) => this.#call(to as Peer, body, options),
      onconnect: (listener) => this.#events.on("connect", listener),
      onreset: (listener) => this.#events.on("reset", listener),
      ondisconnect: (listener) => this.#events.on("disconnect", listener),
      onpark: (park) => {
        this.#park = once(this.#park, park, `Service ${this.name} parks already`);
      },
      onunpark: (unpark) => {
        this.#unpark = once(this.#unpark, unpark, `Service ${this.name} unparks already`);
      },
      onclose: (listener) => this.#closers.add(listener),
    };
  }
}
