import { defaultLimits, MAX_FRAMES, type Limits } from "../wire/limits.ts";
import { MAX_NUMBER } from "../wire/numbers.ts";

/**
 * The limits of an app: the given ones, and the defaults for the others.
 *
 * @param given what the app's options say
 * @returns the limits
 * @throws {RangeError} for one that is not a whole number from 1 to 2^31 − 1 (`frames`: to 1,024); `resumeWithin` and
 *   `replayLimit` may be 0, `timeout` `Infinity`
 */
export function toLimits(given: { readonly [Name in keyof Limits]?: Limits[Name] | undefined } = {}): Limits {
  const limits: { -readonly [Name in keyof Limits]: Limits[Name] } = { ...defaultLimits };
  for (const name of Object.keys(limits) as (keyof Limits)[]) {
    const value = given[name] ?? limits[name];
    // Runtimes run a timer of more than 2^31 − 1 ms at once, and JSON, which the welcome is, has no infinity.
    const most = name === "frames" ? MAX_FRAMES : MAX_NUMBER;
    const least = name === "resumeWithin" || name === "replayLimit" ? 0 : 1;
    const whole = Number.isInteger(value) && value >= least && value <= most;
    if (!whole && !(name === "timeout" && value === Infinity)) {
      throw new RangeError(`Limit ${name} is not a whole number from ${least} to ${most}: ${String(value)}`);
    }
    limits[name] = value;
  }
  return limits;
}

/**
 * Checks where an app wants to be.
 *
 * @param prefix the path below which Prism is
 * @throws {TypeError} if it is not a path of plain segments, as they stand in a URL
 */
export function checkPrefix(prefix: string): void {
  if (!/^(\/[\w.~-]+)+$/.test(prefix) || /\/\.\.?(\/|$)/.test(prefix))
    throw new TypeError(`Not a path of plain segments: ${JSON.stringify(prefix)}`);
}
