import type { ServiceEntry } from "./entry.ts";
import { Numbering, type Table } from "./numbering.ts";
import type { Parcel } from "./parcel.ts";
import type { Peer } from "./peer.ts";

/**
 * Ends a connection here, and gives all that another server needs to go on with it.
 *
 * @param peer the connection
 * @param entries the app's services, each of which may have something to add
 * @param table the app's table as JSON
 * @returns the parcel
 * @throws what a service threw; the connection has ended all the same
 */
export function packPeer(peer: Peer, entries: readonly ServiceEntry[], table: string): Parcel {
  const { id, live, met, token, nextToken, state, numbering } = peer;
  const services = new Map<string, unknown>();
  const wire = peer.freeze(() => {
    for (const entry of entries) {
      const parked = entry.park(peer);
      if (parked !== undefined) services.set(entry.name, parked);
    }
  });
  const known = numbering?.table ?? (JSON.parse(table) as Table);
  return { id, session: live?.id, met, token, nextToken, state, table: known, wire, services };
}

/** The numbers that a connection goes by whose client has another table than this app's. */
export function toNumbering({ table }: Parcel, own: string): Numbering | undefined {
  return JSON.stringify(table) === own ? undefined : new Numbering(table, JSON.parse(own) as Table);
}

/**
 * Has the services go on with a connection.
 *
 * @throws what a service threw; the connection has ended then
 */
export function unparkAll(peer: Peer, { services }: Parcel, entries: readonly ServiceEntry[]): void {
  try {
    for (const entry of entries) entry.unpark(peer, services.get(entry.name));
  } catch (error) {
    peer.close("Cannot go on");
    throw error;
  }
}
