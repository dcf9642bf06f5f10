/** The app under fuzz: every sort of procedure and codec, and handlers that fail on purpose. */
import * as v from "valibot";
import {
  defineClient,
  defineService,
  prism,
  PrismError,
  type ConnectionHandle,
  type Middleware,
  type Prism,
} from "../../mod.ts";
import type { Limits, LogEntry, ServerClock, StandardSchema } from "../../mod.ts";
import { answer, procedure, rpc } from "../../src/services/rpc/server.ts";

/** What handlers throw on purpose; the log may hold it. */
export class Planned extends Error {
  constructor() {
    super("planned");
  }
}

/** How middleware treats a connection. */
export type Mood = "plain" | "late" | "picky";

export interface FuzzedOptions {
  readonly clock: ServerClock;
  readonly limits: Partial<Limits>;
  readonly log: (entry: LogEntry) => void;
  /** Whether middleware stands before the services. */
  readonly guarded: boolean;
  /** Whether clients say who they are. */
  readonly secured: boolean;
}

/** The app, and which of its handlers are at work. */
export interface Fuzzed {
  readonly app: Prism;
  readonly busy: () => readonly string[];
}

/** A schema that takes its time. */
const slowly: StandardSchema<{ n: number }> = {
  "~standard": {
    version: 1,
    vendor: "fuzz",
    validate: async (value) => {
      await Promise.resolve();
      const { n } = (value ?? {}) as { n?: unknown };
      return typeof n === "number" ? { value: { n } } : { issues: [{ message: "n is no number", path: ["n"] }] };
    },
  },
};

const Note = v.object({ text: v.pipe(v.string(), v.maxLength(2_000)), how: v.optional(v.string()) });
const Own = { encode: (value: unknown) => `own ${String(value)}`, decode: decodeOwn };
const Duplex = v.object({ items: v.number(), body: v.unknown(), leave: v.optional(v.boolean()) });

function decodeOwn(body: string | Uint8Array): unknown {
  if (typeof body !== "string") return body.length;
  if (body.startsWith("fail")) throw new Planned();
  return body;
}

/** The client half of services whose halves hand their hosts on. */
const open = <Host>(host: Host): Host => host;

/** The app's limits on a packet, and on calls in progress. */
export const PACKET = 4_096;
export const CALLS = 24;
/** The length of a body that the log closes a connection for. */
export const UNWANTED = 999;

/** Names and numbers of the services; the numbers follow from the order in which `createApp` registers them. */
export const services = ["calls", "notes", "words", "blob", "own", "late", "mute", "duplex"] as const;
export type ServiceName = (typeof services)[number];

