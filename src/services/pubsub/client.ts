/**
 * The client half of pubsub.
 *
 * @module
 */
import { Ids } from "./ids.ts";
import type { Call } from "../../service/call.ts";
import type { ClientHost } from "../../service/hosts.ts";
import { isThenable } from "../../service/thenable.ts";
import { raw, readValue, values } from "../../service/values.ts";
import { PrismError } from "../../wire/errors.ts";
import { writeFrame, type Body } from "../../wire/frames.ts";
import { writeNow } from "./client-value.ts";
import type { Guard } from "./client-wants.ts";
import { ClientRoom, type ClientRoomOwner } from "./client-room.ts";
import {
  CHANGE,
  EVENT,
  hasNumber,
  MOVED,
  openBody,
  PRESENCE,
  restOf,
  SKIP,
  SUBSCRIBE,
  takeName,
  takeNumber,
  takeObject,
  UNCOUNTED,
  UNSUBSCRIBE,
  type Announcement,
} from "./contract.ts";
import { toName } from "./names.ts";
import type { PubsubHalf, UntypedPubsubClient } from "./client-api.ts";
import type { PublishCallOptions } from "./types.ts";

export type * from "./client-api.ts";
export type { Params } from "./patterns.ts";
export type * from "./types.ts";

/**
 * The client half of a pubsub service, for `connect`.
 *
 * @returns the half
 * @example connect<App>(url, { services: { rooms: pubsub() } })
 */
export function pubsub(): PubsubHalf {
  return {
    kind: "pubsub",
    codec: values,
    callCodec: raw,
    messageCodec: raw,
    client: (host: ClientHost<Body, Body>) => new ClientHub(host).api,
  };
}

type Listener = (data: never) => unknown;

/** The channels of a client. */
class ClientHub implements ClientRoomOwner {
  readonly host: ClientHost<Body, Body>;
  readonly ids: Ids = new Ids();
  /** By the client's numbers: those that are subscribed, or about to be. */
  readonly subscriptions: Map<number, ClientRoom> = new Map();
  /** By the server's numbers. */
  readonly numbers: Map<number, ClientRoom> = new Map();
  readonly #rooms = new Map<string, ClientRoom>();
  /** Runs a user's listener: what it throws is logged. */
  readonly guard: Guard;
  readonly #listeners = new Map<string, readonly Listener[]>();

  constructor(host: ClientHost<Body, Body>) {
    this.host = host;
    const failed = (error: unknown): void => host.log("A listener failed", error);
    this.guard = (run, first, second) => {
      try {
        const late = run(first, second);
        if (isThenable(late)) Promise.resolve(late).catch(failed);
      } catch (error) {
        failed(error);
      }
    };
    host.onmessage((body) => this.#take(body));
    host.oncall((body) => {
      const cursor = openBody(body);
      if (cursor.text[cursor.at++] !== EVENT) throw new PrismError("not_found");
      return this.#answer(takeName(body, cursor), readValue(restOf(body, cursor)));
    });
    host.onclose(() => {
      for (const room of this.#rooms.values()) room.stopped();
    });
    host.onreset(() => {
      this.numbers.clear();
      for (const room of this.#rooms.values()) room.reset();
    });
  }

  get api(): UntypedPubsubClient {
    const channel = (pattern: string, params?: Readonly<Record<string, string | number>>): ClientRoom => {
      const name = toName(pattern, params);
      let room = this.#rooms.get(name);
      if (room === undefined) this.#rooms.set(name, (room = new ClientRoom(name, this)));
      return room;
    };
    const api = {
      channel,
      emit: (name: string, data: unknown, options?: PublishCallOptions): Call<unknown> => {
        const value = writeNow(data);
        return this.call(() => writeFrame(`${EVENT}${name} `, value()), options);
      },
      on: (name: string, listener: (data: never) => unknown) => {
        const own: Listener = (data) => listener(data);
        this.#listeners.set(name, [...this.#listenersOf(name), own]);
        return () => {
          const others = this.#listenersOf(name).filter((other) => other !== own);
          this.#listeners.set(name, others);
        };
      },
    };
    return api;
  }

  /** Calls the server. What cannot be written fails the call. */
  call<Result = unknown, Item = never>(write: () => Body, options?: object): Call<Result, Item> {
    return this.host.call<Result, Item>(write, options);
  }

  #listenersOf(name: string): readonly Listener[] {
    return this.#listeners.get(name) ?? [];
  }

  /** The last listener answers. */
  #answer(name: string, data: unknown): unknown {
    const listeners = this.#listenersOf(name);
    const last = listeners.at(-1);
    if (last === undefined) throw new PrismError("not_found", `Nobody listens to ${name}`);
    for (const other of listeners.slice(0, -1)) this.guard(other, data as never, undefined);
    return last(data as never);
  }

  #take(body: Body): void {
    const cursor = openBody(body);
    if (hasNumber(cursor)) return this.numbers.get(takeNumber(cursor))?.message(restOf(body, cursor), true);
    const mark = cursor.text[cursor.at++];
    switch (mark) {
      case SUBSCRIBE: {
        const announcement = takeObject(body, cursor) as unknown as Announcement;
        // Of another server it may have been another's, also where nobody here wants this one any more.
        this.numbers.delete(announcement.c);
        return this.subscriptions.get(announcement.s)?.announced(announcement);
      }
      case UNSUBSCRIBE: {
        const { s, code, message } = takeObject(body, cursor) as { s: number; code: string; message: string };
        return this.subscriptions.get(s)?.ended(new PrismError(code, message));
      }
      case PRESENCE: {
        const { s, m, k } = takeObject(body, cursor) as { s: number; m?: [string, unknown][]; k?: string };
        const presence = this.subscriptions.get(s)?.presence;
        if (presence !== undefined && k !== undefined) presence.self = k;
        if (m !== undefined) presence?.snapshot(new Map(m));
        return;
      }
      case EVENT: {
        const name = takeName(body, cursor);
        const data = readValue(restOf(body, cursor));
        for (const listener of this.#listenersOf(name)) this.guard(listener, data as never, undefined);
        return;
      }
      default:
    }
    const room = this.numbers.get(takeNumber(cursor));
    if (mark === UNCOUNTED) room?.message(restOf(body, cursor), false);
    else if (mark === SKIP) room?.skip();
    else if (mark === MOVED) room?.moved(takeObject(body, cursor));
    else if (mark === CHANGE) room?.presence.change(takeObject(body, cursor) as unknown as [string, unknown?][]);
  }

  /** Forgets a subscription's number, which may be another's from now on. */
  free(number: number): void {
    this.subscriptions.delete(number);
    this.ids.free(number);
  }
}
