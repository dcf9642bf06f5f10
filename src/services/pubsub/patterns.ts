import { fromSegment, MAX_NAME, toCanonical } from "./names.ts";

/** The parameters of a channel's name, as texts. */
export type Params = Readonly<Record<string, string>>;

/** A pattern of names, read. */
export interface Pattern {
  /** The pattern as it was given. */
  readonly text: string;
  /** Its parts: a text stands for itself, a parameter for any segment, `*` for any, `**` at the end for the rest. */
  readonly segments: readonly Segment[];
}

/** A part of a pattern. */
export type Segment = { readonly text: string } | { readonly param: string };

const PARAM = /^:[A-Za-z_]\w*$/;

/**
 * Reads a channel's pattern.
 *
 * @param text segments with `/` between them; those that begin with `:` name parameters
 * @returns the pattern
 * @throws {TypeError} for a pattern that cannot be one
 */
export function readPattern(text: string): Pattern {
  const params = new Set<string>();
  const segments = text.split("/").map((segment): Segment => {
    if (!segment.startsWith(":")) {
      if (!isCanonical(segment))
        throw new TypeError(`Pattern of a channel holds ${JSON.stringify(segment)}: ${JSON.stringify(text)}`);
      return { text: segment };
    }
    const param = segment.slice(1);
    if (!PARAM.test(segment) || params.has(param) || param in Object.prototype) {
      throw new TypeError(
        `Pattern of a channel cannot have the parameter ${JSON.stringify(segment)}: ${JSON.stringify(text)}`,
      );
    }
    params.add(param);
    return { param };
  });
  if (text.length > MAX_NAME)
    throw new TypeError(`Pattern of a channel is longer than ${MAX_NAME}: ${JSON.stringify(text)}`);
  return { text, segments };
}

function isCanonical(segment: string): boolean {
  try {
    return toCanonical(segment) === segment;
  } catch {
    return false;
  }
}

/**
 * Fits a name to a pattern.
 *
 * @param pattern the pattern
 * @param name a name in its one form
 * @returns its parameters; `undefined` where it does not fit
 */
export function match({ segments }: Pattern, name: string): Params | undefined {
  const parts = name.split("/");
  if (parts.length !== segments.length) return undefined;
  const params: Record<string, string> = {};
  for (const [at, segment] of segments.entries()) {
    const part = parts[at]!;
    if ("param" in segment) params[segment.param] = fromSegment(part);
    else if (segment.text !== part) return undefined;
  }
  return params;
}

/** Patterns with what belongs to each. A name belongs to the first that fits, of those with the fewest parameters in front. */
export class Patterns<Value> {
  readonly #entries: { readonly pattern: Pattern; readonly value: Value }[] = [];

  /**
   * Adds a pattern.
   *
   * @throws {TypeError} for one that cannot be one, or fits the same names as another
   */
  add(text: string, value: Value): void {
    const pattern = readPattern(text);
    const own = formOf(pattern);
    const same = this.#entries.find((entry) => formOf(entry.pattern) === own);
    if (same !== undefined) throw new TypeError(`Patterns ${same.pattern.text} and ${text} fit the same names`);
    this.#entries.push({ pattern, value });
    // `chat/lobby` before `chat/:room`, whatever the order in which they were given.
    this.#entries.sort((a, b) => compare(a.pattern, b.pattern));
  }

  /** What belongs to a name in its one form, with its parameters. */
  find(name: string): { readonly value: Value; readonly pattern: string; readonly params: Params } | undefined {
    for (const { pattern, value } of this.#entries) {
      const params = match(pattern, name);
      if (params !== undefined) return { value, pattern: pattern.text, params };
    }
    return undefined;
  }
}

/** A pattern without its parameters' names. */
function formOf({ segments }: Pattern): string {
  return segments.map((segment) => ("param" in segment ? ":" : segment.text)).join("/");
}

/** Of patterns of one length, texts come before parameters. */
function compare({ segments: a }: Pattern, { segments: b }: Pattern): number {
  if (a.length !== b.length) return a.length - b.length;
  for (const [at, segment] of a.entries()) {
    const order = Number("param" in segment) - Number("param" in b[at]!);
    if (order !== 0) return order;
  }
  return 0;
}

/**
 * Reads what a listener wants.
 *
 * @param wanted segments, of which `*` and `:name` stand for any one, and `**` at the end for any that follow
 * @returns the same, with what stands for itself in its one form
 * @throws {PrismError} `bad_input` for what cannot be a name
 * @throws {TypeError} for `**` anywhere else
 */
export function readWanted(wanted: string): string {
  const segments = wanted.split("/");
  if (segments.slice(0, -1).includes("**"))
    throw new TypeError(`A pattern has ** at its end only: ${JSON.stringify(wanted)}`);
  return segments.map((one) => (/^(\*\*?$|:)/.test(one) ? one : toCanonical(one))).join("/");
}

/**
 * Whether a name fits what a listener wants: segments, of which `*` stands for any one and `**` at the end for any that follow,
 * and `:name` as `*`.
 *
 * @param wanted what the listener wants
 * @param name a name in its one form
 * @returns true if it does
 */
export function fits(wanted: string, name: string): boolean {
  const [patterns, parts] = [wanted.split("/"), name.split("/")];
  for (const [at, pattern] of patterns.entries()) {
    if (pattern === "**" && at === patterns.length - 1) return parts.length > at;
    const part = parts[at];
    if (part === undefined || (pattern !== "*" && !pattern.startsWith(":") && pattern !== part)) return false;
  }
  return parts.length === patterns.length;
}
