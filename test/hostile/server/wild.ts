// An app whose handlers, generators, schemas and middleware do everything that they should not.
import * as v from "valibot";
import { defineService, prism, PrismError, type PrismOptions } from "../../../mod.ts";
import { procedure, rpc } from "../../../src/services/rpc/server.ts";
import { Traces } from "../../contract/traces.ts";
import type { Remains } from "./controls.ts";
import { perform } from "./deeds.ts";

const fails = (validate: (value: unknown) => unknown) => ({
  "~standard": { version: 1 as const, vendor: "wild", validate: validate as (value: unknown) => { value: string } },
});

/** What a handler returns that cannot be sent, or cannot be waited for, by its name. */
export const outcomes: Readonly<Record<string, () => unknown>> = {
  "a bigint": () => 5n,
  "what contains itself": () => {
    const cycle: { self?: unknown } = {};
    cycle.self = cycle;
    return cycle;
  },
  "what cannot be written": () => ({
    toJSON: () => {
      throw new Error("Not this");
    },
  }),
  "a then that throws": () => ({
    then: () => {
      throw new Error("Not now");
    },
  }),
  "a then that cannot be read": () => ({
    get then() {
      throw new Error("Not here");
    },
  }),
  "a then that fails after all": () => ({
    then: (resolve: (value: unknown) => void, reject: (error: unknown) => void) => {
      resolve(1);
      reject(new Error("Too late"));
      throw new Error("Later still");
    },
  }),
  "an iterator that is none": () => ({ [Symbol.asyncIterator]: () => 5 }),
  "an iterator that cannot be had": () => ({
    [Symbol.asyncIterator]: () => {
      throw new Error("No iterator");
    },
  }),
  "an iterator whose next throws": () => ({
    [Symbol.asyncIterator]: () => ({
      next: () => {
        throw new Error("No next");
      },
    }),
  }),
  "an iterator whose return throws": () => ({
    [Symbol.asyncIterator]: () => ({
      next: () => Promise.resolve({ done: false, value: 5n }),
      return: () => {
        throw new Error("No return");
      },
    }),
  }),
  "items that cannot be written": async function* () {
    yield 1;
    yield 5n;
  },
};

export function createWild(options: PrismOptions, remains: Remains) {
  const traces = new Traces();
  const deed = v.string();
  const until = (signal: AbortSignal): Promise<void> =>
    new Promise((resolve) => signal.addEventListener("abort", () => resolve()));

  const handlers = rpc({
    echo: procedure(v.unknown(), (value) => value),
    act: procedure(deed, (text) => perform(text)),
    guarded: procedure.use(
      ({ connection }) => perform((connection.state as { guard?: string | null }).guard) as object,
    )(() => "let in"),
    first: procedure(deed, async function* (text) {
      await perform(text);
      yield 1;
    }),
    midway: procedure(deed, async function* (text) {
      yield 1;
      await perform(text);
    }),
    leaving: procedure(deed, async function* (text) {
      try {
        for (let i = 0; ; i++) yield i;
      } finally {
        traces.set("leaving", { ended: true, produced: traces.get("leaving").produced + 1 });
        await perform(text);
      }
    }),
    checked: procedure(
      fails((value) => perform(value as string)),
      (value) => value,
    ),
    result: procedure({ input: deed, output: fails((value) => perform(value as string)) }, (text) => text),
    items: procedure({ items: fails((value) => perform(value as string)) }, async ({ items }) => {
      for await (const item of items) traces.set("items", { taken: item.length });
    }),
    returns: procedure(v.string(), (what) => outcomes[what]?.()),
    /** Fails when its caller has gone, and only then. */
    outlives: procedure(deed, async (text, { signal }) => {
      traces.set("outlives", { produced: traces.get("outlives").produced + 1 });
      await until(signal);
      traces.set("outlives", { taken: traces.get("outlives").taken + 1 });
      await perform(text);
    }),
    /** Never ends, whatever it is told. */
    never: procedure(v.string(), (key, { connection, signal }) => {
      remains.add(key, connection);
      remains.add(key, signal);
      return new Promise(() => {});
    }),
    /** Never yields, never ends. */
    mute: procedure(v.string(), async function* (key, { connection }) {
      remains.add(key, connection);
      await new Promise(() => {});
      yield 1;
    }),
    trace: procedure(v.string(), (key) => traces.get(key)),
    outlived: procedure(v.number(), (count) => traces.when("outlives", ({ taken }) => taken >= count)),
    left: procedure(v.number(), (count) => traces.when("leaving", ({ produced }) => produced >= count)),
  });

  const sink = defineService({
    kind: "sink",
    codec: "json",
    client: () => ({}),
    server: (host) => {
      host.onmessage((text) => perform(text as string));
      host.oncall((text) => perform(text as string));
      host.onconnect(() => perform("at once:an error"));
      host.ondisconnect(() => perform("later:an error"));
      return {};
    },
  });

  // The body is what the middleware in front of it does, before any schema has looked at it.
  const body = (text: string | Uint8Array): string => {
    try {
      return JSON.parse(String(text)) as string;
    } catch {
      return "";
    }
  };
  return prism({
    ...options,
    admit: (request) => ({ state: { guard: new URL(request.url).searchParams.get("guard") } }),
  })
    .service("handlers", handlers)
    .service("sink", sink)
    .service("fenced", sink)
    .service("twice", sink)
    .service("late", sink)
    .service("stuck", sink)
    .use("fenced", (inbound, next) => perform(body(inbound.body)) ?? next(inbound))
    .use("twice", (inbound, next) => {
      next(inbound);
      return next(inbound);
    })
    .use("late", (inbound, next) => {
      setTimeout(() => next(inbound), 1);
    })
    .use("stuck", (inbound) => {
      if (inbound.body.length === 0) throw new PrismError("bad_input");
      return new Promise(() => {});
    });
}
