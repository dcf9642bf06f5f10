import { copyBytes, json, type Codec } from "../wire/codecs.ts";
import { isWireError, PrismError } from "../wire/errors.ts";
import { writeFrame, type Body } from "../wire/frames.ts";

/** How built-in services write values: JSON text, nothing for `undefined`; bytes behind a 0 (PROTOCOL.md, "Calls"). */
export const values: Codec = {
  clean: true,
  json: true,
  encode: (value) => (value instanceof Uint8Array ? writeFrame("\0", value) : json.encode(value)),
  decode: (body) => (typeof body !== "string" && body[0] === 0 ? copyBytes(body.subarray(1)) : json.decode(body)),
};

/** Bodies that a service writes and reads by itself. */
export const raw: Codec<Body> = { clean: true, encode: (body) => body, decode: (body) => body };

/**
 * Reads a value.
 *
 * @param value the value, as `values` writes it
 * @returns what it says
 * @throws {WireError} 1007 if its text is not valid UTF-8
 * @throws {PrismError} `bad_input` if it is no JSON
 */
export function readValue(value: Body): unknown {
  try {
    return values.decode(value);
  } catch (error) {
    if (isWireError(error)) throw error;
    throw new PrismError("bad_input", "Malformed JSON");
  }
}
