import type { CallContext, ServiceCallContext, Shape } from "../../service/contexts.ts";
import { isAsyncIterable } from "../../service/items.ts";
import { isSchema, validate, type StandardSchema, type TypesOfSchema } from "../../service/schema.ts";
import { after } from "../../service/thenable.ts";
import { isPrismError, PrismError } from "../../wire/errors.ts";
import type { Body } from "../../wire/frames.ts";
import { readValue } from "../../service/values.ts";
import type { ItemOf, Procedure, ResultOf } from "./types.ts";

/** What a procedure can be given before its handler. */
export interface ProcedureOptions {
  /** Validates the input; without it there is none, and the handler gets the context alone. */
  readonly input?: StandardSchema | undefined;
  /** Validates the result; one that does not fit is the server's fault, and the client hears `internal`. */
  readonly output?: StandardSchema | undefined;
  /** Validates each item that the client sends; the handler gets them as `items`. */
  readonly items?: StandardSchema | undefined;
  /**
   * Whether it makes no difference if a call is made twice: then the client makes it again when its outcome was lost with
   * the connection, in place of failing it with `lost`. Not where items have come or gone.
   */
  readonly idempotent?: boolean | undefined;
}

/** A handler without input. */
export interface BareHandler<Context, Result = unknown> {
  /** Gets the context alone. */
  (context: Context): Result;
  /** A schema may be a function, but it is no handler. */
  readonly "~standard"?: undefined;
}

/** What a handler gets, by what stands before it. In brackets, so that one of several schemas is a schema too. */
export type HandlerArguments<D, Context> = [D] extends [infer S extends StandardSchema]
  ? [input: TypesOfSchema<S>["output"], context: Context]
  : D extends { readonly input: infer S extends StandardSchema }
    ? [input: TypesOfSchema<S>["output"], context: Context & ItemsContext<D>]
    : [context: Context & ItemsContext<D>];

/** What `items` adds to the context. */
export type ItemsContext<D> = D extends { readonly items: infer S extends StandardSchema }
  ? { readonly items: AsyncIterableIterator<TypesOfSchema<S>["output"]> }
  : unknown;

/** A procedure's types, by what stands before its handler. */
export type SignatureOf<D, Result> = D extends StandardSchema
  ? Signature<TypesOfSchema<D>["input"], Result, never>
  : Signature<
      D extends { readonly input: infer S extends StandardSchema } ? TypesOfSchema<S>["input"] : undefined,
      Result,
      D extends { readonly items: infer S extends StandardSchema } ? TypesOfSchema<S>["input"] : never
    >;

/** A procedure's types, from those of its handler. */
export interface Signature<Input, Result, Sent> {
  /** What the client gives. */
  readonly input: Input;
  /** What comes back. */
  readonly result: ResultOf<Result>;
  /** Items that come before the result. */
  readonly item: ItemOf<Result>;
  /** Items that the client sends. */
  readonly sent: Sent;
}

/** Stands before procedures: throws, or returns what joins the context. */
export type Guard<Context, Added> = (context: Context) => Added | Promise<Added>;

/**
 * `procedure`, with what guards have added to the context. Its two signatures take one argument and two, so that an error
 * is always told against the one that is meant.
 */
export interface ProcedureBuilder<S, Added = unknown> {
  /**
   * Declares a procedure without input: `procedure(handler)`.
   *
   * @param handler gets the context; an async generator's items reach the client as they come
   * @returns the procedure, for `rpc`
   * @throws {TypeError} if there is no handler
   */
  <Result>(handler: BareHandler<CallContext<S> & Added, Result>): Procedure<Signature<undefined, Result, never>, S>;
  /**
   * Declares a procedure: `procedure(schema, handler)` or `procedure(options, handler)`.
   *
   * @param definition the input's schema, or options
   * @param handler gets the validated input and the context; an async generator's items reach the client as they come
   * @returns the procedure, for `rpc`
   * @throws {TypeError} if there is no handler
   */
  <D extends StandardSchema | ProcedureOptions, Result>(
    definition: D,
    handler: (...args: HandlerArguments<D, CallContext<S> & Added>) => Result,
  ): Procedure<SignatureOf<D, Result>, S>;
  /** The same, for handlers that need what this shape says of sessions and connections. */
  with<Needed extends Shape>(): ProcedureBuilder<Needed, Added>;
  /**
   * The same, with a guard in front.
   *
   * @param guard throws, or returns what joins the context; `connection`, `session`, `signal`, `items` cannot be replaced
   */
  use<More>(guard: Guard<CallContext<S> & Added, More>): ProcedureBuilder<S, Added & GuardResult<More>>;
}

