import * as v from "valibot";

/** What the servers of real clients add. */
export const Sum = v.object({ a: v.number(), b: v.number() });
