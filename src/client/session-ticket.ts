interface Page {
  readonly location?: unknown;
  fetch?(
    url: string,
    init: { method: string; body: string; credentials: string },
  ): Promise<{ readonly ok: boolean; readonly status: number }>;
}

/**
 * Trades a ticket for the session's cookie, which scripts can neither read nor set. Only where there is a page: elsewhere
 * nobody keeps cookies.
 *
 * @param url where the sockets are opened
 * @param ticket what the server gave
 * @param failed hears where it comes to nothing
 */
export function redeemTicket(url: string, ticket: unknown, failed: (error: unknown) => void): void {
  const { fetch, location } = globalThis as Page;
  if (!fetch || !location || typeof ticket !== "string" || !/^[\w-]{1,128}$/.test(ticket)) return;
  const to = url.replace(/^ws/, "http").replace(/\/?(\?.*)?$/, "/session");
  // An async function, so that a fetch that throws is one that rejects.
  (async () => {
    const { ok, status } = await fetch(to, { method: "POST", body: ticket, credentials: "include" });
    if (!ok) throw new Error(`Status ${status}`);
  })().catch(failed);
}
