/** A node of the rows about channels: one process, on any runtime, that answers commands on its standard input. */
import process from "node:process";
import type { Servable } from "../../../../src/server/admission.ts";
import type { ServeOptions, Serving } from "../../../../src/server/serving.ts";
import { StallMeter } from "../../../hostile/server/controls.ts";
import { answerCommands, type Comparison, Watch } from "../../commands.ts";
import { collect, exposeCollector, jump, Peak } from "../../process.ts";
import { createHalls, type HallsOptions } from "./app.ts";
import { Producer } from "./producer.ts";

/** What a test gives to a node, as JSON in its only argument. */
export interface HallOptions extends HallsOptions {
  readonly port?: number;
  /** How far its time of day is ahead of others' from the start, in ms. */
  readonly ahead?: number;
}

/** How a node is doing. */
export interface HallState {
  readonly connections: number;
  readonly suspended: number;
  readonly subscriptions: number;
  /** Errors that no client was told of. */
  readonly errors: readonly string[];
  /** How much the broker has brought twice, and late, where a shim sees to that. */
  readonly twice: number;
  readonly late: number;
}

/** How publications ended that were made without waiting for one another: how many in which way, `ok` among them. */
export type Burst = Readonly<Record<string, number>>;

type Serve = (app: Servable, options: ServeOptions) => Promise<Serving>;

export async function run(serve: Serve): Promise<void> {
  const { port = 0, ahead = 0, ...options } = JSON.parse(process.argv[2]!) as HallOptions;
  exposeCollector();
  if (ahead > 0) jump(ahead);
  const errors: string[] = [];
  const suspended = new Set<string>();
  let subscriptions = 0;
  const { app, faults } = createHalls(options);
  app.events.on("error", (error) => void errors.push(error instanceof Error ? error.stack! : String(error)));
  app.events.on("subscribe", () => (subscriptions++, later()));
  app.events.on("unsubscribe", () => (subscriptions--, later()));
  app.events.on("suspend", ({ id }) => (suspended.add(id), later()));
  for (const name of ["connect", "resume", "disconnect"] as const)
    app.events.on(name, ({ id }) => (suspended.delete(id), later()));
  // When everybody has heard of it.
  const later = (): void => void setImmediate(() => watch.poke());
  const state = (): HallState => ({
    connections: app.stats().connections,
    suspended: suspended.size,
    subscriptions,
    errors: errors.slice(0, 20),
    twice: faults().twice,
    late: faults().late,
  });
  const watch = new Watch(state);
  const peak = new Peak();
  const stalls = new StallMeter();
  stalls.start();
  const { rooms } = app.services;
  const publish = (name: string, text: string): Promise<unknown> => rooms.publish(name as "kept/0", text);
  const producer = new Producer(options.name, publish);
  const server = await serve(app, { port, hostname: "127.0.0.1" });

  answerCommands({
    state,
    until: (what = "", how = "=", value = "0", ms = "0") =>
      watch.until(what, how as Comparison, Number(value), Number(ms)),
    memory: collect,
    stall: () => stalls.take(),
    /** The most memory since it was last asked, in bytes; from the first time on. */
    peak: () => peak.take(),
    produce: (channel = "", rate = "0") => producer.start(channel, Number(rate)),
    /** Stops publishing; its streams. */
    hush: () => producer.stop(),
    /** Publishes many texts, and tells how these ended. */
    async burst(channel = "", count = "0", size = "0"): Promise<Burst> {
      const counts = new Map<string, number>();
      const note = (end: string): unknown => counts.set(end, (counts.get(end) ?? 0) + 1);
      const ends: Promise<unknown>[] = [];
      for (let i = 0; i < Number(count); i++) {
        const failed = (error: Error & { code?: string }): unknown => note(`${error.code}: ${error.message}`);
        ends.push(publish(channel, "x".repeat(Number(size))).then(() => note("ok"), failed));
        // Others have their turn in between.
        if (i % 4 === 0) await new Promise(setImmediate);
      }
      await Promise.all(ends);
      return Object.fromEntries(counts);
    },
    members: async (room = "") => [...(await rooms.channel("kept/:room", { room }).members()).keys()].toSorted(),
    kick: (room = "", kind = "", who = "") => rooms.channel("kept/:room", { room }).kick({ [kind]: who }, "Taken out"),
  });
  console.log(`ready ${JSON.stringify({ port: server.port })}`);
}
