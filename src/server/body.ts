import type { Clock } from "../wire/clock.ts";

/**
 * Reads a short text from a request's body: never more of it than that, and not for longer.
 *
 * @param request the request
 * @param most the most bytes that it may have
 * @param clock the time
 * @param timeout how long its sender may take, in ms
 * @returns the text; `undefined` where there is none, it is too long or took too long
 */
export async function readText(
  request: Request,
  most: number,
  clock: Clock,
  timeout: number,
): Promise<string | undefined> {
  const reader = request.body?.getReader();
  if (reader === undefined) return undefined;
  const bytes = new Uint8Array(most);
  let length = 0;
  let late = false;
  const deadline = clock.setTimer(() => {
    late = true;
    reader.cancel().catch(() => {});
  }, timeout);
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (late) return undefined;
      if (done) return new TextDecoder().decode(bytes.subarray(0, length));
      if (length + value.length > most) return undefined;
      bytes.set(value, length);
      length += value.length;
    }
  } catch {
    // The sender has gone.
    return undefined;
  } finally {
    deadline.cancel();
    // Nothing more is wanted of it.
    reader.cancel().catch(() => {});
  }
}
