import { DONE } from "../wire/close-codes.ts";
import { isPrismError, PrismError } from "../wire/errors.ts";
import type { Core } from "./core.ts";
import type { ClientConnection } from "./types.ts";

/**
 * The part of a client that its user sees.
 *
 * @param core the client
 * @returns `client.connection`
 */
export function toClientConnection(core: Core): ClientConnection {
  // One for all who wait.
  let waiting: Promise<void> | undefined;
  let settle: ((failure?: PrismError) => void) | undefined;
  const wait = (): Promise<void> => {
    waiting ??= new Promise((resolve, reject) => {
      settle = (failure) => {
        waiting = undefined;
        if (failure === undefined) resolve();
        else reject(failure);
      };
    });
    // Whoever waits for it hears of it; whoever only looked at it does not have to.
    waiting.catch(() => {});
    return waiting;
  };
  // They come before the user's: who waits from within a listener waits for what comes next.
  core.events.on("accepted", () => settle?.());
  core.events.on("status", (status) => {
    if (status === "open") settle?.();
    else if (status !== "connecting") settle?.((status === "closed" && core.closed) || new PrismError("lost"));
  });
  return {
    get status() {
      return core.status;
    },
    get opened() {
      return core.status === "open" ? Promise.resolve() : wait();
    },
    on: (name, listener) => core.events.on(name, listener),
    open: () => core.open(),
    async refreshAuth() {
      if (!core.auth.known) throw new TypeError("Connect was given no auth");
      if (core.status === "closed") throw new PrismError("closed");
      // Where it is not open, the next socket asks.
      if (core.status === "open") core.auth.refresh();
      return wait();
    },
    async drained() {
      for (;;) {
        const { connection, status } = core;
        if (connection?.roomy) return;
        if (status === "closed") throw core.closed ?? new PrismError("closed");
        if (connection !== undefined) await connection.room();
        // One that is lost meanwhile says so; there may be room when it is back.
        else {
          await wait().catch((error: unknown) => {
            if (isPrismError(error, "closed")) throw error;
          });
        }
      }
    },
    close: () => core.close(DONE, ""),
  };
}
