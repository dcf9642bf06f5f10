/** What keys and channels are called in Redis. Those of one channel of Prism's are in one hash slot, by the braces. */
export interface RedisNames {
  /** Where messages and changes of a channel are published. */
  live(channel: string): string;
  /** A hash: how far the channel is, its epoch, and when to look for what is too old. */
  meta(channel: string): string;
  /** A stream: the messages that are kept, at `<offset>-<end>`, the end being that of their time by Redis' clock, in ms. */
  stream(channel: string): string;
  /** A hash: what one node has lately published, by its own numbers. */
  recent(channel: string, node: string): string;
  /** A hash: who is in the channel, by node and key. */
  roll(channel: string): string;
  /** A number: how many changes the roll has had. */
  version(channel: string): string;
  /** A sorted set: all lives of nodes that have entered anything, by the end of their lease, in ms by Redis' clock. */
  readonly lives: string;
  /** A set: the channels in which a node may have entered something in one of its lives. */
  entered(life: string): string;
  /** Where a node publishes to find out whether it hears. */
  probe(node: string): string;
}

/**
 * Names what there is in Redis.
 *
 * @param prefix what all names begin with
 * @param clientPrefix what the client puts before keys, but not before channels
 * @returns the names
 */
export function createNames(prefix: string, clientPrefix: string): RedisNames {
  const of = (channel: string, what: string): string => `${prefix}:{${encode(channel)}}:${what}`;
  return {
    live: (channel) => `${clientPrefix}${prefix}:{${encode(channel)}}`,
    meta: (channel) => of(channel, "meta"),
    stream: (channel) => of(channel, "stream"),
    recent: (channel, node) => of(channel, `recent:${node}`),
    roll: (channel) => of(channel, "roll"),
    version: (channel) => of(channel, "version"),
    lives: `${prefix}:lives`,
    entered: (life) => `${prefix}:entered:${life}`,
    probe: (node) => `${clientPrefix}${prefix}:probe:${node}`,
  };
}

/** Leaves nothing that means anything to Redis, or to who looks for keys by a pattern. */
function encode(channel: string): string {
  return channel.replace(/[^\w\-./:]/g, (sign) => `%${sign.charCodeAt(0).toString(16)}`);
}
