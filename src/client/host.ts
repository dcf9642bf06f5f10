import { Answer } from "../service/answer.ts";
import { Calling, type Call, type CallOptions } from "../service/call.ts";
import type { ClientCallContext } from "../service/contexts.ts";
import { Emitter, type Off } from "../service/emitter.ts";
import type { ClientHost, ConnectionStatus } from "../service/hosts.ts";
import type { ClientHalf } from "../service/service.ts";
import type { Connection } from "../connection/connection.ts";
import type { Clock } from "../wire/clock.ts";
import { toServiceCodecs, type ServiceCodecs } from "../service/service-codecs.ts";
import { isWireError, PrismError } from "../wire/errors.ts";
import { writeFrame, type Body } from "../wire/frames.ts";
import { writeNumber } from "../wire/numbers.ts";
import type { Queued } from "./queue.ts";

/** What the client's services need of the client. */
export interface Backbone {
  readonly status: ConnectionStatus;
  /** The connection, while it is open. */
  readonly connection: Connection | undefined;
  readonly clock: Clock;
  /** How long a callee may be silent where its call says nothing, in ms. */
  readonly timeout: number;
  /** Has something sent when the connection is open. Throws `busy` or `closed` where it cannot wait. */
  enqueue(item: Queued, send: () => void): void;
  /** Writes to the client's log. */
  log(message: string, data: unknown, service: string): void;
}

interface SlotEvents {
  readonly message: unknown;
  readonly reset: undefined;
  readonly close: undefined;
}

/** One service at the client: what its half gives, and what arrives for it. */
export class Slot {
  /** What the half gives the client's user. */
  readonly api: unknown;
  readonly kind: string;
  readonly #name: string;
  readonly #backbone: Backbone;
  readonly #codecs: ServiceCodecs;
  readonly #events: Emitter<SlotEvents>;
  #handler: ((body: unknown, context: ClientCallContext) => unknown) | undefined;
  /** The service's number on this connection; `undefined` where the server has no such service. */
  #number: number | undefined;
  #init: unknown;

  /**
   * @param name the service's name
   * @param half its client half
   * @param backbone the client
   */
  constructor(name: string, half: ClientHalf, backbone: Backbone) {
    if (typeof half?.client !== "function")
      throw new TypeError(`Service ${name} is given no client half: ${typeof half}`);
    this.#name = name;
    this.#backbone = backbone;
    this.kind = half.kind;
    this.#codecs = toServiceCodecs(half);
    this.#events = new Emitter((error) => this.#log("A listener failed", error));
    this.api = half.client(this.#createHost() as never);
  }

  /** Takes what the welcome says of the service, if it says anything. */
  welcome(number: number | undefined, init: unknown): void {
    this.#number = number;
    this.#init = init;
    if (number === undefined) this.#log("No such service");
  }

  /** Tells the half that a new connection has taken the place of a lost one, or that the client has stopped. */
  tell(what: "reset" | "close"): void {
    this.#events.emit(what, undefined);
  }

  /** Takes a message from the server. */
  message(body: Body): void {
    try {
      this.#events.emit("message", this.#codecs.message.decode(body));
    } catch (error) {
      if (isWireError(error)) throw error;
      this.#log("Unreadable message", error);
    }
  }

  /** Takes a call from the server. */
  call(connection: Connection, id: number, body: Body): void {
    if (this.#handler === undefined) return connection.refuse(id, "not_found");
    const answer = new Answer({
      codec: this.#codecs.value,
      failed: (error) => this.#log("A handler failed", error),
    });
    connection.answer(id, answer);
    let input: unknown;
    try {
      input = this.#codecs.call.decode(body);
    } catch (error) {
      if (isWireError(error)) throw error;
      return answer.fail(new PrismError("bad_input"));
    }
    const context: ClientCallContext = {
      get signal() {
        return answer.signal;
      },
      get items() {
        return answer.items;
      },
    };
    answer.run(this.#handler, input, context);
  }

  #log(message: string, data?: unknown): void {
    this.#backbone.log(message, data, this.#name);
  }

  // Closures, so that a half may take the host apart.
  #createHost(): ClientHost {
    // oxlint-disable-next-line typescript/no-this-alias -- in a getter, `this` is the object that has it
    const slot = this;
    return {
      get init() {
        return slot.#init;
      },
      get status() {
        return slot.#backbone.status;
      },
      log: (message, data) => this.#log(message, data),
      send: (body) => this.#send(this.#codecs.message.encode(body)),
      call: (body, options) => this.#call(body, options),
      onmessage: (listener): Off => this.#events.on("message", listener),
      onreset: (listener): Off => this.#events.on("reset", listener),
      onclose: (listener): Off => this.#events.on("close", listener),
      oncall: (handler) => {
        if (this.#handler !== undefined) throw new TypeError(`Service ${this.#name} answers calls already`);
        this.#handler = handler;
      },
    };
  }

  #send(body: Body): void {
    const send = (): void => {
      if (this.#number !== undefined) this.#backbone.connection?.send(writeFrame(writeNumber(this.#number), body));
    };
    if (this.#backbone.connection !== undefined) return send();
    const guarded = (): void => {
      try {
        send();
      } catch (error) {
        this.#log("Message not sent", error);
      }
    };
    this.#backbone.enqueue({ deadline: Infinity, settled: false, fail: () => {} }, guarded);
  }

  #call<Result, Item>(body: unknown, options: CallOptions | undefined): Call<Result, Item> {
    const call = new Calling<Result, Item>(options, {
      codec: this.#codecs.value,
      clock: this.#backbone.clock,
      timeout: options?.timeout ?? this.#backbone.timeout,
    });
    if (call.settled) return call;
    try {
      const encoded = typeof body === "function" ? (body as () => unknown) : this.#codecs.call.encode(body);
      const send = (): void => {
        try {
          if (this.#number === undefined) throw new PrismError("not_found", `No service ${this.#name}`);
          const frame = typeof encoded === "function" ? this.#codecs.call.encode(encoded()) : encoded;
          const { connection } = this.#backbone;
          // What has just run may have closed it.
          if (connection === undefined) throw new PrismError("closed");
          connection.ask(this.#number, frame, call);
          call.start();
        } catch (error) {
          call.fail(error);
        }
      };
      const make = (): void => {
        if (this.#backbone.connection !== undefined) send();
        else this.#backbone.enqueue(call, send);
      };
      const { idempotent } = options ?? {};
      if (idempotent !== undefined && idempotent !== false) {
        call.again = () => {
          if (typeof idempotent === "function" && !idempotent()) return false;
          try {
            make();
            return true;
          } catch {
            return false;
          }
        };
      }
      make();
    } catch (error) {
      call.fail(error);
    }
    return call;
  }
}