/** What a guard adds; one that returns nothing adds nothing. */
export type GuardResult<More> = [More] extends [object] ? More : unknown;

type AnyGuard = Guard<never, unknown>;
type AnyHandler = (...args: never[]) => unknown;

function createBuilder(guards: readonly AnyGuard[]): ProcedureBuilder<Shape> {
  const build = (definition: unknown, handler: unknown): object => {
    const options: ProcedureOptions = isSchema(definition)
      ? { input: definition }
      : typeof definition === "function"
        ? {}
        : (definition as ProcedureOptions);
    const run = handler ?? definition;
    if (typeof run !== "function" || isSchema(run)) throw new TypeError("A procedure needs a handler");
    const runner = createRunner(options, guards, run as AnyHandler);
    return { "~procedure": runner, "~idempotent": options.idempotent === true };
  };
  return Object.assign(build, {
    with: () => createBuilder(guards),
    use: (guard: AnyGuard) => createBuilder([...guards, guard]),
  }) as never;
}

/** Declares a procedure: see {@linkcode ProcedureBuilder}. */
export const procedure: ProcedureBuilder<Shape> = /* @__PURE__ */ createBuilder([]);

/** What every context has; a guard that could replace it would deceive those behind it. */
const RESERVED = new Set(["connection", "session", "signal", "items", "dropItems"]);

type Step = (value: Body, context: ServiceCallContext) => unknown;

/** Composes what stands around a handler, once: guards, then the input, then the handler, then the output. */
function createRunner(
  { input, output, items }: ProcedureOptions,
  guards: readonly AnyGuard[],
  handler: AnyHandler,
): Step {
  const call = handler as (...args: unknown[]) => unknown;
  let run: Step =
    input === undefined
      ? (value, context) => {
          if (value.length > 0) throw new PrismError("bad_input", "There is no input to this procedure");
          return call(context);
        }
      : (value, context) => after(validate(input, readValue(value)), (checked) => call(checked, context));
  if (items !== undefined) {
    const inner = run;
    // On the context itself: an object that inherits from it cannot read what its getters keep private.
    run = (value, context) =>
      inner(value, Object.defineProperty(context, "items", { value: checkItems(items, context.items) }));
  }
  if (output !== undefined) {
    const inner = run;
    run = (value, context) => after(inner(value, context), (result) => checkOutput(output, result));
  }
  const guarded = guards.reduceRight<Step>(
    (next, guard) => (value, context) =>
      after((guard as Guard<ServiceCallContext, unknown>)(context), (added) => {
        if (typeof added === "object" && added !== null) join(context, added);
        return next(value, context);
      }),
    run,
  );
  if (items !== undefined) return guarded;
  return (value, context) => {
    // Before the guards, which may take their time while items come in that nobody is going to take.
    context.dropItems();
    return guarded(value, context);
  };
}

/** Puts what a guard returned into the context. Own properties, so that none of the context's own is in the way. */
function join(context: object, added: object): void {
  for (const [name, value] of Object.entries(added)) {
    if (RESERVED.has(name)) throw new TypeError(`A guard cannot replace ${name} in the context`);
    Object.defineProperty(context, name, { value, configurable: true, enumerable: true, writable: true });
  }
}

async function* checkItems(schema: StandardSchema, items: AsyncIterable<unknown>): AsyncGenerator {
  for await (const item of items) yield await validate(schema, item);
}

function checkOutput(schema: StandardSchema, result: unknown): unknown {
  if (isAsyncIterable(result)) return checkReturned(schema, result as AsyncGenerator);
  try {
    const checked = validate(schema, result, "bad_output");
    return checked instanceof Promise ? checked.catch(toFault) : checked;
  } catch (error) {
    return toFault(error);
  }
}

async function* checkReturned(schema: StandardSchema, items: AsyncGenerator): AsyncGenerator {
  return await checkOutput(schema, yield* items);
}

/** A result that does not fit is no business of the client's: it hears `internal`, the log hears this. */
function toFault(error: unknown): never {
  if (!isPrismError(error)) throw error;
  throw new TypeError(`Result does not fit its schema: ${error.message}`, { cause: error });
}
