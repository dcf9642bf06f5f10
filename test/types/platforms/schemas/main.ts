import * as v from "valibot";
import { defineService } from "../../../../src/service/service.ts";
import type { SchemaInput, SchemaOutput, StandardSchema } from "../../../../src/service/schema.ts";
import { procedure, rpc } from "../../../../src/services/rpc/server.ts";

const Sum = v.object({ a: v.number(), b: v.optional(v.number(), 1) });
const Trimmed = v.pipe(v.string(), v.trim(), v.minLength(1));
const Later = v.pipeAsync(
  v.string(),
  v.checkAsync(async (text) => text !== ""),
);
const When = v.pipe(
  v.string(),
  v.transform((text) => new Date(text)),
);

Sum satisfies StandardSchema<unknown, unknown>;
const schema: StandardSchema<{ a: number; b?: number | undefined }, { a: number; b: number }> = Sum;
const date: StandardSchema<string, Date> = When;

const input: SchemaInput<typeof Sum> = { a: 1 };
const output: SchemaOutput<typeof Sum> = { a: 1, b: 2 };
const at: SchemaOutput<typeof When> = new Date(0);

rpc({
  sum: procedure(Sum, ({ a, b }) => a + b),
  trimmed: procedure(Trimmed, (text) => text.length),
  later: procedure(Later, (text) => text.length),
  when: procedure({ input: When, output: v.string() }, (given) => given.toISOString()),
});
defineService({
  kind: "a",
  up: When,
  down: v.number(),
  client: (host) => ({ send: (text: string) => host.send(text) }),
  server: (host) => {
    host.onmessage((given) => void given.getTime());
    return {};
  },
});

export { at, date, input, output, schema };
