/**
 * Whether something can be waited for: a promise of this realm or another, or what a library has in its place.
 *
 * @param value anything
 * @returns true if it can
 */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    ((typeof value === "object" && value !== null) || typeof value === "function") &&
    typeof (value as PromiseLike<unknown>).then === "function"
  );
}

/**
 * Goes on with a value at once, or with what a promise of it comes to.
 *
 * @param value a value, or a promise of one
 * @param next what to do with it
 * @returns what comes of that: a promise only if the value is one
 */
export function after(value: unknown, next: (value: unknown) => unknown): unknown {
  return isThenable(value) ? Promise.resolve(value).then(next) : next(value);
}
