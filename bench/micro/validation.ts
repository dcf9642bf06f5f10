import * as v from "valibot";
import { checkDepth } from "../../src/service/depth.ts";
import { type StandardSchema, validate } from "../../src/service/schema.ts";
import { json } from "../../src/wire/codecs.ts";
import { isPrismError } from "../../src/wire/errors.ts";
import { type Group, must } from "./step.ts";

const Todo = v.object({ id: v.number(), title: v.string(), tags: v.array(v.string()), done: v.boolean() });
const none: StandardSchema = { "~standard": { version: 1, vendor: "none", validate: (value) => ({ value }) } };
const todo = { id: 1, title: "Write it down", tags: ["now", "soon"], done: false };
const text = JSON.stringify(todo);

function refuse(value: unknown): void {
  try {
    validate(Todo, value);
  } catch (error) {
    return must(isPrismError(error, "bad_input"), "It was refused otherwise");
  }
  throw new Error("It was not refused");
}

/** What a body goes through before a handler sees it. */
export const validation: Group = {
  name: "validation, an object of four members",
  async prepare() {
    return [
      { name: "a schema that takes all", operations: 1, run: () => must(validate(none, todo) === todo, "Another") },
      { name: "valibot", operations: 1, run: () => must(validate(Todo, todo) !== undefined, "Nothing") },
      { name: "valibot, refused", operations: 1, run: () => refuse({ ...todo, id: "1" }) },
      { name: "how deep its JSON is", operations: 1, run: () => checkDepth(json, text, 512) },
      { name: "its JSON, parsed", operations: 1, run: () => must(json.decode(text) !== undefined, "Nothing") },
    ];
  },
};
