/** Turns a union into an intersection: what fits all of its members. */
export type UnionToIntersection<U> = (U extends unknown ? (one: U) => void : never) extends (all: infer I) => void
  ? I
  : never;

/** The type of a member, `never` where there is none. */
export type Member<T, Key> = Key extends keyof T ? T[Key] : never;
