import { DONE } from "../wire/close-codes.ts";
import { PrismError } from "../wire/errors.ts";
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
  let opening: Promise<void> | undefined;
  const waitUntilOpen = (): Promise<void> => {
    const opened = new Promise<void>((resolve, reject) => {
      const settle = (settled: () => void) => (): void => {
        for (const off of offs) off();
        opening = undefined;
        settled();
      };
      const offs = [
        core.events.on("open", settle(resolve)),
        core.events.on(
          "closed",
          settle(() => reject(new PrismError("closed"))),
        ),
      ];
    });
    // Whoever waits for it hears of it; whoever only looked at it does not have to.
    opened.catch(() => {});
    return opened;
  };
  return {
    get status() {
      return core.status;
    },
    get opened() {
      if (core.status === "open") return Promise.resolve();
      return (opening ??= waitUntilOpen());
    },
    on: (name, listener) => core.events.on(name, listener),
    open: () => core.open(),
    close: () => core.close(DONE, ""),
  };
}
