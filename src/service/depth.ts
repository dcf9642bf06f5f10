import type { Codec } from "../wire/codecs.ts";
import { PrismError } from "../wire/errors.ts";
import type { Body } from "../wire/frames.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Refuses JSON that is nested too deep, before it is parsed. Runtimes parse any depth in no time; it is writing such a
 * value again that takes some of them most of a second.
 *
 * @param codec the body's codec; only JSON is looked at
 * @param body the body
 * @param limit how deep it may be
 * @throws {PrismError} `bad_input` if it is deeper
 */
export function checkDepth(codec: Codec, body: Body, limit: number): void {
  // Every level takes a character, so a short body cannot be deep. Bytes in rpc begin with a 0, which JSON never does.
  if (codec.json !== true || body.length <= limit || body[0] === 0) return;
  const at = typeof body === "string" ? (i: number) => body.charCodeAt(i) : (i: number) => body[i]!;
  let depth = 0;
  let quoted = false;
  for (let i = 0; i < body.length; i++) {
    const code = at(i);
    if (code === QUOTE) quoted = !quoted;
    else if (quoted) {
      if (code === BACKSLASH) i++;
    } else if (code === 0x5b || code === 0x7b) {
      if (++depth > limit) throw new PrismError("bad_input", `JSON nested deeper than ${limit}`);
    } else if (code === 0x5d || code === 0x7d) depth--;
  }
}
