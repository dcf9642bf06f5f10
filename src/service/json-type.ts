/** What JSON leaves as it is. */
export type JsonValue =
  | string
  | number
  | boolean
  | null
  | undefined
  | void
  | readonly JsonValue[]
  | { readonly [key: string | symbol]: JsonValue };

/**
 * What a value becomes on its way through JSON: a `Date` becomes a `string`, functions are gone, maps and sets are empty,
 * bytes are an object of numbers, and a `bigint` cannot be written.
 */
export type Json<T> = T extends JsonValue
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
        ? T extends { readonly [Key in keyof T]: NotFunction }
          ? { [Key in keyof T]: Json<T[Key]> }
          : { [Key in keyof T as T[Key] extends (...args: never) => unknown ? never : Key]: Json<T[Key]> }
        : T;

/** Anything but a function. */
export type NotFunction = string | number | boolean | bigint | symbol | null | undefined | void | NotFunctionObject;

/** An object that is no function: those have an `apply`. Objects that have one of their own are looked at member by member. */
export interface NotFunctionObject {
  /** Which all objects have, so that nothing is refused for having no member of these. */
  readonly toString: unknown;
  /** Which functions have. */
  readonly apply?: undefined;
}