/** Makes the parts of the app that count who is at work. */
function createServices(clock: ServerClock) {
  /** Handlers at work, by name. */
  const busy: string[] = [];
  const begin = (name: string): void => void busy.push(name);
  const done = (name: string): void => void busy.splice(busy.indexOf(name), 1);
  const sleep = (ms: number): Promise<void> => new Promise((resolve) => void clock.setTimer(resolve, ms));
  const during = async <Value>(name: string, work: () => Promise<Value>): Promise<Value> => {
    begin(name);
    try {
      return await work();
    } finally {
      done(name);
    }
  };
  const guarded = procedure
    .use(({ connection }) => ({ mood: connection.state["mood"] as string }))
    .use(async ({ session }) => {
      if (session.data["barred"] === true) throw new PrismError("unauthorized", "Barred", { since: 1 });
      return { late: true };
    });
  const confirm = answer(v.object({ text: v.string() }), v.boolean());

  const calls = rpc(
    {
      echo: procedure(v.unknown(), (value) => value),
      sum: procedure({ input: v.object({ a: v.number(), b: v.number() }), output: v.number() }, ({ a, b }) => a + b),
      nothing: procedure(() => undefined),
      later: procedure(slowly, ({ n }) =>
        during("later", async () => (await sleep(Math.min(2_000, Math.abs(n) || 0)), n)),
      ),
      refuse: procedure(v.unknown(), (data) => {
        throw new PrismError("refused", "No", data);
      }),
      fail: procedure(v.unknown(), (value) => {
        if (value === "huge") throw new PrismError("huge", "x".repeat(200_000));
        throw new Planned();
      }),
      misfit: procedure({ input: v.unknown(), output: v.string() }, (value) => value as string),
      unwritable: procedure(v.unknown(), () => 1n as unknown as number),
      count: procedure(v.number(), async function* (to, { signal }) {
        begin("count");
        try {
          for (let i = 0; i < Math.min(to, 2_000) && !signal.aborted; i++) yield i;
        } finally {
          done("count");
        }
        return "done";
      }),
      broken: procedure(v.unknown(), async function* () {
        yield 1;
        throw new Planned();
      }),
      bytes: procedure(v.number(), async function* (length) {
        yield new Uint8Array(Math.min(1_000, Math.abs(length) || 0));
        return new Uint8Array(3);
      }),
      reverse: procedure(v.instance(Uint8Array), (bytes) => bytes.toReversed()),
      big: procedure(v.number(), (length) => "x€".repeat(Math.min(150_000, Math.abs(length) || 0))),
      add: procedure({ items: v.number() }, ({ items }) =>
        during("add", async () => {
          let sum = 0;
          for await (const item of items) sum += item;
          return sum;
        }),
      ),
      taste: procedure({ input: v.number(), items: v.unknown() }, (count, { items }) =>
        during("taste", async () => {
          for (let i = 0; i < Math.min(count, 40); i++) if ((await items.next()).done === true) return i;
          return "enough";
        }),
      ),
      exchange: procedure({ input: v.unknown(), items: slowly }, async function* (_, { items }) {
        begin("exchange");
        try {
          for await (const item of items) yield item;
        } finally {
          done("exchange");
        }
      }),
      hang: procedure(v.unknown(), (_, { signal }) =>
        during("hang", async () => {
          await new Promise<void>((resolve) => {
            if (signal.aborted) resolve();
            else signal.addEventListener("abort", () => resolve());
          });
        }),
      ),
      hoard: procedure({ input: v.unknown(), items: v.unknown() }, (_, { signal }) =>
        during("hoard", async () => {
          if (signal.aborted) return;
          await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
        }),
      ),
      guarded: guarded(v.unknown(), (_, { mood, late }) => ({ mood, late })),
      bar: procedure(v.unknown(), (_, { session }) => {
        session.data["barred"] = true;
      }),
      ask: procedure(v.unknown(), (text, { connection, signal }) =>
        during("ask", async () => {
          const client = server.client(connection);
          return client.confirm({ text: typeof text }, { signal, timeout: 1_000 });
        }),
      ),
      kick: procedure(v.string(), (reason, { connection }) => connection.close(reason)),
      nested: { deep: { er: procedure(v.tuple([v.string()]), ([text]) => text.length) } },
    },
    { client: { confirm } },
  );
  let server: { client(connection: ConnectionHandle<unknown>): { confirm: Confirm } };
  type Confirm = (input: { text: string }, options?: { signal?: AbortSignal; timeout?: number }) => Promise<boolean>;

  const notes = defineService({
    kind: "notes",
    codec: "json",
    up: Note,
    down: Note,
    client: open,
    server: (host) => {
      const group = host.group();
      host.onconnect((connection) => {
        if (group.size % 3 < 2) group.add(connection);
      });
      host.ondisconnect((connection) => group.delete(connection));
      host.onmessage((note, { connection }) => {
        if (note.how === "fail") throw new Planned();
        if (note.how === "close") connection.close(note.text);
        // Perhaps to nobody.
        if (note.how === "later") void sleep(500).then(() => host.send(connection, { text: "late" }));
        const to = note.how === "self" ? [connection] : note.how === "group" ? group : undefined;
        // Whoever is in a group that changes has what it was sent until then.
        if (note.how === "regroup" && !group.delete(connection)) group.add(connection);
        const volatile = note.how === "volatile";
        const conflate = note.how === "conflate" ? note.text.slice(0, 1) : undefined;
        host.broadcast({ text: note.text }, { to, volatile, conflate, except: volatile ? connection : undefined });
      });
      host.oncall((note) => note);
    },
  });
  const words = defineService({
    kind: "words",
    codec: "text",
    client: open,
    server: (host) => {
      host.onmessage((word, { connection }) => host.send(connection, word));
      host.oncall((word) => word);
    },
  });
  const blob = defineService({
    kind: "blob",
    codec: "bytes",
    client: open,
    server: (host) => {
      host.onmessage((bytes, { connection }) => host.send(connection, bytes));
      host.oncall(async function* (bytes, { items }) {
        yield bytes;
        for await (const item of items) yield item as Uint8Array;
        return bytes;
      });
    },
  });
  const own = defineService({
    kind: "own",
    codec: Own,
    client: open,
    server: (host) => {
      host.onmessage((value, { connection }) => host.send(connection, value));
      host.oncall((value) => (value === "separate" ? "\x1e" : value));
    },
  });
  const late = defineService({
    kind: "late",
    up: slowly,
    client: open,
    server: (host) => {
      host.onmessage(({ n }, { connection }) => host.send(connection, n));
      host.oncall(({ n }) => during("late", async () => n));
    },
  });
  const mute = defineService({ kind: "mute", client: open, server: () => {} });
  const duplex = defineService({
    kind: "duplex",
    up: Duplex,
    client: open,
    // The server calls the client, sends it items, and hands on what comes back.
    server: (host) => {
      host.oncall(async function* ({ items, body, leave }, { connection, signal }) {
        begin("duplex");
        try {
          const numbers = Array.from({ length: Math.min(100, Math.abs(items) || 0) }, (_, i) => i);
          const call = host.call(connection, { items, body }, { items: numbers, signal, timeout: 1_000 });
          if (body === "await") return await call;
          for await (const item of call) {
            yield item;
            if (leave === true) break;
          }
          return await call;
        } finally {
          done("duplex");
        }
      });
    },
  });
  const setServer = (given: unknown): void => {
    server = given as typeof server;
  };
  return { definitions: { calls, notes, words, blob, own, late, mute, duplex }, setServer, busy: () => busy };
}

