import { PrismError } from "../wire/errors.ts";

/** A schema of any library that follows the Standard Schema specification, version 1 (standardschema.dev). */
export interface StandardSchema<Input = unknown, Output = Input> {
  /** The members that the specification defines. */
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

/** What a schema says of a value. */
export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

/** One thing that is wrong with a value. */
export interface SchemaIssue {
  /** What is wrong, for people. */
  readonly message: string;
  /** Where in the value it is. */
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** The types that a schema says it has; where it says none, those of its `validate`. */
export type TypesOfSchema<S extends StandardSchema> = "types" extends keyof S["~standard"]
  ? S["~standard"]["types"] & {}
  : S extends StandardSchema<infer Input, infer Output>
    ? { readonly input: Input; readonly output: Output }
    : never;

/** What a schema takes. */
export type SchemaInput<S> = S extends StandardSchema ? TypesOfSchema<S>["input"] : unknown;

/** What a schema gives. */
export type SchemaOutput<S> = S extends StandardSchema ? TypesOfSchema<S>["output"] : unknown;

/** More issues than these help nobody, and a hostile value can have very many. */
const MAX_ISSUES = 16;

/**
 * Whether something is a Standard Schema; a schema may be a function.
 *
 * @param value anything
 * @returns true if it is one
 */
export function isSchema(value: unknown): value is StandardSchema {
  return ((typeof value === "object" && value !== null) || typeof value === "function") && "~standard" in value;
}

/**
 * Validates a value.
 *
 * @param schema the schema
 * @param value the value
 * @param code the error's code
 * @returns what the schema makes of it; a promise only if the schema is asynchronous
 * @throws {PrismError} with `data.issues` if it does not fit, also as a rejection
 */
export function validate(
  schema: StandardSchema,
  value: unknown,
  code: "bad_input" | "bad_output" = "bad_input",
): unknown {
  const result = schema["~standard"].validate(value);
  // A promise may be of another realm or library.
  return "then" in result ? Promise.resolve(result).then((late) => accept(late, code)) : accept(result, code);
}

function accept(result: SchemaResult<unknown>, code: "bad_input" | "bad_output"): unknown {
  if (result.issues === undefined) return result.value;
  // `from`, since the list may be of a class of the library's own, with a JSON form of its own.
  const issues = Array.from(result.issues.slice(0, MAX_ISSUES), ({ message, path }) => ({
    message,
    path: path?.map((step) => String(typeof step === "object" ? step.key : step)) ?? [],
  }));
  throw new PrismError(code, issues[0]?.message, { issues });
}
