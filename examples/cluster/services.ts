/** What the nodes tell their clients and one another: three channels, and the procedures of the page. */
import process from "node:process";
import * as v from "valibot";
import { channel, type PubsubServer } from "../../src/services/pubsub/server.ts";
import { procedure, rpc } from "../../src/services/rpc/server.ts";

/** What is known of a visitor, on whatever node they are. */
export interface Shape {
  session: { name?: string };
}

/** A node, as it is told to clients. */
export interface Identity {
  readonly name: string;
  readonly runtime: string;
  readonly pid: number;
}

/** How often each node says that it is there, in ms. */
const TICK = 500;
/** How a node can be made to end, and what becomes of its clients' connections then. */
const signals = { kill: "SIGKILL", drain: "SIGTERM" } as const;

const text = (length: number) => v.pipe(v.string(), v.trim(), v.nonEmpty(), v.maxLength(length));
const named = procedure.with<Shape>();

/**
 * What each node says twice a second. The history numbers the messages of all of them in one order, so a client knows
 * whether it has missed any; what it has missed while its node was gone, it gets from there.
 */
export const ticks = () =>
  channel({
    message: v.object({
      name: v.string(),
      runtime: v.string(),
      pid: v.number(),
      connections: v.number(),
      /** In ms since 1970, and for how long it has been there, in ms. */
      at: v.number(),
      up: v.number(),
    }),
    subscribe: true,
    history: { size: 600, ttl: 300_000 },
  });

/** What people say, with the node that published it. */
export const chat = (node: Identity) =>
  channel.with<Shape>()({
    message: v.object({ name: v.string(), node: v.string(), text: v.string(), at: v.number() }),
    input: v.object({ text: text(300) }),
    publish: (input, { session }) => ({ name: nameOf(session), node: node.name, text: input.text, at: Date.now() }),
    subscribe: true,
    // The session says who it is: two tabs are one visitor, also where they are on different nodes.
    presence: ({ session }) => ({ id: session.id, name: nameOf(session), node: node.name }),
    history: { size: 50, ttl: 3_600_000 },
  });

/**
 * How one node reaches another by name. No client may subscribe or publish: nothing is said of who may. Nothing is kept,
 * either, so a node that begins does not obey what its predecessor was told.
 */
export const control = () => channel({ message: v.object({ node: v.string(), signal: v.enum(signals) }) });

/** A connection was taken up by another node, named here: a client that was moved in time notices nothing of it. */
export const emits = { moved: v.string() };

type Channels = { ticks: ReturnType<typeof ticks>; chat: ReturnType<typeof chat>; control: ReturnType<typeof control> };
export type Live = PubsubServer<Channels, typeof emits>;

const nameOf = ({ data }: { data: Shape["session"] }): string => data.name ?? "Someone";

/** @param live Tells the others. */
export const createDesk = (node: Identity, live: Pick<Live, "publish" | "refreshPresence">) =>
  rpc({
    /**
     * Which node this connection is on, and who it is. Others are told as well: a connection that moves takes along what
     * was told of it elsewhere.
     */
    where: named(async ({ connection, session }) => {
      await live.refreshPresence(connection);
      return { ...node, you: nameOf(session) };
    }),
    rename: named(text(24), async (name, { connection, session }) => {
      session.data.name = name;
      // In this node's memory it holds from here on, for all connections of the session; on others once it is stored.
      await session.save();
      await live.refreshPresence(connection);
    }),
    /** Ends a node: at once, or when it has handed over its connections. Whoever takes this for a real app: guard it. */
    end: named(v.object({ node: text(40), how: v.picklist(["kill", "drain"]) }), async ({ node, how }) => {
      await live.publish("control", { node, signal: signals[how] });
    }),
  });

/**
 * Says twice a second that this node is there, and obeys what others tell it.
 *
 * @param connections How many it has.
 */
export async function run(node: Identity, live: Live, connections: () => number): Promise<void> {
  await live.channel("control").subscribe((order) => {
    if (order.node === node.name) process.kill(process.pid, order.signal);
  });
  const began = Date.now();
  const tick = (): void => {
    const at = Date.now();
    // Where Redis is away for longer than it waits, there is one tick less.
    live.publish("ticks", { ...node, connections: connections(), at, up: at - began }).catch(() => {});
  };
  tick();
  setInterval(tick, TICK);
}
