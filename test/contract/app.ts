/** The app of the contract suite: everything that Prism can do, for one script of scenarios to ask about. */
import { Buffer } from "node:buffer";
import process from "node:process";
import * as v from "valibot";
import { prism, PrismError, type ConnectionHandle, type PrismOptions } from "../../mod.ts";
import { answer, procedure, rpc } from "../../src/services/rpc/server.ts";
import { courier, dates, points } from "./couriers.ts";
import { Journal } from "./journal.ts";
import { notes } from "./notes.ts";
import { Traces } from "./traces.ts";

export interface Shape {
  readonly session: { visits?: number };
  readonly state: { readonly user?: string };
}

/** Whom the query of the upgrade names; some are not let in. */
function admit(request: Request): Response | { state: Shape["state"] } {
  const user = new URL(request.url).searchParams.get("user");
  if (user === "banned") return new Response("You may not", { status: 403 });
  return { state: user === null ? {} : { user } };
}

/** Ends when the signal does. */
function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve());
  });
}

/** What became of something that may fail, for a client to look at. */
async function outcome(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value) => ({ value }),
    (error: PrismError) => ({ code: error.code, message: error.message }),
  );
}

const Sum = v.object({ a: v.number(), b: v.number() });
const Take = v.object({ key: v.string(), count: v.number() });
const shaped = procedure.with<Shape>();
const authed = shaped.use(({ connection }) => {
  if (connection.state.user === undefined) throw new PrismError("unauthorized", "Sign in first");
  return { user: connection.state.user };
});
const late = authed.use(async ({ user }) => ({ initial: user.slice(0, 1) }));

/** The app's first service: procedures of every sort. */
export function createCalls(traces: Traces) {
  return rpc({
    // The first procedure of the first service: its call is the one whose bytes are counted.
    echo: procedure(v.unknown(), (value) => value),
    math: {
      add: procedure({ input: Sum, output: v.number() }, ({ a, b }) => a + b),
      deep: { er: { negate: procedure(v.number(), async (n) => -n) } },
    },
    bytes: {
      reverse: procedure(v.instance(Uint8Array), (bytes) => bytes.toReversed()),
      total: procedure({ items: v.instance(Uint8Array) }, async ({ items }) => {
        let total = 0;
        for await (const { length } of items) total += length;
        return total;
      }),
      pieces: procedure(v.number(), async function* (count) {
        for (let i = 0; i < count; i++) yield new Uint8Array(i).fill(i);
      }),
    },
    big: procedure(v.number(), (length) => "x".repeat(length)),
    nothing: procedure(() => {}),
    epoch: procedure(() => ({ at: new Date(0) })),
    count: procedure(v.number(), async function* (to) {
      for (let i = 0; i < to; i++) yield i;
      return "done";
    }),
    /** Never stops by itself. */
    produce: procedure(v.string(), async function* (key, { signal }) {
      const { promise, off } = onAbort(signal, () => traces.set(key, { aborted: true }));
      try {
        for (let produced = 1; ; produced++) {
          traces.set(key, { produced });
          yield produced;
        }
      } finally {
        // Leaving an iteration both returns the generator and aborts the signal, one after the other.
        await promise;
        off();
        traces.set(key, { ended: true });
      }
    }),
    /** Takes as many items as it is told, and then no more until it is aborted. */
    take: procedure({ input: Take, items: v.number() }, async ({ key, count }, { items, signal }) => {
      for (let taken = 1; taken <= count; taken++) {
        await items.next();
        traces.set(key, { taken });
      }
      await aborted(signal);
      traces.set(key, { aborted: true, ended: true });
    }),
    /** Takes as many items as it is told, and is content. */
    taste: procedure({ input: v.number(), items: v.number() }, async (count, { items }) => {
      let sum = 0;
      for (let i = 0; i < count; i++) sum += (await items.next()).value ?? 0;
      return sum;
    }),
    sum: procedure({ items: v.number() }, async ({ items }) => {
      let sum = 0;
      for await (const item of items) sum += item;
      return sum;
    }),
    /** Tells how the iteration of its items ended. */
    listen: procedure({ input: v.string(), items: v.number() }, async (key, { items }) => {
      try {
        for await (const item of items) traces.set(key, { taken: item });
      } catch (error) {
        traces.set(key, { aborted: (error as PrismError).code === "cancelled", ended: true });
        throw error;
      }
    }),
    exchange: procedure({ input: v.string(), items: v.number() }, async function* (prefix, { items }) {
      let count = 0;
      for await (const item of items) {
        yield `${prefix}${item}`;
        count++;
      }
      return count;
    }),
    hang: procedure(v.string(), async (key, { signal }) => {
      traces.set(key, { produced: 1 });
      await aborted(signal);
      traces.set(key, { aborted: true, ended: true });
    }),
    fail: {
      typed: procedure(v.unknown(), (data) => {
        throw new PrismError("teapot", "Short and stout", data);
      }),
      late: procedure(async () => {
        await Promise.resolve();
        throw new PrismError("not_found", "Nobody here");
      }),
      unexpected: procedure(() => {
        throw new TypeError("The secret text");
      }),
      text: procedure(() => Promise.reject("Not even an error")),
      output: procedure({ output: v.number() }, (() => "no number") as unknown as () => number),
      midway: procedure(async function* () {
        yield 1;
        yield 2;
        throw new PrismError("teapot", "Enough");
      }),
    },
    trace: {
      now: procedure(v.string(), (key) => traces.get(key)),
      begun: procedure(v.string(), (key) => traces.when(key, ({ produced, taken }) => produced + taken > 0)),
      taken: procedure(Take, ({ key, count }) => traces.when(key, ({ taken }) => taken >= count)),
      ended: procedure(v.string(), (key) => traces.when(key, ({ ended }) => ended)),
    },
  });
}

