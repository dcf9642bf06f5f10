import type { ServerAnswer } from "../service/server-answer.ts";
import type { ConnectionHandle } from "../service/contexts.ts";
import type { AppEvents, EventBus } from "../service/hosts.ts";
import type { Inbound } from "../service/middleware.ts";
import type { Session } from "../session/session.ts";
import type { Clock } from "../wire/clock.ts";
import type { Body } from "../wire/frames.ts";
import type { ServiceEntry } from "./entry.ts";
import type { Peer } from "./peer.ts";

/** What middleware is told of the app. */
export interface Surroundings {
  readonly clock: Clock;
  readonly events: EventBus<AppEvents>;
}

/** A message or call between the wire and its service, for middleware to see. One after the other may use the object. */
export class Passage implements Inbound {
  readonly connection: ConnectionHandle;
  readonly peer: Peer;
  kind: "message" | "call" = "message";
  body: Body = "";
  entry: ServiceEntry;
  answer: ServerAnswer | undefined;
  /** Whether it has come through to its service. */
  arrived = false;
  /** Whether the middleware is done with it: it is let through no more. */
  over = false;
  readonly #app: Surroundings;

  /**
   * @param peer whose messages and calls
   * @param entry the service that the first is for
   * @param app the app
   */
  constructor(peer: Peer, entry: ServiceEntry, app: Surroundings) {
    this.connection = this.peer = peer;
    this.entry = entry;
    this.#app = app;
  }

  get service(): string {
    return this.entry.name;
  }

  get session(): Session {
    return this.peer.session;
  }

  get clock(): Clock {
    return this.#app.clock;
  }

  get events(): EventBus<AppEvents> {
    return this.#app.events;
  }

  /** Carries this message, or call, from now on. */
  begin(entry: ServiceEntry, answer: ServerAnswer | undefined, body: Body): void {
    this.kind = answer === undefined ? "message" : "call";
    this.entry = entry;
    this.answer = answer;
    this.body = body;
    this.arrived = this.over = false;
  }

  /** Is done with it, and lets go of it. */
  end(): void {
    this.over = true;
    this.answer = undefined;
    this.body = "";
  }
}
