import type { ChannelListener, Delivery, EntryChange } from "./broker.ts";
import type { Pending } from "./patience.ts";

/** One `subscribe`, from when it has settled. */
export interface Subscription {
  readonly listener: ChannelListener;
  on: boolean;
}

/** A subscription that waits for Redis. */
export interface Joining extends Pending {
  join(): void;
}

/** A channel that this node listens to, or is about to. */
export interface Room {
  /** Copied where it is changed, as it may be gone through. */
  listeners: readonly Subscription[];
  readonly joining: Set<Joining>;
  /** Whether Redis has said, on the connection that there is, that it is subscribed. */
  joined: boolean;
}

/** Tells all of what was heard, or of an interruption, where it is nothing. */
export function tell(listeners: readonly Subscription[], heard: Delivery | EntryChange | undefined): void {
  for (const { on, listener } of listeners) {
    if (!on) continue;
    if (heard === undefined) listener.interrupted();
    else if ("body" in heard) listener.message(heard);
    else listener.change(heard);
  }
}
