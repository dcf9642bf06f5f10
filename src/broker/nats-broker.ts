import type { Clock } from "../wire/clock.ts";
import type { Body } from "../wire/frames.ts";
import { randomId } from "../wire/random-id.ts";
import type { Broker, ChannelListener, Page, PageRequest, Position, Retention, Roll } from "./broker.ts";
import type { Call } from "./nats-call.ts";
import type { NatsConnection, NatsHeaders, NatsMessage } from "./nats-connection.ts";
import { kindOf, LABEL, readChange, readLabel, toBody, toData, toToken, writeLabel } from "./nats-format.ts";
import { Lanes } from "./nats-lanes.ts";
import { QUEUE } from "./patience.ts";
import { NatsLeases } from "./nats-leases.ts";
import { NatsLink } from "./nats-link.ts";
import { NatsPast } from "./nats-past.ts";
import { NatsPresence } from "./nats-presence.ts";
import { NatsRolls } from "./nats-rolls.ts";
import { NatsStreams } from "./nats-streams.ts";

/** What `nats` takes. */
export interface NatsBrokerOptions {
  /** The client's own `headers`, which makes those of a message. */
  readonly headers: () => NatsHeaders;
  /** What all subjects and streams begin with: `prism`. Apps that share a server and no channels need different ones. */
  readonly prefix?: string | undefined;
  /** For how long what a node has entered outlives it, in ms, at least 1,000: 10,000. */
  readonly lease?: number | undefined;
  /** For how long the server is waited for, in ms, at most 30,000: 5,000. */
  readonly patience?: number | undefined;
  /** How many calls may wait for it: 16,384. */
  readonly queue?: number | undefined;
  /** How many bytes what is published, and waits for it, may have in all: 67,108,864. One message may always wait. */
  readonly queueBytes?: number | undefined;
  /** On how many servers of a cluster streams are kept, 1 to 5: 1. Streams that are there already stay as they are. */
  readonly replicas?: number | undefined;
}

/** Those who listen to a channel here, by one subscription. */
interface Hub {
  readonly listeners: Set<{ readonly listener: ChannelListener }>;
  /** How many of them there are, those included that wait for the server. */
  users: number;
  readonly subscription: { unsubscribe(): void };
}

/**
 * Opens a node over NATS: see `nats`.
 *
 * @param connection a connection of `@nats-io/transport-node` or one of its siblings
 * @param clock the time
 * @param options the client's `headers`, and what else there is to choose
 * @returns the node
 * @throws {TypeError} if an option is none
 */
export function createNatsBroker(connection: NatsConnection, clock: Clock, options: NatsBrokerOptions): Broker {
  const { headers, prefix = "prism", lease = 10_000, patience = 5_000, replicas = 1 } = options;
  const { queue = QUEUE.queue, queueBytes = QUEUE.queueBytes } = options;
  if (!/^[\w-]{1,64}$/.test(prefix)) throw new TypeError(`Cannot begin subjects with "${prefix}": use A-Z a-z 0-9 - _`);
  check("lease", lease, 1_000, 86_400_000);
  check("patience", patience, 1, 30_000);
  check("queue", queue, 1, Infinity);
  check("queueBytes", queueBytes, 1, Infinity);
  check("replicas", replicas, 1, 5);
  return new NatsBroker(
    new NatsLink({ connection, headers, clock, patience, queue, queueBytes }),
    prefix,
    lease,
    replicas,
  );
}

function check(name: string, value: number, least: number, most: number): void {
  if (value >= least && value <= most && (Number.isInteger(value) || value === Infinity)) return;
  throw new TypeError(`Cannot use ${value} as ${name}: it is a whole number from ${least} to ${most}`);
}

class NatsBroker implements Broker {
  readonly node: string = randomId();
  readonly lease: number;
  readonly #link: NatsLink;
  readonly #prefix: string;
  readonly #streams: NatsStreams;
  readonly #past: NatsPast;
  readonly #rolls: NatsRolls;
  readonly #presence: NatsPresence;
  /** What is published to one channel goes one after another. */
  readonly #lanes = new Lanes();
  readonly #hubs = new Map<string, Hub>();
  #closing: Promise<void> | undefined;

