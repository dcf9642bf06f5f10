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
  return {
    get status() {
      return core.status;
    },
    get opened() {
      return new Promise<void>((resolve, reject) => {
        if (core.status === "open") return resolve();
        const offs = [core.events.on("open", () => settle()), core.events.on("closed", () => settle(true))];
        const settle = (closed?: boolean): void => {
          for (const off of offs) off();
          if (closed) reject(new PrismError("closed"));
          else resolve();
        };
      });
    },
    on: (name, listener) => core.events.on(name, listener),
    open: () => core.open(),
    close: () => core.close(DONE, ""),
  };
}
