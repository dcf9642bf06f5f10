// The app under test. Its client is `../client.ts`, and the hostile tests' bystander, which wants `calls.echo`.
import { createStorage } from "unstorage";
import memory from "unstorage/drivers/memory";
import redis from "unstorage/drivers/redis";
import * as v from "valibot";
import { type Limits, type LogEntry, prism } from "../../../mod.ts";
import { procedure, rpc } from "../../../src/services/rpc/server.ts";
import { SECRET } from "../../hostile/secrets.ts";
import { type Counts, createLedgerService } from "./ledger-service.ts";

/** What decides about an app. */
export interface AppOptions {
  /** The node's name. */
  readonly name: string;
  readonly limits?: Partial<Limits>;
  /** The Redis through which connections are handed over and sessions shared. */
  readonly handover?: string;
  /** The second release has another service and another procedure first, so that all numbers are others. */
  readonly release?: "first" | "second";
}

/** Makes the app. */
export function createApp(options: AppOptions, counts: Counts, log?: (entry: LogEntry) => void) {
  const { name, limits, handover: url, release = "first" } = options;
  const shared = (base: string) => createStorage({ driver: url === undefined ? memory() : redis({ url, base }) });
  const app = prism({
    limits,
    log,
    session: { storage: shared("session"), secret: SECRET, timeout: 3_000 },
    ...(url === undefined ? {} : { handover: shared("handover") }),
  });
  const second = release === "second";
  if (second) app.service("novelty", rpc({ none: procedure(() => "new"), other: procedure(() => "new too") }));
  const echo = { echo: procedure(v.unknown(), (value) => value) };
  const who = {
    /** Whose session it is, for rows that change the time or the node. */
    who: procedure(({ session }) => session.id),
    /** Takes its time, as calls do that are under way while a node is drained. */
    slow: procedure(v.number(), (ms) => new Promise((resolve) => setTimeout(resolve, ms, name))),
  };
  const calls = rpc(second ? { aardvark: procedure(() => "first"), ...who, ...echo } : { ...echo, ...who });
  const ledger = createLedgerService(name, counts);
  return second
    ? app.service("ledger", ledger).service("calls", calls)
    : app.service("calls", calls).service("ledger", ledger);
}

export type App = ReturnType<typeof createApp>;