  constructor(link: NatsLink, prefix: string, lease: number, replicas: number) {
    const own = { node: this.node, lease };
    this.lease = lease;
    this.#link = link;
    this.#prefix = prefix;
    this.#streams = new NatsStreams(link, replicas, `${prefix}.i.${this.node}`);
    this.#past = new NatsPast(link, this.#streams, prefix);
    this.#rolls = new NatsRolls(this.#streams, prefix);
    this.#presence = new NatsPresence(link, this.#rolls, new NatsLeases(link, this.#streams, prefix, own), own);
    void link.watch(() => this.#back());
  }

  // --- messages ---

  publish(channel: string, body: Body, retention?: Retention): Promise<Position | undefined> {
    const work = async (call: Call): Promise<Position | undefined> => {
      // A new message must not overtake one that is still being stored.
      if (retention === undefined && !this.#lanes.isBusy(channel)) return this.#send(call, channel, body);
      return this.#lanes.run(channel, async () => {
        call.check();
        if (retention === undefined) return this.#send(call, channel, body);
        return this.#past.publish(call, channel, body, retention);
      });
    };
    return this.#link.within(work, false, body.length);
  }

  async #send(call: Call, channel: string, body: Body): Promise<undefined> {
    const data = this.#link.fit(toData(body));
    const headers = this.#link.headers({ [LABEL]: writeLabel({ kind: kindOf(body), number: 0, epoch: "" }) });
    const subject = `${this.#prefix}.l.${toToken(channel)}`;
    await this.#link.send(call, data.length, () => this.#link.connection.publish(subject, data, { headers }));
    return undefined;
  }

  read(channel: string, request: PageRequest): Promise<Page> {
    return this.#link.within((call) => this.#past.read(call, channel, request));
  }

  // --- who listens ---

  subscribe(channel: string, listener: ChannelListener): Promise<() => void> {
    return this.#link.within(async (call) => {
      const hub = this.#hub(channel);
      const one = { listener };
      hub.users++;
      const off = (): void => {
        hub.listeners.delete(one);
        if (--hub.users > 0) return;
        hub.subscription.unsubscribe();
        if (this.#hubs.get(channel) === hub) this.#hubs.delete(channel);
      };
      try {
        await this.#link.send(call, 0, () => {});
      } catch (error) {
        off();
        throw error;
      }
      this.#presence.watch();
      hub.listeners.add(one);
      return () => {
        if (hub.listeners.has(one)) off();
      };
    });
  }

  #hub(channel: string): Hub {
    let hub = this.#hubs.get(channel);
    if (hub === undefined) {
      const listeners: Hub["listeners"] = new Set();
      const subject = `${this.#prefix}.l.${toToken(channel)}`;
      const callback = (error: Error | null, message: NatsMessage): void => {
        if (!error) this.#hear(channel, listeners, message);
      };
      hub = { listeners, users: 0, subscription: this.#link.connection.subscribe(subject, { callback }) };
      this.#hubs.set(channel, hub);
    }
    return hub;
  }

  #hear(channel: string, listeners: Hub["listeners"], { headers, data }: NatsMessage): void {
    const label = readLabel(headers?.get(LABEL));
    if (label === undefined) return;
    const seq = Number(headers?.get("Nats-Sequence"));
    try {
      if (label.kind === "c") {
        this.#rolls.heard(channel, label.number, seq);
        const change = readChange(label, data);
        for (const { listener } of listeners) listener.change(change);
        return;
      }
      const { number: offset, epoch } = label;
      if (epoch !== "") this.#past.heard(channel, label, headers?.get("Nats-Stream"), seq);
      if (label.kind === "e") return;
      const body = toBody(label, data);
      const position = offset > 0 ? { offset, epoch } : undefined;
      for (const { listener } of listeners) listener.message({ body, position });
    } catch {
      // It is none of Prism's.
    }
  }

  #back(): void {
    if (this.#link.closed) return;
    this.#streams.forget();
    for (const { listeners } of this.#hubs.values()) for (const { listener } of listeners) listener.interrupted();
    this.#presence.back();
  }

  // --- who is there ---

  enter(channel: string, key: string, state: string): Promise<void> {
    return this.#link.within((call) => this.#presence.enter(call, channel, key, state));
  }

  leave(channel: string, key: string): Promise<void> {
    return this.#link.within((call) => this.#presence.leave(call, channel, key));
  }

  roll(channel: string): Promise<Roll> {
    return this.#link.within((call) => {
      this.#presence.watch();
      return this.#presence.roll(call, channel);
    });
  }

  close(keep = false): Promise<void> {
    return (this.#closing ??= this.#close(keep));
  }

  async #close(keep: boolean): Promise<void> {
    this.#link.close();
    for (const { listeners, subscription } of this.#hubs.values()) {
      listeners.clear();
      subscription.unsubscribe();
    }
    this.#hubs.clear();
    await this.#presence.close(keep);
    this.#link.stop();
  }
}
