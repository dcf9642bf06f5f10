/**
 * What a value becomes on its way through JSON: a `Date` becomes a `string`, functions are gone, maps and sets are empty,
 * bytes are an object of numbers, and a `bigint` cannot be written.
 */
export type Json<T> = T extends string | number | boolean | null | undefined | void
  ? T
  : T extends bigint
    ? never
    : T extends ReadonlyMap<unknown, unknown> | ReadonlySet<unknown>
      ? Record<never, never>
      : T extends Uint8Array
        ? Readonly<Record<string, number>>
        : JsonObject<T>;

/** The same for what is an object in JSON, or an array. */
export type JsonObject<T> = T extends { toJSON(): infer Written }
  ? Written
  : T extends readonly unknown[]
    ? { [Index in keyof T]: Json<T[Index]> }
    : T extends (...args: never) => unknown
      ? never
      : T extends object
        ? { [Key in keyof T as T[Key] extends (...args: never) => unknown ? never : Key]: Json<T[Key]> }
        : T;
