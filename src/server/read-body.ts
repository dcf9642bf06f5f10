import { checkDepth } from "../service/depth.ts";
import { validate, type StandardSchema } from "../service/schema.ts";
import type { Codec } from "../wire/codecs.ts";
import { isPrismError, isWireError, PrismError } from "../wire/errors.ts";
import type { Body } from "../wire/frames.ts";

/**
 * Reads and validates what a client sent.
 *
 * @param codec how it is written
 * @param body what came
 * @param schema what it must be; anything where nothing is said
 * @param depth how deep JSON may be nested
 * @returns the value; a promise only if the schema is asynchronous
 * @throws {WireError} if its text is not valid UTF-8
 * @throws {PrismError} `bad_input` if it cannot be read or does not fit, also as a rejection
 */
export function readBody(codec: Codec, body: Body, schema: StandardSchema | undefined, depth: number): unknown {
  let value: unknown;
  try {
    checkDepth(codec, body, depth);
    value = codec.decode(body);
  } catch (error) {
    if (isWireError(error) || isPrismError(error)) throw error;
    throw new PrismError("bad_input", "Unreadable body");
  }
  return schema === undefined ? value : validate(schema, value);
}
