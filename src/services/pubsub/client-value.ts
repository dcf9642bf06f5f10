import { values } from "../../service/values.ts";
import type { Body } from "../../wire/frames.ts";

/**
 * Writes a value now, for a call that is sent later.
 *
 * @param value anything
 * @returns gives it, or throws what writing it threw: the call fails then, and nothing is thrown here
 */
export function writeNow(value: unknown): () => Body {
  try {
    const body = values.encode(value);
    return () => body;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}
