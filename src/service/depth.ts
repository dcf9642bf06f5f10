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
  const deep = typeof body === "string" ? isDeepText(body, limit) : isDeepBytes(body, limit);
  if (deep) throw new PrismError("bad_input", `JSON nested deeper than ${limit}`);
}

/**
 * A codec that reads nothing that is nested too deep.
 *
 * @param codec the codec
 * @param limit how deep JSON may be
 * @returns the codec itself, where it is not JSON's
 */
export function toShallowCodec(codec: Codec, limit: number): Codec {
  if (codec.json !== true) return codec;
  const decode = (body: Body): unknown => {
    checkDepth(codec, body, limit);
    return codec.decode(body);
  };
  return { clean: true, json: true, encode: (value) => codec.encode(value), decode };
}

/** What is between quotes is skipped as a whole, which costs a tenth of looking at each character. */
function isDeepText(text: string, limit: number): boolean {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) {
      i = endOf(text, i);
      if (i < 0) return false;
    } else if (code === 0x5b || code === 0x7b) {
      if (++depth > limit) return true;
    } else if (code === 0x5d || code === 0x7d) depth--;
  }
  return false;
}

/** Where the quote stands that ends what another one begins; -1 where nothing ends it, and it is no JSON. */
function endOf(text: string, quote: number): number {
  for (let end = text.indexOf('"', quote + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let before = end - 1;
    while (text.charCodeAt(before) === BACKSLASH) before--;
    if ((end - before) % 2 === 1) return end;
  }
  return -1;
}

function isDeepBytes(bytes: Uint8Array, limit: number): boolean {
  let depth = 0;
  let quoted = false;
  for (let i = 0; i < bytes.length; i++) {
    const code = bytes[i]!;
    if (code === QUOTE) quoted = !quoted;
    else if (quoted) {
      if (code === BACKSLASH) i++;
    } else if (code === 0x5b || code === 0x7b) {
      if (++depth > limit) return true;
    } else if (code === 0x5d || code === 0x7d) depth--;
  }
  return false;
}
