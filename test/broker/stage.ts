import { expect, onTestFinished } from "vitest";
import type {
  Broker,
  ChannelListener,
  Delivery,
  EntryChange,
  Eventually,
  Page,
  Roll,
} from "../../src/broker/broker.ts";
import type { Body } from "../../src/wire/frames.ts";

/** An engine of its own, with nothing in it, and the nodes that share it. */
export interface Engine {
  /** Starts a node, whose lease is between 1 and 5 s. */
  open(): Promise<Broker>;
  /** Lets time go by. */
  pass(ms: number): Promise<void>;
  /** A node dies without a word: its sockets are gone, and its timers do not run any more. */
  kill?(node: Broker): Promise<void>;
  /** A node's sockets are closed, once; what was under way on them is lost, and it may open others at once. */
  cut?(node: Broker): Promise<void>;
  /** A node is held up: nothing that it sends or is sent arrives, and its timers do not run, until it is let go. */
  hold?(node: Broker): Promise<void>;
  release?(node: Broker): Promise<void>;
  /** The engine answers nothing, with all sockets open, until it is resumed. */
  pause?(): Promise<void>;
  resume?(): Promise<void>;
  /** The engine ends, and knows nothing once it is started again. */
  stop?(): Promise<void>;
  start?(): Promise<void>;
  /** Ends the engine, and what is left of its nodes. */
  close(): Promise<void>;
}

/** What an engine can be put through, and what may be asked of its nodes. */
export interface Capabilities {
  /** `patience` of the nodes, in ms; together with `queue`, where the engine is elsewhere. */
  readonly patience?: number;
  /** `queue` of the nodes. */
  readonly queue?: number;
  /** `queueBytes` of the nodes: two fifths of it are one message. */
  readonly queueBytes?: number;
  /** How much later than `lease` a dead node's entries may be gone, in ms. */
  readonly slack?: number;
  /** Whether `kill`, `cut`, `hold`, and `pause` with `stop` are there. */
  readonly kill?: boolean;
  readonly cut?: boolean;
  readonly hold?: boolean;
  readonly pause?: boolean;
  readonly stop?: boolean;
  /** Whether calls that follow on one another on one channel are heard in that order, and once, in fair weather. */
  readonly ordered?: boolean;
  /** How many random schedules are played; each is some dozens of calls. */
  readonly schedules?: number;
}

/** Opens an engine for one test. */
export type OpenEngine = () => Promise<Engine>;

/** Opens an engine with some nodes, for one test. */
export async function setUp<Count extends number>(open: OpenEngine, count: Count): Promise<Stage> {
  const engine = await open();
  onTestFinished(() => engine.close());
  const nodes: Broker[] = [];
  for (let n = 0; n < count; n++) nodes.push(await engine.open());
  const [one, two, three, four] = nodes;
  return { engine, nodes, one: one!, two: two!, three: three!, four: four! };
}

/** An engine and its nodes; those that were not asked for are not there. */
export interface Stage {
  readonly engine: Engine;
  readonly nodes: readonly Broker[];
  readonly one: Broker;
  readonly two: Broker;
  readonly three: Broker;
  readonly four: Broker;
}

/** Notes all that it hears. */
export class Ear implements ChannelListener {
  readonly deliveries: Delivery[] = [];
  readonly changes: EntryChange[] = [];
  interruptions = 0;
  off: () => void = () => {};

  message(delivery: Delivery): void {
    this.deliveries.push(delivery);
  }

  change(change: EntryChange): void {
    this.changes.push(change);
  }

  interrupted(): void {
    this.interruptions++;
  }

  get bodies(): Body[] {
    return this.deliveries.map(({ body }) => body);
  }

  /** What it has heard by its offsets, each once, whatever came twice or late. */
  get numbered(): ReadonlyMap<number, Body> {
    const all = new Map<number, Body>();
    for (const { body, position } of this.deliveries) if (position) all.set(position.offset, body);
    return new Map([...all].toSorted(([a], [b]) => a - b));
  }

  /** The changes by their versions, each once, whatever came twice or late. */
  get versions(): ReadonlyMap<number, EntryChange> {
    const all = new Map(this.changes.map((change) => [change.version, change] as const));
    return new Map([...all].toSorted(([a], [b]) => a - b));
  }
}

/** Subscribes something that notes all that it hears. */
export async function listen(node: Broker, channel: string): Promise<Ear> {
  const ear = new Ear();
  ear.off = await node.subscribe(channel, ear);
  return ear;
}

/** Waits for something to be so, for as long as a slow machine may need. */
export async function until(holds: () => unknown, timeout = 15_000): Promise<void> {
  await expect.poll(() => Boolean(holds()), { timeout, interval: 5 }).toBe(true);
}

/** Settles with the code of what it rejects with, or nothing; the call itself must not throw. */
export async function codeOf(call: () => unknown): Promise<string | undefined> {
  const result = call();
  try {
    await result;
    return undefined;
  } catch (error) {
    expect(error).toHaveProperty("name", "PrismError");
    return (error as { code: string }).code;
  }
}

/** Waits for all of them, at once or not. */
export function all<Value>(values: readonly Eventually<Value>[]): Promise<Value[]> {
  return Promise.all(values.map(async (value) => value));
}

/** The whole of what is kept of a channel's past. */
export async function past(node: Broker, channel: string): Promise<Page> {
  return node.read(channel, { limit: 10_000 });
}

/** Who is in a channel, as lines that can be compared, with who has told where names are given. */
export function linesOf(roll: Roll, names: readonly Broker[] = []): string[] {
  const of = (node: string): string => String(names.findIndex((broker) => broker.node === node));
  return roll.entries.map(({ node, key, state }) => `${of(node)} ${key}=${state}`).toSorted();
}

/** From 1 to a number. */
export function upTo(last: number, first = 1): number[] {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, at) => first + at);
}

export const minute = 60_000;
/** What nothing runs out of in a test. */
export const ample = { size: 10_000, ttl: 10 * minute } as const;

let channels = 0;
/** A channel's name that no other test has. */
export function newChannel(): string {
  return `/room/${channels++}`;
}
