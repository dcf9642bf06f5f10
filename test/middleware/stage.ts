import type { ConnectionHandle } from "../../src/service/contexts.ts";
import { Emitter } from "../../src/service/emitter.ts";
import type { AppEvents, LimitEvent } from "../../src/service/hosts.ts";
import type { Inbound, Middleware } from "../../src/service/middleware.ts";
import { isPrismError, type PrismError } from "../../src/wire/errors.ts";
import type { Clock } from "../../src/wire/clock.ts";
import type { Body } from "../../src/wire/frames.ts";
import { FakeClock } from "../../src/testing/fake-clock.ts";

/** A connection that is only looked at, and closed. */
export interface FakeConnection extends ConnectionHandle {
  closed: boolean;
  reason: string | undefined;
}

/** What a message is; a call from a connection of its own where nothing is said. */
export interface Sent {
  readonly from?: FakeConnection;
  readonly kind?: "message" | "call";
  readonly body?: Body;
  readonly service?: string;
  readonly session?: string;
}

/** Middleware by itself: what it is given, what it lets through, and what it tells. */
export class Stage {
  readonly limits: LimitEvent[] = [];
  readonly errors: unknown[] = [];
  /** The bodies that passed, in order. */
  readonly passed: Body[] = [];
  readonly client: FakeConnection;
  readonly clock: Clock;
  readonly #middleware: Middleware;
  readonly #events = new Emitter<AppEvents>((error) => this.errors.push(error));
  #connections = 0;

  constructor(middleware: Middleware, clock: Clock = new FakeClock()) {
    this.clock = clock;
    this.#middleware = middleware;
    this.client = this.connect();
    this.#events.on("limit", (event) => this.limits.push(event));
    this.#events.on("error", (error) => this.errors.push(error));
  }

  /** Lets time go by, and nothing else. */
  wait(ms: number): void {
    (this.clock as FakeClock).hold(ms);
  }

  /** The levels of the events that came since it was last asked. */
  levels(): string[] {
    return this.limits.splice(0).map(({ level }) => level);
  }

  connect(remoteAddress?: string): FakeConnection {
    const connection: FakeConnection = {
      id: `c${++this.#connections}`,
      state: {},
      remoteAddress,
      closed: false,
      suspended: false,
      reason: undefined,
      drained: () => Promise.resolve(),
      close(reason) {
        this.closed = true;
        this.reason = reason;
      },
    };
    return connection;
  }

  /** What the middleware returns, or throws. */
  hand({ from = this.client, kind = "call", body = "", service = "it", session = "s" }: Sent = {}): unknown {
    const inbound: Inbound = {
      connection: from,
      session: { id: session, data: {} } as Inbound["session"],
      service,
      kind,
      body,
      clock: this.clock,
      events: this.#events,
    };
    return this.#middleware(inbound, ({ body }) => {
      this.passed.push(body);
      return "passed";
    });
  }

  /** Whether it passes, and else with which code it fails; `dropped` for a message. Not for what is late. */
  send(sent?: Sent): string {
    const result = outcome(() => this.hand(sent));
    if (result instanceof Promise) throw new TypeError("It is late");
    return result as string;
  }

  /** The same, also for what is late. */
  async sendLate(sent?: Sent): Promise<string> {
    try {
      return ((await this.hand(sent)) as string | undefined) ?? "dropped";
    } catch (error) {
      return toCode(error);
    }
  }

  /** How many of as many messages pass at once. */
  flood(count: number, sent?: Sent): number {
    let passed = 0;
    for (let i = 0; i < count; i++) if (this.send(sent) === "passed") passed++;
    return passed;
  }

  /** What a call is refused with. */
  refusal(sent?: Sent): PrismError {
    try {
      this.hand(sent);
    } catch (error) {
      if (isPrismError(error)) return error;
      throw error;
    }
    throw new Error("It is not refused");
  }
}

function outcome(run: () => unknown): unknown {
  try {
    return run() ?? "dropped";
  } catch (error) {
    return toCode(error);
  }
}

function toCode(error: unknown): string {
  if (!isPrismError(error)) throw error;
  return error.code;
}
