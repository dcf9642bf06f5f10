import { createStorage } from "unstorage";
import * as v from "valibot";
import { prism, type LogEntry, type PrismOptions } from "../../../mod.ts";
import type { Broker } from "../../../src/broker/broker.ts";
import { memoryBroker } from "../../../src/broker/memory-broker.ts";
import { createMemoryHub } from "../../../src/broker/memory-hub.ts";
import type { Servable } from "../../../src/server/admission.ts";
import { pubsub as half } from "../../../src/services/pubsub/client.ts";
import { channel, event, pubsub } from "../../../src/services/pubsub/server.ts";
import { connectInMemory } from "../../../src/testing/connect-in-memory.ts";
import { createNetwork } from "../../../src/testing/network.ts";

/** What the app of these tests asks, and does, at its hooks. */
export interface Hooks {
  subscribe: (params: { readonly room: string }) => boolean | Promise<boolean>;
  presence: (id: string) => { id: string; n?: number } | Promise<{ id: string; n?: number }>;
}

interface Shape {
  state: { name: string };
}

/** Kinds of channel: one that keeps its past and tells who is there, one that keeps nothing. */
export function createService(hooks: Hooks, options: { subscriptions?: number } = {}) {
  return pubsub(
    {
      "kept/:room": channel.with<Shape>()({
        message: v.number(),
        input: v.number(),
        publish: (n) => n,
        subscribe: ({ params }) => hooks.subscribe(params),
        presence: ({ connection }) => hooks.presence(connection.state.name),
        history: { size: 50, ttl: 600_000 },
      }),
      "plain/:room": channel.with<Shape>()({
        message: v.number(),
        input: v.number(),
        publish: (n) => n,
        subscribe: ({ params }) => hooks.subscribe(params),
      }),
      "bytes/:room": channel({ message: v.instance(Uint8Array), subscribe: true }),
    },
    {
      receives: {
        echo: event(v.unknown(), (value) => value),
        who: event(v.number(), (_, { session }) => session.id),
        add: event.with<Shape>()(v.number(), (n, { connection }) => `${connection.state.name}${n}`),
      },
      emits: { alert: v.string() },
      user: (who) => (who as unknown as { connection: { state: { name: string } } }).connection.state.name,
      ...options,
    },
  );
}

/** Nodes of one app, and what connects them. */
export function createStage({ seed = 1, exact = false, gate, hooks: own = {}, ...more }: StageOptions = {}) {
  const network = createNetwork({ seed });
  const { clock } = network;
  const hub = createMemoryHub(clock);
  const handover = createStorage();
  const hooks: Hooks = { subscribe: () => true, presence: (id) => ({ id }), ...own };
  const log: LogEntry[] = [];
  const happened: string[] = [];
  let names = 0;

  /** One more node. */
  function open(options: PrismOptions = {}) {
    const app = prism<Shape>({
      clock,
      handover,
      session: false,
      broker: { open: (given) => hold({ ...memoryBroker({ clock: given, hub }), ...(exact && { exact }) }, gate) },
      log: (entry) => void log.push(entry),
      limits: { heartbeat: 100_000_000, resumeWithin: 10_000 },
      admit: (request) => ({ state: { name: request.headers.get("name") ?? "" } }),
      ...(options as object),
    }).service("rooms", createService(hooks, more));
    for (const name of ["channelopen", "channelclose", "subscribe", "unsubscribe"] as const)
      app.events.on(name, ({ name: of }) => void happened.push(`${name} ${of}`));
    return app;
  }

  /** A client, which finds whatever `find` says is there. */
  function join(find: Servable | (() => Servable), name = `c${names++}`) {
    const now = typeof find === "function" ? find : (): Servable => find;
    const servable: Servable = {
      admit: (request, info) => now().admit(request, info),
      fetch: (request, info) => now().fetch(request, info),
    } as Servable;
    const said: unknown[] = [];
    const client = connectInMemory<TestApp>(servable as TestApp, {
      services: { rooms: half() },
      network,
      headers: { name },
      log: (entry) => void said.push(entry),
    });
    return { ...client, name, said, client };
  }

  /** What the log calls a failure. */
  const failures = (): unknown[] =>
    log.filter(({ level }) => level === "error").map(({ message, data }) => [message, String(data)]);

  return { network, clock, hub, handover, hooks, log, happened, open, join, failures };
}

/** A broker that takes its time with the channel `kept/a` where the gate says so. */
function hold(broker: Broker, gate: StageOptions["gate"]): Broker {
  if (gate === undefined) return broker;
  const wait = async (what: "subscribe" | "read" | "roll", channel: string): Promise<void> => {
    if (channel.endsWith("kept/a")) await gate(what);
  };
  return {
    ...broker,
    subscribe: async (channel, listener) => {
      await wait("subscribe", channel);
      return broker.subscribe(channel, listener);
    },
    read: async (channel, request) => {
      await wait("read", channel);
      return broker.read(channel, request);
    },
    roll: async (channel) => {
      await wait("roll", channel);
      return broker.roll(channel);
    },
  };
}

export interface StageOptions {
  /** What the broker waits for. */
  readonly gate?: (what: "subscribe" | "read" | "roll") => Promise<unknown> | undefined;
  readonly seed?: number;
  /** Whether the broker says that it brings everything once and in order. */
  readonly exact?: boolean;
  readonly hooks?: Partial<Hooks>;
  readonly subscriptions?: number;
}

export type TestApp = ReturnType<ReturnType<typeof createStage>["open"]>;
export type TestClient = ReturnType<ReturnType<typeof createStage>["join"]>;

/** What somebody heard of a channel, and was told. */
export function hear(room: {
  on(listener: (message: number, info: { offset: number | undefined; recovered: boolean }) => void): () => void;
  on(name: "subscribed", listener: (info: { recovered: boolean; first: boolean }) => void): () => void;
  on(name: "ended", listener: (error: Error) => void): () => void;
}) {
  const got: unknown[] = [];
  room.on("subscribed", ({ recovered, first }) => void got.push(first ? "first" : recovered ? "recovered" : "gap"));
  room.on("ended", (error) => void got.push(`ended ${(error as Error & { code: string }).code}`));
  const off = room.on((message) => void got.push(message));
  return { got, off };
}
