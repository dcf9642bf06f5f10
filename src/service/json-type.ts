/** What a value becomes on its way through JSON: a `Date` becomes a `string`, functions are gone. Bytes stay bytes. */
export type Json<T> = T extends string | number | boolean | null | undefined | void | Uint8Array
  ? T
  : T extends { toJSON(): infer Written }
    ? Written
    : T extends readonly unknown[]
      ? { [Index in keyof T]: Json<T[Index]> }
      : T extends (...args: never) => unknown
        ? never
        : T extends object
          ? { [Key in keyof T as T[Key] extends (...args: never) => unknown ? never : Key]: Json<T[Key]> }
          : T;
