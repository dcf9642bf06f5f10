import { randomId } from "../wire/random-id.ts";
import type { SessionRecords } from "./session-records.ts";
import type { DeadSession } from "./session-store.ts";
import type { SessionTime } from "./session-time.ts";
import { isTicket } from "./ticket.ts";

/**
 * Trades a ticket for the id that it stands for: once, and only to whoever has the old id.
 *
 * @param records what is stored
 * @param time how long that is good
 * @param old the old id
 * @param ticket what its client was given
 * @returns the new id, or `undefined` where the ticket is not good
 * @throws {PrismError} `unavailable`
 */
export async function redeemTicket(
  records: SessionRecords,
  time: SessionTime,
  old: string,
  ticket: string,
): Promise<string | undefined> {
  const record = await records.read(old);
  const { dead } = record ?? {};
  if (record === undefined || dead === undefined || !time.isMoving(dead)) return undefined;
  if (!(await isTicket(dead, ticket))) return undefined;
  // Its time goes on: a request with the old cookie may be under way, and must not get another.
  const spent = { next: dead.next, until: dead.until, ticket: randomId() };
  const mark = { ...record, version: record.version + 1, dead: spent };
  const written = await records.write(old, mark, record.version).catch(() => false);
  // What the store has no answer to may have taken place; then the client must have its cookie now.
  return written || (await isMarked(records, old, spent)) ? dead.next : undefined;
}

/**
 * Whether a mark is there after all: a store may write twice what it has lost its answer to.
 *
 * @param records what is stored
 * @param id the id that is marked
 * @param mark the mark
 * @returns true if it is that one
 * @throws {PrismError} `unavailable`
 */
export async function isMarked(records: SessionRecords, id: string, { ticket }: DeadSession): Promise<boolean> {
  const record = await records.read(id);
  return record?.dead?.ticket === ticket;
}
