import { PrismError } from "../../wire/errors.ts";

/** How long a channel's name may be, in characters: enough for four ids of 64, short enough for any broker's keys. */
export const MAX_NAME = 256;

/** What stands for itself in a name (RFC 3986 section 2.3); anything else is written as `%XX`, as UTF-8. */
const PLAIN = /^[A-Za-z0-9._~-]*$/;

/**
 * Writes a text as a segment of a name, in its one form: characters that may stand for themselves do, and the text is in
 * Unicode's form C.
 *
 * @param text any text
 * @returns the segment
 * @throws {PrismError} `bad_input` for a text that is empty, or no Unicode
 */
export function toSegment(text: string): string {
  if (text === "") throw new PrismError("bad_input", "A part of a channel's name is empty");
  if (PLAIN.test(text)) return text;
  try {
    return encodeURIComponent(text.normalize("NFC")).replace(
      /[!'()*]/g,
      (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
    );
  } catch {
    throw new PrismError("bad_input", "A channel's name holds half a character");
  }
}

/**
 * Reads a segment of a name.
 *
 * @param segment the segment
 * @returns the text
 * @throws {PrismError} `bad_input` for a `%` that does not begin an escape
 */
export function fromSegment(segment: string): string {
  if (!segment.includes("%")) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new PrismError("bad_input", `Malformed escape in a channel's name: ${JSON.stringify(segment)}`);
  }
}

/**
 * Puts a name into its one form, in which names are compared: `a/%7e` is `a/~`, `caf%65` is `cafe`.
 *
 * @param name segments, escaped, with `/` between them
 * @returns the same channel's name
 * @throws {PrismError} `bad_input` for a name that cannot be one
 */
export function toCanonical(name: string): string {
  checkLength(name);
  const canonical = name.split("/").map(toOneForm).join("/");
  checkLength(canonical);
  return canonical;
}

function toOneForm(segment: string): string {
  return toSegment(fromSegment(segment));
}

/**
 * Completes a pattern.
 *
 * @param pattern segments with `/` between them, of which those that begin with `:` stand for parameters
 * @param params the parameters, as texts that are escaped here
 * @returns the channel's name
 * @throws {PrismError} `bad_input` for a parameter that is missing or empty, or a name that cannot be one
 */
export function toName(pattern: string, params: Readonly<Record<string, string | number>> = {}): string {
  const name = pattern
    .split("/")
    .map((segment) => {
      if (!segment.startsWith(":")) return toOneForm(segment);
      const own = segment.slice(1);
      if (!Object.hasOwn(params, own))
        throw new PrismError("bad_input", `Parameter ${own} of channel ${pattern} is missing`);
      return toSegment(String(params[own]));
    })
    .join("/");
  checkLength(name);
  return name;
}

function checkLength(name: string): void {
  if (name.length > MAX_NAME)
    throw new PrismError("bad_input", `Channel's name of ${name.length} characters, over ${MAX_NAME}`);
}
