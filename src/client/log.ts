import { isThenable } from "../service/thenable.ts";
import type { ClientLogEntry, ClientOptions } from "./types.ts";

/**
 * Writes to a client's log. What the log throws is nobody's: there is nowhere left to say so.
 *
 * @param log the user's, if there is one
 * @param entry what to write
 */
export function writeLog(log: ClientOptions["log"], entry: ClientLogEntry): void {
  try {
    const late: unknown = log?.(entry);
    if (isThenable(late)) Promise.resolve(late).catch(() => {});
  } catch {
    // Nowhere.
  }
}
