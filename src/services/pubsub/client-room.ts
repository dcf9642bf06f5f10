import type { Ids } from "./ids.ts";
import type { Call } from "../../service/call.ts";
import { Emitter, type Off } from "../../service/emitter.ts";
import type { ClientHost } from "../../service/hosts.ts";
import { readValue } from "../../service/values.ts";
import { isPrismError, PrismError } from "../../wire/errors.ts";
import { writeFrame, type Body } from "../../wire/frames.ts";
import { writeNumber } from "../../wire/numbers.ts";
import { readHistory } from "./client-history.ts";
import { Mailbox } from "./client-mailbox.ts";
import { RoomPresence, type PresenceOwner } from "./client-presence.ts";
import { PUBLISH, UNSUBSCRIBE, writeSubscribe, type Announcement } from "./contract.ts";
import type {
  ChannelEvents,
  ClientChannel,
  HistoryRequest,
  MessageInfo,
  PastMessage,
  SubscribeOptions,
} from "./client-api.ts";
import { writeNow } from "./client-value.ts";
import { Wants, type Guard, type Want } from "./client-wants.ts";
import type { PublishCallOptions } from "./types.ts";

/** What a channel needs of the client's others. */
export interface ClientRoomOwner {
  readonly host: ClientHost<Body, Body>;
  readonly ids: Ids;
  readonly subscriptions: Map<number, ClientRoom>;
  readonly numbers: Map<number, ClientRoom>;
  call<Result = unknown, Item = never>(write: () => Body, options?: object): Call<Result, Item>;
  readonly guard: Guard;
  free(number: number): void;
}

/** The server says nothing of a subscription until it has it: the connection tells if it is lost. */
const PATIENT = { timeout: Infinity, idempotent: true };

/** A channel at the client. */
export class ClientRoom implements ClientChannel<unknown, unknown, unknown>, PresenceOwner {
  readonly name: string;
  readonly presence: RoomPresence;
  readonly #owner: ClientRoomOwner;
  readonly #events: Emitter<ChannelEvents>;
  readonly #wants = new Wants();
  /** Its number, from when it is asked for until that is over. */
  number: number | undefined;
  /** The server's number. */
  #channel: number | undefined;
  /** Settles when the server has said yes or no. */
  #asked: Promise<void> | undefined;
  /** Whether it was announced once, and goes on. */
  #begun = false;
  #announced = false;
  #position: { offset: number; epoch: string } | undefined;
  /** How many messages that follow were published before. */
  #past = 0;
  #last = 0;

  constructor(name: string, owner: ClientRoomOwner) {
    this.name = name;
    this.#owner = owner;
    this.#events = new Emitter((error) => this.log("A listener failed", error));
    this.presence = new RoomPresence(this);
  }

  get subscribed(): boolean {
    return this.#announced;
  }

  on(listener: NonNullable<Want["hear"]>): Off;
  on<Name extends keyof ChannelEvents>(name: Name, listener: (value: ChannelEvents[Name]) => void): Off;
  on(first: Want["hear"] | keyof ChannelEvents, second?: (value: never) => void): Off {
    return typeof first === "string" ? this.#events.on(first, second as never) : this.want({ hear: first });
  }

