/** The server under test: one process, on any runtime, that answers commands on its standard input. */
import process from "node:process";
import type { LogEntry } from "../../../mod.ts";
import type { Servable } from "../../../src/server/admission.ts";
import type { ServeOptions, Serving } from "../../../src/server/serving.ts";
import { answerCommands, type Comparison, Watch } from "../commands.ts";
import { collect, exposeCollector, jump, Peak } from "../process.ts";
import { StallMeter } from "../../hostile/server/controls.ts";
import { type AppOptions, createApp } from "./app.ts";
import type { Counts } from "./ledger-service.ts";

/** What a test gives to a server, as JSON in its only argument. */
export interface ServerOptions extends AppOptions {
  readonly port?: number;
  /** How long it may take to go away, in ms. */
  readonly drain?: number;
  /** Whether closed connections are counted by their codes, which costs a log of every frame. */
  readonly codes?: boolean;
}

/** Something that happened to a connection, in ms since 1970. */
export interface ServerEvent {
  readonly name: "connect" | "suspend" | "resume" | "disconnect";
  readonly at: number;
}

/** How a server is doing. */
export interface State extends Counts {
  readonly connections: number;
  readonly suspended: number;
  readonly resumed: number;
  /** Errors that no client was told of. */
  readonly errors: readonly string[];
  /** Closed connections by their codes. */
  readonly codes: Readonly<Record<string, number>>;
}

type Serve = (app: Servable, options: ServeOptions & { drain?: { within: number } }) => Promise<Serving>;

/** Most events that are kept. */
const MOST_EVENTS = 100_000;

export async function run(serve: Serve): Promise<void> {
  const { port = 0, drain, codes: withCodes = false, ...options } = JSON.parse(process.argv[2]!) as ServerOptions;
  exposeCollector();
  const counts: Counts = { connected: 0, disconnected: 0, reset: 0, parked: 0, unparked: 0, stray: 0 };
  const codes = new Map<string, number>();
  const errors: string[] = [];
  const events: ServerEvent[] = [];
  const suspended = new Set<string>();
  let resumed = 0;
  let recording = false;

  const log = ({ message, data }: LogEntry): void => {
    if (message !== "Disconnected") return;
    const { code } = data as { code: number };
    codes.set(String(code), (codes.get(String(code)) ?? 0) + 1);
  };
  const app = createApp(options, counts, withCodes ? log : undefined);
  app.events.on("error", (error) => void errors.push(error instanceof Error ? error.stack! : String(error)));
  for (const name of ["connect", "suspend", "resume", "disconnect"] as const) {
    app.events.on(name, ({ id }) => {
      if (name === "suspend") suspended.add(id);
      else suspended.delete(id);
      if (name === "resume") resumed++;
      if (recording && events.length < MOST_EVENTS)
        events.push({ name, at: performance.timeOrigin + performance.now() });
      // When services have heard of it, too.
      setImmediate(() => watch.poke());
    });
  }

  const state = (): State => ({
    ...counts,
    connections: app.stats().connections,
    suspended: suspended.size,
    resumed,
    errors: errors.slice(0, 20),
    codes: Object.fromEntries(codes),
  });
  const watch = new Watch(state);
  const peak = new Peak();
  const stalls = new StallMeter();
  stalls.start();
  const within = drain === undefined ? {} : { drain: { within: drain } };
  const server = await serve(app, { port, hostname: "127.0.0.1", ...within });
  answerCommands({
    state,
    until: (what = "", how = "=", value = "0", ms = "0") =>
      watch.until(what, how as Comparison, Number(value), Number(ms)),
    /** What happened since it was last asked; nothing is kept before it is asked for the first time. */
    events: () => {
      recording = true;
      return events.splice(0);
    },
    memory: collect,
    stall: () => stalls.take(),
    /** The most memory since it was last asked, in bytes; from the first time on. */
    peak: () => peak.take(),
    jump: (ms) => jump(Number(ms)),
    /** What it knows of lives that have not come to their end. */
    page: () => app.services.ledger.page(),
    close: async () => {
      await server.close();
      process.stdin.destroy();
    },
  });
  console.log(`ready ${JSON.stringify({ port: server.port })}`);
}