/** Looks at what comes, drops some, changes some, fails for some. */
const watch: Middleware = (inbound, next) => {
  const mood = inbound.connection.state["mood"] as Mood;
  if (mood === "late") return Promise.resolve().then(() => next(inbound));
  if (mood === "picky") {
    switch (inbound.body.length % 11) {
      case 0:
        return undefined;
      case 1:
        throw new PrismError("unauthorized", "Not this one");
      case 2:
        inbound.body = "@{";
        break;
      case 3:
        // The second time it throws, while the handler may be at work.
        next(inbound);
        return next(inbound);
      case 4:
        return Promise.reject(new Planned());
      default:
    }
  }
  return next(inbound);
};

/** The client halves of the app's services but rpc's. */
export const halves = Object.fromEntries(
  services
    .filter((name) => name !== "calls")
    .map((name) => [name, defineClient({ kind: name, codec: codecOf(name) as "json", client: open })]),
);

function codecOf(name: ServiceName): "json" | "text" | "bytes" | typeof Own {
  return name === "words" ? "text" : name === "blob" ? "bytes" : name === "own" ? Own : "json";
}

/** The names of the procedures, in their order in the table. */
export const procedures: readonly string[] = createServices(undefined as never).definitions.calls.init as string[];

/** What clients give as their tokens, and what comes of it. */
export const TOKENS = ["good", "good", "late", "brief", "briefly", "never", "refuse", "fail", "no", ""] as const;

/** Judges a token, in every way in which one may be judged. */
function judge(token: string, clock: ServerClock): unknown {
  switch (token) {
    case "late":
      return new Promise<void>((resolve) => void clock.setTimer(() => resolve(), 100));
    case "brief":
      return { expires: 600 };
    case "briefly":
      return { expires: -1 };
    case "never":
      return new Promise(() => {});
    case "refuse":
      throw new PrismError("unauthorized", "Not you");
    case "fail":
      throw new Planned();
    case "no":
      return false;
    default:
      return undefined;
  }
}

/** A frame that nobody sends who means well. */
function isUnwanted({ data }: LogEntry): boolean {
  return (data as { length?: unknown }).length === UNWANTED;
}

export function createApp({ clock, limits, log, guarded, secured }: FuzzedOptions): Fuzzed {
  const { definitions, setServer, busy } = createServices(clock);
  const handles = new Map<string, ConnectionHandle<unknown>>();
  let app: Prism = prism({
    clock,
    limits,
    // A log may do what it likes, and close whom it hears of.
    log: (entry) => {
      log(entry);
      if (entry.message === "Frame" && isUnwanted(entry)) handles.get(entry.connection ?? "")?.close("Unwanted");
    },
    // What sessions do takes real time, and is not what this is about.
    session: false,
    authenticate: secured ? (token = "") => judge(token, clock) as undefined : undefined,
    admit: (request) => ({ state: { mood: request.headers.get("x-mood") ?? "plain" } }),
  });
  if (guarded) app.use((inbound, next) => next(inbound)).use(watch);
  for (const name of services) app = app.service(name, definitions[name] as never);
  app.events.on("connect", (connection) => void handles.set(connection.id, connection));
  app.events.on("disconnect", (connection) => void handles.delete(connection.id));
  try {
    app.service("xml", { ...definitions.mute, codec: "xml" } as never);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
  setServer((app.services as Record<string, unknown>)["calls"]);
  return { app, busy };
}

/** Errors that the app's handlers bring about on purpose, by what they say. */
const planned = [
  /^planned$/,
  /^Result does not fit its schema/,
  /^Middleware calls next twice$/,
  /^A codec's text holds U\+001E$/,
  /BigInt/,
];

/** Whether an entry of the log tells of a failure that nobody meant. */
export function isAlarming({ level, message, data }: LogEntry): boolean {
  if (level !== "error") return false;
  const known = /^(A handler failed|Message dropped|Authentication failed|A listener to .*)$/.test(message);
  return !known || !(data instanceof Error) || !planned.some((pattern) => pattern.test(data.message));
}
