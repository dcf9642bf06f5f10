import { PROTOCOL_ERROR } from "../wire/close-codes.ts";
import { bodyText } from "../wire/codecs.ts";
import { isWireError, PrismError, WireError } from "../wire/errors.ts";
import type { Body } from "../wire/frames.ts";

/**
 * Reads the body of a `!` frame (PROTOCOL.md, "Packets and frames").
 *
 * @param body the body
 * @returns the peer's error
 * @throws {WireError} 1002 if it is not JSON with a `code`
 */
export function parseFailure(body: Body): PrismError {
  try {
    const { code, message, data } = JSON.parse(bodyText(body));
    if (typeof code === "string") return new PrismError(code, typeof message === "string" ? message : undefined, data);
  } catch (error) {
    if (isWireError(error)) throw error;
  }
  throw new WireError(PROTOCOL_ERROR, "Malformed failure");
}
