import { isPrismError } from "../wire/errors.ts";

/**
 * The JSON of a failed call's `!` frame. A {@linkcode PrismError} tells all of itself; of anything else the peer hears
 * `internal` and no more, so that no text leaks that was not meant for it.
 *
 * @param error what was thrown
 * @param describe gives the text of other errors, where that is told
 * @returns JSON with `code`, and `message` and `data` where there are any
 */
export function writeFailure(error: unknown, describe?: (error: unknown) => string | undefined): string {
  if (!isPrismError(error)) return JSON.stringify({ code: "internal", message: describe?.(error) });
  const { code, data } = error;
  const message = error.message === code ? undefined : error.message;
  try {
    return JSON.stringify({ code, message, data });
  } catch {
    return JSON.stringify({ code, message });
  }
}

/** The text of anything that was thrown; some things have none. */
export function describeError(error: unknown): string | undefined {
  try {
    return String(error);
  } catch {
    return undefined;
  }
}
