import { createStorage } from "unstorage";
import { prism, type LogEntry, type PrismOptions } from "../../mod.ts";
import type { Handover } from "../../src/handover/handover.ts";
import type { ConnectionHandle } from "../../src/service/contexts.ts";
import type { ServerHost } from "../../src/service/hosts.ts";
import { defineService } from "../../src/service/service.ts";
import { createMemoryHandover } from "../../src/handover/memory-handover.ts";
import { createOpen, FakeServerClock, type JoinOptions } from "./raw.ts";
import { visit, visitAgain, type Visit } from "./returning.ts";

/** Messages that are bytes. */
export function createBytes(set: (host: ServerHost) => void = () => {}) {
  return defineService({
    kind: "bytes",
    codec: "bytes",
    client: (client) => client,
    server: (host) => set(host as never),
  });
}

/** What goes wrong with a step: `slow` takes place after 100 ms, `late` when the test says so. */
export type Fault = "works" | "rejects" | "hangs" | "slow" | "late";

/** A handover that fails, or takes its time, when the test says so. */
export class FaultyHandover implements Handover {
  parking: Fault = "works";
  taking: Fault = "works";
  readonly #clock: FakeServerClock;
  readonly #inner: Handover;
  #late: (() => void)[] = [];

  constructor(clock: FakeServerClock) {
    this.#clock = clock;
    this.#inner = createMemoryHandover(clock);
  }

  /** Lets what is late take place. */
  answer(): void {
    for (const run of this.#late.splice(0)) run();
  }

  park(key: string, text: string, ttl: number): Promise<void> {
    return this.#do(this.parking, () => this.#inner.park(key, text, ttl));
  }

  take(key: string): Promise<string | undefined> {
    return this.#do(this.taking, () => this.#inner.take(key));
  }

  async #do<Result>(fault: Fault, run: () => Promise<Result>): Promise<Result> {
    if (fault === "rejects") throw new Error("Connection refused");
    if (fault === "hangs") await new Promise(() => {});
    if (fault === "slow") await new Promise<void>((resolve) => void this.#clock.setTimer(resolve, 100));
    if (fault === "late") await new Promise<void>((resolve) => this.#late.push(resolve));
    return run();
  }
}

/** One of several servers of an app. */
export interface TestServer {
  readonly app: ReturnType<typeof prism>;
  readonly host: ServerHost;
  readonly heard: unknown[];
  readonly handles: ConnectionHandle[];
  readonly log: LogEntry[];
  visit(join?: JoinOptions): Promise<Visit>;
  join(join?: JoinOptions): Promise<Visit>;
  again(token: string, received: number, join?: JoinOptions): Promise<Visit>;
}

/** What servers of one app share. */
export function createServers(shared: PrismOptions = {}) {
  const clock = (shared.clock as FakeServerClock | undefined) ?? new FakeServerClock();
  const handover = createStorage();

  /** One more server: its service answers calls with what they were asked, and notes what it hears. */
  function open(
    options: PrismOptions = {},
    register: (app: ReturnType<typeof prism>, service: ReturnType<typeof createOpen>["service"]) => void = (
      app,
      service,
    ) => void app.service("it", service),
    set: (host: ServerHost) => void = () => {},
  ): TestServer {
    const log: LogEntry[] = [];
    const heard: unknown[] = [];
    const handles: ConnectionHandle[] = [];
    const { limits, ...more } = { ...shared, ...options };
    const app = prism({
      clock,
      handover,
      session: false,
      log: (entry) => void log.push(entry),
      limits: { heartbeat: 100_000_000, ...limits },
      ...more,
    });
    const { service, host } = createOpen((given) => {
      given.onconnect(() => heard.push("connect"));
      given.onreset(() => heard.push("reset"));
      given.ondisconnect(() => heard.push("disconnect"));
      given.onmessage((body) => heard.push(body));
      given.oncall((body) => body);
      set(given);
    });
    app.events.on("connect", (connection) => void handles.push(connection as ConnectionHandle));
    register(app, service);
    const again = (token: string, received: number, join?: JoinOptions): Promise<Visit> =>
      visitAgain(app, clock, token, received, join);
    return {
      app,
      host: host(),
      heard,
      handles,
      log,
      again,
      visit: (join) => visit(app, clock, join),
      join: async (join) => {
        const visited = await visit(app, clock, join);
        await visited.peer.say("%@");
        return visited;
      },
    };
  }
  return { clock, handover, open };
}

/** What failed, as the log has it. */
export function failures({ log }: Pick<TestServer, "log">): unknown[] {
  return log.filter(({ level }) => level === "error").map(({ message, data }) => [message, String(data)]);
}
