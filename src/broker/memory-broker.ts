import type { Clock } from "../wire/clock.ts";
import { PrismError } from "../wire/errors.ts";
import { randomId } from "../wire/random-id.ts";
import type { Broker } from "./broker.ts";
import { createMemoryHub, type MemoryHub } from "./memory-hub.ts";

export { createMemoryHub, type MemoryHub } from "./memory-hub.ts";

/** What {@linkcode memoryBroker} takes. */
export interface MemoryBrokerOptions {
  /** The time, for a broker that has a hub to itself. */
  readonly clock: Clock;
  /** What is shared with other nodes in this process. */
  readonly hub?: MemoryHub | undefined;
  /** For how long what was entered outlives a node that is closed with `keep`, in ms: 10,000. */
  readonly lease?: number | undefined;
}

/**
 * Connects the nodes of one process, or serves one alone. All is done at once: nothing waits, and nothing is unavailable.
 *
 * @param options the time, and what is shared
 * @returns the broker, of which nothing outlives the process
 */
export function memoryBroker(options: MemoryBrokerOptions): Broker {
  const { hub = createMemoryHub(options.clock), lease = 10_000 } = options;
  const node = randomId();
  const offs = new Set<() => void>();
  const entered = new Map<string, Set<string>>();
  let closed = false;

  function takeOut(): void {
    for (const [channel, keys] of entered) for (const key of keys) hub.leave(channel, node, key);
    entered.clear();
  }

  return {
    node,
    exact: true,
    lease,
    publish(channel, body, retention) {
      return closed ? refuse() : hub.publish(channel, body, retention);
    },
    subscribe(channel, listener) {
      return closed ? refuse() : hub.subscribe(channel, listener, offs);
    },
    read(channel, request) {
      return closed ? refuse() : hub.read(channel, request);
    },
    enter(channel, key, state) {
      if (closed) return refuse();
      const keys = entered.get(channel);
      if (keys) keys.add(key);
      else entered.set(channel, new Set([key]));
      return hub.enter(channel, node, key, state);
    },
    leave(channel, key) {
      if (closed) return refuse();
      const keys = entered.get(channel);
      if (keys?.delete(key) && keys.size === 0) entered.delete(channel);
      return hub.leave(channel, node, key);
    },
    roll(channel) {
      return closed ? refuse() : hub.roll(channel);
    },
    close(keep = false) {
      for (const off of offs) off();
      if (closed && keep) return;
      // Who closes it again without `keep` has changed their mind.
      if (!keep) takeOut();
      else if (entered.size > 0) hub.clock.setTimer(takeOut, lease);
      closed = true;
    },
  };
}

function refuse(): Promise<never> {
  return Promise.reject(new PrismError("closed", "The broker is closed"));
}
