import type { Clock, Timer } from "../wire/clock.ts";
import { randomId } from "../wire/random-id.ts";
import { fromUtf8 } from "../wire/utf8.ts";
import type { Broker, Page, Position } from "./broker.ts";
import { Patience, QUEUE } from "./patience.ts";
import { type RedisClient, watch } from "./redis-client.ts";
import { RedisLife } from "./redis-life.ts";
import { RedisLine } from "./redis-line.ts";
import { RedisMembers } from "./redis-members.ts";
import { createNames } from "./redis-names.ts";
import { fromStored } from "./redis-payload.ts";
import { MEMORY, RedisPublisher } from "./redis-publisher.ts";
import { readScript } from "./redis-scripts.ts";
import { RedisSubscriber } from "./redis-subscriber.ts";

export type { Clock, Timer } from "../wire/clock.ts";
export type { Body } from "../wire/frames.ts";
export type {
  Broker,
  ChannelListener,
  Delivery,
  Entry,
  EntryChange,
  Eventually,
  Page,
  PageRequest,
  Position,
  Retention,
  Roll,
} from "./broker.ts";
export type { RedisArgument, RedisClient } from "./redis-client.ts";

/** What `redis` takes. */
export interface RedisBrokerOptions {
  /** What every key and channel in Redis begins with: `prism`. Apps that are not to hear of one another need different ones. */
  readonly prefix?: string | undefined;
  /** For how long what a node has entered outlives it, in ms: 10,000. It is gone within two fifths more. */
  readonly lease?: number | undefined;
  /** For how long an answer is waited for, in ms: 5,000. */
  readonly patience?: number | undefined;
  /** How many calls may wait for an answer at once: 16,384. */
  readonly queue?: number | undefined;
  /** How many bytes what is published, and waits for that, may have in all: 67,108,864. One message may always wait. */
  readonly queueBytes?: number | undefined;
}

/**
 * Opens a node over Redis: see `redis`.
 *
 * @param client a client of ioredis, `Redis` or `Cluster`
 * @param clock the time
 * @param options the names, and how long to wait
 * @returns the node
 * @throws {TypeError} if the client is none of ioredis
 * @throws {RangeError} if a number of the options makes no sense
 */
export function createRedisBroker(client: RedisClient, clock: Clock, options: RedisBrokerOptions): Broker {
  const { prefix = "prism", lease = 10_000, patience: ms = 5_000 } = options;
  const { queue = QUEUE.queue, queueBytes = QUEUE.queueBytes } = options;
  if (typeof client?.callBuffer !== "function" || typeof client.duplicate !== "function") {
    throw new TypeError("The client is none of ioredis");
  }
  for (const [name, value] of Object.entries({ lease, patience: ms, queue, queueBytes })) {
    if (!(value >= 1 && value <= 0x7fffffff)) throw new RangeError(`The ${name} is ${value}`);
  }

  const node = randomId();
  const names = createNames(prefix, keyPrefixOf(client));
  const patience = new Patience(clock, ms, { queue, queueBytes });
  const line = new RedisLine(client, clock, patience);
  const publisher = new RedisPublisher(node, line, names);
  const subscriber = new RedisSubscriber(client, clock, patience, ms, names.probe(node));
  // These are asked for by nobody, and must not find the queue full.
  const own = new Patience(clock, ms, { queue: Infinity, queueBytes: Infinity });
  const ownLine = new RedisLine(client, clock, own);
  const life = new RedisLife(node, ownLine, names, clock, lease);
  const members = new RedisMembers(ownLine, line, names, patience, life);

  let timer: Timer | undefined;
  let closing: Promise<void> | undefined;

  async function beat(): Promise<void> {
    try {
      const anew = await life.beat();
      await members.tellAgain(anew);
      await subscriber.probe(ownLine);
    } catch {
      // The next one does what this one could not.
    }
  }

  function beatAgain(): void {
    if (!closing) timer = clock.setTimer(() => void beat().then(beatAgain), life.interval);
  }

  beatAgain();
  const unwatch = watch(
    client,
    () => {
      line.flush();
      ownLine.flush();
      void beat().then(() => members.tellAgain(true));
    },
    () => {
      subscriber.interrupt();
      void members.tellAgain(true);
    },
  );

  async function close(keep: boolean): Promise<void> {
    timer?.cancel();
    subscriber.close();
    patience.close();
    try {
      if (!keep) {
        await members.takeOut();
        await life.end();
      }
    } catch {
      // It is left to the lease.
    }
    unwatch();
    own.close();
  }

  return {
    node,
    lease,
    publish(channel, body, retention): Promise<Position | undefined> {
      return publisher.publish(channel, body, retention);
    },
    subscribe(channel, listener) {
      return subscriber.subscribe(names.live(channel), listener);
    },
    async read(channel, { after, limit, retention }): Promise<Page> {
      const args = [after ?? "", limit, retention === undefined ? "" : randomId(), MEMORY];
      const answer = (await line.run(readScript, [names.meta(channel), names.stream(channel)], args)) as Uint8Array[];
      const [offset = "", epoch = "", to = ""] = answer.slice(0, 3).map(fromUtf8);
      const messages = answer.slice(3).map((stored) => fromStored(stored));
      return { messages, to: Number(to), position: { offset: Number(offset), epoch } };
    },
    enter(channel, key, state) {
      return members.tell(channel, key, state);
    },
    leave(channel, key) {
      return members.tell(channel, key, undefined);
    },
    roll(channel) {
      return members.roll(channel);
    },
    close(keep = false) {
      closing ??= close(keep);
      return closing;
    },
  };
}

/** What the client puts before keys by itself. */
function keyPrefixOf(client: object): string {
  // A text, or bytes, which write themselves.
  const { keyPrefix } = (client as { options?: { keyPrefix?: string | Uint8Array | null } }).options ?? {};
  return (keyPrefix ?? "").toString();
}
