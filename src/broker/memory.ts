import type { BrokerSource } from "./broker.ts";
import { createMemoryHub, memoryBroker, type MemoryHub } from "./memory-broker.ts";

/**
 * Connects several servers of one process: those that are given the same. For tests, and for an app that is served twice.
 *
 * @returns what `prism` takes as its `broker`
 * @example const broker = memory(); const apps = [prism({ broker }), prism({ broker })];
 */
export function memory(): BrokerSource {
  let hub: MemoryHub | undefined;
  return { open: (clock) => memoryBroker({ clock, hub: (hub ??= createMemoryHub(clock)) }) };
}