function onAbort(signal: AbortSignal, listener: () => void): { promise: Promise<void>; off: () => void } {
  const promise = aborted(signal);
  signal.addEventListener("abort", listener);
  return { promise, off: () => signal.removeEventListener("abort", listener) };
}

/** What the server can ask of its clients. */
const contract = {
  confirm: answer(v.object({ text: v.pipe(v.string(), v.minLength(1)) }), v.boolean()),
  hang: answer(v.string(), v.boolean()),
};

/** Makes the app anew: a process may serve several. */
export function createApp(options: PrismOptions<Shape> = {}) {
  const traces = new Traces();
  const journal = new Journal();
  const heard = new WeakMap<object, (string | Uint8Array)[]>();
  const hear = (connection: object, value: string | Uint8Array): void => {
    const own = heard.get(connection);
    if (own) own.push(value);
    else heard.set(connection, [value]);
  };
  const noted: string[] = [];

  const app = prism<Shape>({ admit, log: journal.write, ...options })
    .use((inbound, next) => {
      if (inbound.service === "walled") throw new PrismError("forbidden", "Not here", { kind: inbound.kind });
      if (inbound.service === "muted") return undefined;
      if (inbound.service === "shouted") inbound.body = (inbound.body as string).toUpperCase();
      return next(inbound);
    })
    .use((inbound, next) => (inbound.service === "late" ? Promise.resolve().then(() => next(inbound)) : next(inbound)))
    .service("calls", createCalls(traces))
    .service("json", courier<unknown>("json"))
    .service("text", courier<string>("text", hear))
    .service("bytes", courier<Uint8Array>("bytes", hear))
    .service("dates", courier(dates))
    .service("points", courier(points))
    .service("walled", courier<string>("text"))
    .service("muted", courier<string>("text"))
    .service("shouted", courier<string>("text"))
    .service("late", courier<string>("text"))
    .service("notes", notes)
    .service("memos", notes)
    .service("ui", rpc({}, { client: contract }))
    .service("about", ({ services }) => {
      const ask = (connection: ConnectionHandle<unknown>) => services.ui.client(connection);
      return rpc({
        /** What this connection has been heard to say, in order, over both services. */
        heard: shaped(({ connection }) => heard.get(connection)?.map((value) => Buffer.from(value).toString()) ?? []),
        me: shaped(({ connection }) => connection.id),
        user: authed(({ user }) => user),
        greet: late(v.string(), (greeting, { user, initial }) => `${greeting}, ${user} (${initial})`),
        visit: shaped(({ session }) => (session.data.visits = (session.data.visits ?? 0) + 1)),
        confirm: shaped(v.string(), async (text, { connection }) => outcome(ask(connection).confirm({ text }))),
        confirmLate: shaped(v.object({ key: v.string(), timeout: v.number() }), ({ key, timeout }, { connection }) =>
          outcome(ask(connection).hang(key, { timeout })),
        ),
        /** Asks, and notes down what came of it for others to read. */
        ask: shaped(v.string(), async (key, { connection }) => {
          traces.set(key, { produced: 1 });
          const { code } = (await outcome(ask(connection).hang(key))) as { code?: string };
          traces.set(key, { aborted: code === "lost", ended: true });
        }),
        kick: shaped(v.string(), (reason, { connection }) => connection.close(reason)),
        frames: shaped(({ connection }) => journal.frames(connection.id)),
        ended: procedure(v.string(), (connection) => journal.ended(connection)),
        failures: procedure(() => journal.failures()),
        present: procedure(() => services.notes.present()),
        noted: procedure(() => noted),
        find: procedure(v.string(), async (text) => ({
          notes: await services.notes.find(text),
          memos: await services.memos.find(text),
        })),
        memory: procedure(() => process.memoryUsage().rss),
        /** What pollution would leave behind. */
        objectMembers: procedure(() => Reflect.ownKeys(Object.prototype).map(String).toSorted()),
      });
    });
  app.events.on("noted", ({ text, service }) => void noted.push(`${service}: ${text}`));
  return app;
}

export type App = ReturnType<typeof createApp>;
