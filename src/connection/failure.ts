import { PROTOCOL_ERROR } from "../wire/close-codes.ts";
import { PrismError, WireError } from "../wire/errors.ts";
import type { Body } from "../wire/frames.ts";
import { parseControl } from "./control.ts";

/**
 * Reads the body of a `!` frame (PROTOCOL.md, "Packets and frames").
 *
 * @param body the body
 * @returns the peer's error
 * @throws {WireError} 1002 if it is not JSON with a `code`
 */
export function parseFailure(body: Body): PrismError {
  const { code, message, data } = parseControl(body);
  if (typeof code !== "string") throw new WireError(PROTOCOL_ERROR, "Malformed failure");
  return new PrismError(code, typeof message === "string" ? message : undefined, data);
}