  async subscribe({ last = 0 }: SubscribeOptions = {}): Promise<Off> {
    if (this.#asked === undefined) this.#last = last;
    const off = this.want();
    try {
      await this.#asked;
    } catch (error) {
      off();
      throw error;
    }
    return off;
  }

  /** Has it subscribed, until what is returned is called. */
  want(want: Want = {}): Off {
    const off = this.#wants.add(want, () => this.#leave());
    if (this.#asked === undefined) this.#ask();
    return off;
  }

  /** Settles when the server has said yes or no. */
  get asked(): Promise<void> {
    return this.#asked ?? Promise.resolve();
  }

  [Symbol.asyncIterator](): AsyncIterator<unknown> {
    const mailbox = new Mailbox(() => off());
    const off = this.want({ hear: (message) => mailbox.put(message), fail: (error) => mailbox.fail(error) });
    return mailbox;
  }

  publish(input?: unknown, options?: PublishCallOptions): Call<void> {
    // What it is now, whenever it is sent.
    const value = writeNow(input);
    const write = (): Body => {
      const to = this.number !== undefined && this.#announced ? writeNumber(this.number) : `${PUBLISH}${this.name} `;
      return writeFrame(to, value());
    };
    return this.#owner.call<void>(write, options);
  }

  history(request?: HistoryRequest): Promise<readonly PastMessage<unknown>[]> {
    return readHistory((write) => this.#owner.call(write, { idempotent: true }), this.name, request);
  }

  request(write: () => string): Promise<unknown> {
    return this.#owner.call(write, PATIENT);
  }

  log(message: string, error: unknown): void {
    this.#owner.host.log(message, error);
  }

  unsubscribe(): void {
    this.presence.stop();
    this.#leave();
    this.#wants.fail(new PrismError("closed", "Unsubscribed"));
    this.#wants.clear();
  }

  // --- asking ---

  #ask(): void {
    const number = (this.number ??= this.#owner.ids.take());
    this.#owner.subscriptions.set(number, this);
    const write = (): Body => {
      const { offset: o, epoch: e } = this.#position ?? {};
      const p = this.presence.wanted ? 1 : undefined;
      return writeSubscribe(number, { c: this.name, o, e, n: this.#last || undefined, p });
    };
    // From its announcement on it goes on by itself, whatever becomes of the call.
    const waits = (): boolean => this.#asked === asked && !this.#announced;
    const asked: Promise<void> = this.#owner.call(write, { timeout: Infinity, idempotent: waits }).then(
      () => undefined,
      (error: unknown) => {
        const [now, lost] = [this.#asked, isPrismError(error, "lost")];
        if (lost && now !== asked && now !== undefined) return now;
        if (lost && now === asked && this.#announced) return undefined;
        if (now === asked) this.ended(error as Error);
        throw error;
      },
    );
    // Who waits for it hears of it.
    asked.catch(() => {});
    this.#asked = asked;
  }

  #leave(): void {
    const { number } = this;
    if (number === undefined) return;
    this.#forget();
    this.#owner.subscriptions.delete(number);
    // Until the server has heard of it, what it sends may still mean this one.
    const free = (): void => this.#owner.ids.free(number);
    this.#owner
      .call(() => `${UNSUBSCRIBE}${writeNumber(number)}`, { timeout: Infinity })
      .then(free, (error: unknown) => {
        // A server that did not want to hear of it has it still.
        if (isPrismError(error, "lost") || isPrismError(error, "closed")) free();
      });
  }

  #forget(): void {
    this.#unmap();
    this.#asked = this.#position = this.number = undefined;
    this.#announced = this.#begun = false;
    this.presence.forget();
  }

  #unmap(): void {
    const { numbers } = this.#owner;
    // It may be another's by now: of another server's.
    if (this.#channel !== undefined && numbers.get(this.#channel) === this) numbers.delete(this.#channel);
    this.#channel = undefined;
  }

  // --- what the server says ---

  announced({ c, o, e, l, k, r = 0 }: Announcement): void {
    const first = !this.#begun;
    // Where no offset is known, nobody can say what was missed.
    const recovered = l === undefined && (first || this.#position !== undefined);
    this.#unmap();
    this.#channel = c;
    this.#owner.numbers.set(c, this);
    this.#announced = this.#begun = true;
    this.#past = r;
    this.presence.self = k;
    this.#goOn(o, e, recovered);
    this.#events.emit("subscribed", { recovered, first });
  }

  moved({ o, e, l }: { readonly o?: number; readonly e?: string; readonly l?: 1 }): void {
    this.#goOn(o, e, l === undefined);
    if (l !== undefined) this.#events.emit("subscribed", { recovered: false, first: false });
  }

  #goOn(offset: number | undefined, epoch: string | undefined, recovered: boolean): void {
    this.#position = offset === undefined || epoch === undefined ? undefined : { offset, epoch };
    if (!recovered) this.#wants.fail(new PrismError("lost", `Messages of ${this.name} were missed`));
  }

  message(body: Body, counted: boolean): void {
    const recovered = counted && this.#past > 0;
    if (counted) this.skip();
    const message = readValue(body);
    const info: MessageInfo = { offset: counted ? this.#position?.offset : undefined, recovered };
    this.#wants.hear(this.#owner.guard, message, info);
  }

  skip(): void {
    if (this.#past > 0) this.#past--;
    if (this.#position !== undefined) this.#position.offset++;
  }

  /** The server has said no, or has ended it. */
  ended(error: Error): void {
    const { number } = this;
    this.#forget();
    if (number !== undefined) this.#owner.free(number);
    this.#wants.fail(error);
    this.#events.emit("ended", error);
    if (!isPrismError(error, "closed")) this.log(`Subscription of ${this.name} ended`, error);
  }

  /** The client has stopped; where it is opened again, its connection is another one. */
  stopped(): void {
    this.#wants.fail(new PrismError("closed"));
  }

  /** There is another connection, which knows nothing of it. */
  reset(): void {
    const was = this.#announced;
    this.#channel = undefined;
    this.#announced = false;
    // One that was asked for and not announced is asked for again by its call.
    if (was) this.#ask();
  }
}
