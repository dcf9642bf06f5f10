import * as v from "valibot";

/** What most calls carry. */
export const Echo = v.object({ n: v.number() });

/** What large calls carry: rows, as a page of results has. */
export const List = v.object({
  items: v.array(v.object({ id: v.number(), name: v.string(), tags: v.array(v.string()), done: v.boolean() })),
});
