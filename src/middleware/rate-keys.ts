import type { ConnectionHandle } from "../service/contexts.ts";
import type { Inbound } from "../service/middleware.ts";
import { toAddressKey } from "../wire/address.ts";
import { utf8Length } from "../wire/utf8.ts";
import type { LimitedBy, LimitedPer } from "./rate-options.ts";

/** What counts of a key: ids and addresses are far shorter, and no client is to fill memory with one. */
const MAX_KEY = 256;

/**
 * Makes the function that says whose bucket a message takes from.
 *
 * @param by whose
 * @returns gives a message's key, or `undefined` for what is not limited
 */
export function toKeyOf<S>(by: LimitedBy<S>): (inbound: Inbound<S>) => string | undefined {
  if (by === "connection") return ({ connection }) => connection.id;
  if (by === "session") return ({ session }) => session.id;
  if (by === "address") return addressOf();
  return (inbound) => {
    const key = by(inbound);
    if (key === undefined) return undefined;
    if (typeof key !== "string") throw new TypeError(`The key of a rate limit is not a text: ${String(key)}`);
    // Written anew: a part of a text keeps all of it in memory.
    return key.length <= MAX_KEY ? key : Array.from({ length: MAX_KEY }, (_, at) => key[at]).join("");
  };
}

/** An address is read once for each connection. */
function addressOf(): (inbound: { readonly connection: ConnectionHandle<unknown> }) => string {
  const keys = new WeakMap<ConnectionHandle<unknown>, string>();
  return ({ connection }) => {
    let key = keys.get(connection);
    if (key === undefined) {
      const { remoteAddress, id } = connection;
      keys.set(connection, (key = remoteAddress === undefined ? id : toAddressKey(remoteAddress)));
    }
    return key;
  };
}

/**
 * Makes the function that says what a message takes.
 *
 * @param per what is counted
 * @returns gives a message's cost in tokens
 */
export function toCostOf<S>(per: LimitedPer<S>): (inbound: Inbound<S>) => number {
  if (per === "message") return () => 1;
  if (per === "call") return ({ kind }) => (kind === "call" ? 1 : 0);
  // One without a body is not for nothing.
  if (per === "byte") return ({ body }) => Math.max(1, typeof body === "string" ? utf8Length(body) : body.length);
  return (inbound) => {
    const cost = per(inbound);
    if (!Number.isFinite(cost) || cost < 0)
      throw new RangeError(`The cost of a message is not a number from 0 up: ${String(cost)}`);
    return cost;
  };
}
