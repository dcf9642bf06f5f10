import { randomId, toBase64Url } from "../wire/random-id.ts";
import type { DeadSession } from "./session-store.ts";
import { equal } from "./signature.ts";

/** How long a client has to fetch the cookie of its new id, in ms: a request over a slow mobile link. */
export const TICKET_TIME = 10_000;

/**
 * Makes what a client trades for the cookie of its session's new id. Only its hash is stored.
 *
 * @param next the new id
 * @param now the time in ms since 1970
 * @returns the ticket, and the mark for the old id
 */
export async function createTicket(next: string, now: number): Promise<{ ticket: string; dead: DeadSession }> {
  const ticket = randomId();
  return { ticket, dead: { next, ticket: await hash(ticket), until: now + TICKET_TIME } };
}

/**
 * Whether a ticket is good.
 *
 * @param dead the mark of the old id
 * @param ticket what the client has
 * @returns true if it is the one that belongs to the mark
 */
export async function isTicket({ ticket }: DeadSession, given: string): Promise<boolean> {
  return equal(await hash(given), ticket ?? "");
}

async function hash(text: string): Promise<string> {
  return toBase64Url(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))));
}
