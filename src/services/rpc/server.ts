/**
 * The rpc service: procedures that clients call, and functions of the client's that the server calls.
 *
 * @module
 */
import type { ConnectionHandle, ServiceCallContext } from "../../service/contexts.ts";
import { checkDepth } from "../../service/depth.ts";
import type { ServerHost } from "../../service/hosts.ts";
import { checkName } from "../../service/names.ts";
import { validate, type StandardSchema } from "../../service/schema.ts";
import type { Service } from "../../service/service.ts";
import type { UnionToIntersection } from "../../service/union.ts";
import { isPrismError, PrismError } from "../../wire/errors.ts";
import type { Body } from "../../wire/frames.ts";
import { raw, values } from "../../service/values.ts";
import { flatten, readCall, readNames, writeCall, writeName, type Names } from "./contract.ts";
import type {
  AnswerCallers,
  AnswerDefinition,
  AnswersFor,
  ClientContract,
  Procedure,
  Procedures,
  RpcClient,
  RpcHalf,
  RpcOptions,
  RpcServer,
} from "./types.ts";

export type { Json, JsonObject, JsonValue, NotFunction, NotFunctionObject } from "../../service/json-type.ts";
export { procedure } from "./procedure.ts";
export type * from "./procedure.ts";
export type * from "./types.ts";

/** An rpc service. */
export interface RpcService<P, C, Needs> extends Service<
  "rpc",
  {
    readonly client: RpcClient<P>;
    readonly half: RpcHalf<AnswersFor<C>>;
    readonly server: RpcServer<C>;
    readonly needs: (shape: Needs) => void;
    readonly events: Record<never, never>;
  }
> {}

/** What a set of procedures needs of an app's shape: all that any of them needs. */
export type NeedsOf<P> = UnionToIntersection<NeedsIn<P>>;

/** What each of a set of procedures needs. */
export type NeedsIn<P> = {
  [Name in keyof P]: P[Name] extends {
    readonly "~procedure": unknown;
    readonly "~needs"?: ((shape: infer Needs) => void) | undefined;
  }
    ? Needs
    : NeedsIn<P[Name]>;
}[keyof P];
/** What `rpc` takes besides procedures. */
export interface RpcServiceOptions<C> {
  /** What clients answer: see {@linkcode answer}. */
  readonly client?: C | undefined;
}

/**
 * Makes a service of procedures.
 *
 * @param procedures the procedures by name, nested as one likes
 * @param options what clients answer
 * @returns the service, for `app.service(name, …)`
 * @throws {TypeError} for a name that cannot be had
 * @example rpc({ add: procedure(Sum, ({ a, b }) => a + b) })
 */
export function rpc<const P extends Procedures, const C extends ClientContract = Record<never, never>>(
  procedures: P,
  options?: RpcServiceOptions<C>,
): RpcService<P, C, NeedsOf<P>> {
  const leaves = flatten<Procedure>(procedures, isProcedure, (name) => checkName(name, "procedure"));
  const contract = options?.client ?? ({} as C);
  for (const name of Object.keys(contract)) checkName(name, "client's function");
  const names = [...new Set([...leaves.keys(), ...Object.keys(contract)])];
  const runners = names.map((name) => leaves.get(name)?.["~procedure"]);
  const init = names.map((name) => writeName(name, leaves.get(name)?.["~idempotent"] === true));
  /** The names of a client that has an older table, and where its procedures are in this one. */
  const older = new WeakMap<object, Names>();
  const namesOf = (table: object): Names => {
    let known = older.get(table);
    if (known === undefined) older.set(table, (known = readNames(table)));
    return known;
  };
  return {
    kind: "rpc",
    codec: values,
    callCodec: raw,
    init,
    client: "rpc",
    server: (host: ServerHost<Body, Body>): RpcServer<C> => {
      host.oncall((body, context) => {
        const { place, value } = readCall(body);
        const table = host.initOf(context.connection) as object | undefined;
        const own = table === init ? place : names.indexOf((table && namesOf(table).list[place]) ?? "");
        const run = runners[own];
        if (run === undefined) throw new PrismError("not_found", "No such procedure");
        checkDepth(values, value, host.limits.depth);
        return (run as (value: Body, context: ServiceCallContext) => unknown)(value, context);
      });
      const placeOf = (name: string, connection: ConnectionHandle<unknown>): number => {
        const table = host.initOf(connection) as object | undefined;
        const place = table === init ? names.indexOf(name) : table && namesOf(table).places.get(name);
        if (place === undefined) throw new PrismError("not_found", `The client does not know ${name}`);
        return place;
      };
      return { client: (connection) => createCallers(host, contract, placeOf, connection) };
    },
  };
}

function isProcedure(node: Procedure | Procedures): node is Procedure {
  return "~procedure" in node;
}

/**
 * Declares a function that clients answer, for `rpc(procedures, { client })`.
 *
 * @param input validates what the server gives, before it is sent
 * @param output validates what the client answers, before the server sees it
 * @returns the declaration
 * @example rpc({}, { client: { confirm: answer(Question, v.boolean()) } })
 */
export function answer<I extends StandardSchema, O extends StandardSchema>(
  input: I,
  output: O,
): { input: I; output: O } {
  return { input, output };
}

function createCallers<C extends ClientContract>(
  host: ServerHost<Body, Body>,
  contract: C,
  placeOf: (name: string, connection: ConnectionHandle<unknown>) => number,
  connection: Parameters<RpcServer<C>["client"]>[0],
): AnswerCallers<C> {
  const callers = Object.entries<AnswerDefinition>(contract).map(([name, { input, output }]) => {
    return [
      name,
      async (given: unknown, options?: RpcOptions): Promise<unknown> => {
        const value = await checkGiven(name, input, given);
        return validate(
          output,
          await host.call(connection, writeCall(placeOf(name, connection), values.encode(value)), options),
          "bad_output",
        );
      },
    ];
  });
  return Object.fromEntries(callers) as AnswerCallers<C>;
}

/** What the server itself gives must fit; if not, that is no business of whoever called the server. */
async function checkGiven(name: string, schema: StandardSchema, given: unknown): Promise<unknown> {
  try {
    return await validate(schema, given);
  } catch (error) {
    if (!isPrismError(error)) throw error;
    throw new TypeError(`Input of the client's ${name} does not fit its schema: ${error.message}`, { cause: error });
  }
}
