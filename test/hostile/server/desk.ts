// The app through which a test looks into its server, and has things go wrong in it.
import * as v from "valibot";
import { prism } from "../../../mod.ts";
import type { AppStats } from "../../../src/server/app.ts";
import { procedure, rpc } from "../../../src/services/rpc/server.ts";
import type { Barriers, Notices, Remains, StallMeter } from "./controls.ts";
import { type Fault, type FaultyDriver } from "./storage.ts";

/** What is seen of an app from outside. */
export interface Observed {
  stats(): AppStats;
  readonly sessions: { readonly "~gate": unknown };
}

export interface DeskOptions {
  readonly served: ReadonlyMap<string, Observed>;
  readonly drivers: { readonly vault: FaultyDriver; readonly gate: FaultyDriver };
  readonly barriers: Barriers;
  readonly remains: Remains;
  readonly stalls: StallMeter;
  readonly notices: Notices;
  readonly counts: { readonly admitted: number; readonly printed: number };
  skip(ms: number): void;
  descriptors(): number;
}

const text = v.string();

export function createDesk({ served, drivers, barriers, remains, stalls, notices, counts, ...rest }: DeskOptions) {
  return prism({ session: false }).service(
    "desk",
    rpc({
      /** How an app is doing: connections, and sessions that somebody has. */
      state: procedure(text, (name) => {
        const app = served.get(name)!;
        const gate = app.sessions["~gate"] as { sessions: { live: Map<string, unknown> } };
        return { connections: app.stats().connections, sessions: gate.sessions.live.size };
      }),
      fail: procedure(v.custom<Fault>(Boolean), (fault) => void (drivers.vault.fault = fault)),
      /** The text that the store has of a session. */
      stored: procedure(text, (id) => drivers.vault.values.get(`prism-session:${id}`) ?? null),
      store: procedure(v.tuple([text, text]), ([id, value]) => {
        drivers.vault.values.set(`prism-session:${id}`, value);
      }),
      stopAt: procedure(text, (name) => barriers.close(name)),
      goOn: procedure(text, (name) => barriers.open(name)),
      forget: procedure(text, (name) => barriers.forget(name)),
      waitingAt: procedure(v.tuple([text, v.number()]), ([name, count]) => barriers.full(name, count)),
      remains: procedure(text, (key) => remains.count(key)),
      stall: procedure(() => stalls.take()),
      notices: procedure(() => notices.take()),
      counts: procedure(() => ({ ...counts })),
      skip: procedure(v.number(), (ms) => rest.skip(ms)),
      descriptors: procedure(() => rest.descriptors()),
      /** What pollution would leave behind: what every object has. */
      inherited: procedure(() => {
        const prototypes = [Object.prototype, Array.prototype, String.prototype, Function.prototype, Map.prototype];
        const own = prototypes.flatMap((prototype) => Reflect.ownKeys(prototype).map(String).toSorted());
        const found: string[] = [];
        for (const key in {}) found.push(key);
        return [...own, ...found, String(({} as { polluted?: unknown }).polluted)];
      }),
    }),
  );
}

export type Desk = ReturnType<typeof createDesk>;
