import { PROTOCOL_ERROR } from "../wire/close-codes.ts";
import { bodyText } from "../wire/codecs.ts";
import { isWireError, WireError } from "../wire/errors.ts";
import type { Body } from "../wire/frames.ts";

/** The object in a `$` frame. Its members are the peer's: each is looked at before it is believed. */
export type Control = Readonly<Record<string, unknown>>;

/**
 * Reads the body of a `$` frame, or of another that is an object.
 *
 * @param body the body
 * @returns its object
 * @throws {WireError} 1002 if it is no JSON object, 1007 if it is not valid UTF-8
 */
export function parseControl(body: Body): Control {
  let message: unknown;
  try {
    message = JSON.parse(bodyText(body));
  } catch (error) {
    if (isWireError(error)) throw error;
  }
  if (typeof message !== "object" || message === null || Array.isArray(message)) {
    throw new WireError(PROTOCOL_ERROR, "Malformed JSON");
  }
  return message as Control;
}
