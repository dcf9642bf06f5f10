import type { Clock } from "../wire/clock.ts";
import type { Body } from "../wire/frames.ts";
import type { MessageContext, Shape } from "./contexts.ts";
import type { AppEvents, EventBus } from "./hosts.ts";

/** A message or call on its way in, before its body is read. */
export interface Inbound<S = Shape> extends MessageContext<S> {
  /** The name of the service that it is for. */
  readonly service: string;
  /** Whether the client waits for an answer. */
  readonly kind: "message" | "call";
  /** The body as it came; what it is replaced with is what the service reads. */
  body: Body;
  /** The app's clock. */
  readonly clock: Clock;
  /** The app's bus. */
  readonly events: EventBus<AppEvents>;
}

/** Hands on to the next middleware, and in the end to the service. */
export type Next<S = Shape> = (inbound: Inbound<S>) => unknown;

/**
 * Stands before every service, or before one. It hands on by returning `next(inbound)`; where it does not, the message is
 * dropped and a call fails with `cancelled`. Throwing a `PrismError` fails the call with it.
 *
 * `inbound` is valid until the middleware returns, or, where it returns a promise, until that settles: the next message
 * of the same client, never of another, may come in the same object. What is needed for longer is to be copied.
 */
export type Middleware<S = Shape> = (inbound: Inbound<S>, next: Next<S>) => unknown;

/**
 * Composes middleware, once, into one function that makes nothing per message.
 *
 * @param chain the middleware, first to last
 * @param last what they lead to
 * @returns hands a message to the first of them
 */
export function compose<S>(chain: readonly Middleware<S>[], last: Next<S>): Next<S> {
  return chain.reduceRight<Next<S>>((next, middleware) => (inbound) => middleware(inbound, next), last);
}
