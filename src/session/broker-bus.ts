import type { Channels } from "../broker/channels.ts";
import { bodyText } from "../wire/codecs.ts";
import type { SessionBus, SessionChange } from "./bus.ts";

/** The channel on which servers tell each other. */
const ALL = "all";

/** A change, with the server that tells of it. */
interface Told extends SessionChange {
  readonly from: string;
}

/**
 * Tells servers of each other's sessions through the app's broker.
 *
 * @param channels those of the app's sessions
 * @returns the bus
 */
export function createBrokerBus(channels: Channels): SessionBus {
  return {
    publish(change) {
      const told: Told = { ...change, from: channels.node };
      // What is lost is read when it is needed: what counts is what is stored.
      (async () => channels.publish(ALL, JSON.stringify(told)))().catch(() => {});
    },
    subscribe(listener) {
      channels.listen(ALL, (body) => {
        const { from, ...change } = JSON.parse(bodyText(body)) as Told;
        if (from !== channels.node) listener(change);
      });
    },
  };
}
