import type { Call } from "./nats-call.ts";
import type { NatsLink } from "./nats-link.ts";
import type { Log, StreamConfig } from "./nats-log.ts";
import type { NatsStreams } from "./nats-streams.ts";

/** A claim: nobody else looks after a node while it stands. */
export interface Claim {
  /** Whether there is still time for something. */
  readonly holds: () => boolean;
  release(call: Call): Promise<void>;
}

/** A node that is known, and for how long what it has entered outlives it. */
export interface KnownNode {
  readonly node: string;
  readonly lease: number;
}

/**
 * Which nodes are alive, and in which channels each has entered somebody. A node's lease is a message in a stream that
 * forgets it in time; that there is such a node, and its channels, stand in another stream, which does not.
 */
export class NatsLeases {
  readonly #link: NatsLink;
  readonly #streams: NatsStreams;
  readonly #prefix: string;
  readonly #own: KnownNode;
  readonly #nodes: StreamConfig;
  /** Where this node's lease stands in its stream; 0 for nowhere. */
  #seq = 0;

  constructor(link: NatsLink, streams: NatsStreams, prefix: string, own: KnownNode) {
    this.#link = link;
    this.#streams = streams;
    this.#prefix = prefix;
    this.#own = own;
    this.#nodes = {
      name: `${prefix}_nodes`,
      subjects: [`${prefix}.n.*.*`, `${prefix}.x.*.*`],
      size: 1,
      storage: "memory",
    };
  }

  #leases(lease: number): StreamConfig {
    const subjects = [`${this.#prefix}.a.${lease}.*`, `${this.#prefix}.t.${lease}.*`];
    return { name: `${this.#prefix}_leases_${lease}`, subjects, size: 1, ttl: lease, storage: "memory" };
  }

  #alive({ node, lease }: KnownNode): Log {
    return { stream: this.#leases(lease), subject: `${this.#prefix}.a.${lease}.${node}` };
  }

  #known({ node, lease }: KnownNode): Log {
    return { stream: this.#nodes, subject: `${this.#prefix}.n.${lease}.${node}` };
  }

  /**
   * Renews this node's lease.
   *
   * @returns whether it was still there
   */
  async renew(call: Call): Promise<boolean> {
    for (;;) {
      const { seq } = await this.#streams.append(call, this.#alive(this.#own), { expected: this.#seq });
      if (seq !== undefined) {
        this.#seq = seq;
        return true;
      }
      // One whose answer was lost stands there all the same.
      this.#seq = (await this.#streams.last(call, this.#alive(this.#own)))?.seq ?? 0;
      if (this.#seq === 0) return false;
    }
  }

  /** Makes this node known: its lease first, for who is known without one is dead. */
  async begin(call: Call): Promise<void> {
    while (!(await this.renew(call))) call.check();
    await this.#streams.append(call, this.#known(this.#own), {});
  }

  /** Ends this node's lease: the others look after what it leaves. */
  async end(call: Call): Promise<void> {
    await this.#streams.purge(call, this.#leases(this.#own.lease), this.#alive(this.#own).subject);
  }

  /** This node enters somebody in a channel. */
  async note(call: Call, token: string): Promise<void> {
    await this.#streams.append(
      call,
      { stream: this.#nodes, subject: `${this.#prefix}.x.${this.#own.node}.${token}` },
      {},
    );
  }

  /** There is nothing left of a node in a channel. */
  async unnote(call: Call, node: string, token: string): Promise<void> {
    await this.#streams.purge(call, this.#nodes, `${this.#prefix}.x.${node}.${token}`);
  }

  /** The channels that a node may be in. */
  async channelsOf(call: Call, node: string): Promise<readonly string[]> {
    const { counts } = await this.#streams.subjects(call, this.#nodes.name, `${this.#prefix}.x.${node}.*`);
    return [...counts.keys()].map((subject) => subject.split(".")[3]!);
  }

  /** There is nothing left of a node. */
  async forget(call: Call, node: KnownNode): Promise<void> {
    await this.#streams.purge(call, this.#nodes, this.#known(node).subject);
  }

  /** The nodes whose leases are over. */
  async dead(call: Call): Promise<readonly KnownNode[]> {
    const { counts } = await this.#streams.subjects(call, this.#nodes.name, `${this.#prefix}.n.*.*`);
    const known = [...counts.keys()].map((subject): KnownNode => {
      const [, , lease, node] = subject.split(".");
      return { node: node!, lease: Number(lease) };
    });
    const living = new Set<string>();
    for (const lease of new Set(known.map(({ lease }) => lease))) {
      const { counts } = await this.#streams.subjects(call, this.#leases(lease).name, `${this.#prefix}.a.${lease}.*`);
      for (const subject of counts.keys()) living.add(subject);
    }
    return known.filter((one) => one.node !== this.#own.node && !living.has(this.#alive(one).subject));
  }

  /** Claims to look after a node, or nothing where another does. A claim is over after a lease, also where its node dies. */
  async claim(call: Call, { node, lease }: KnownNode = this.#own): Promise<Claim | undefined> {
    const log = { stream: this.#leases(lease), subject: `${this.#prefix}.t.${lease}.${node}` };
    const since = this.#link.clock.now();
    const { seq } = await this.#streams.append(call, log, { expected: 0 });
    if (seq === undefined) return undefined;
    return {
      holds: () => this.#link.clock.now() - since < lease / 2,
      release: (call) => this.#streams.remove(call, log, seq),
    };
  }
}
