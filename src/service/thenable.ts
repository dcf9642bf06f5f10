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
