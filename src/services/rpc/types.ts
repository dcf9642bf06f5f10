import type { Call, CallOptions } from "../../service/call.ts";
import type { ClientCallContext, ConnectionHandle } from "../../service/contexts.ts";
import type { ItemSource } from "../../service/items.ts";
import type { Json } from "../../service/json-type.ts";
import type { SchemaInput, SchemaOutput, StandardSchema } from "../../service/schema.ts";
import type { ClientHalf } from "../../service/service.ts";

/** What a procedure takes and gives; none of it exists at run time. */
export interface ProcedureTypes {
  /** What the client gives. */
  readonly input: unknown;
  /** What comes back. */
  readonly result: unknown;
  /** Items that come before the result. */
  readonly item: unknown;
  /** Items that the client sends. */
  readonly sent: unknown;
}

/** One function of the server's that clients can call. Made by `procedure`. */
export interface Procedure<Types extends ProcedureTypes = ProcedureTypes, Needs = never> {
  /** Runs it, with everything around its handler. */
  readonly "~procedure": Runner;
  /** Whether calls of it may be made again. */
  readonly "~idempotent": boolean;
  /** For types only. */
  readonly "~types"?: Types | undefined;
  /** For types only: an app whose shape has less does not fit. */
  readonly "~needs"?: ((shape: Needs) => void) | undefined;
}

/** Runs a procedure: everything about it, composed once. */
export type Runner = (value: string | Uint8Array, context: never) => unknown;

/** Procedures by their names, nested as one likes. */
export interface Procedures {
  /** A procedure, or more of them below the name. */
  readonly [name: string]: Procedure | Procedures;
}

/** What a call from a client can be given. */
export type RpcOptions = Pick<CallOptions, "signal" | "timeout">;

/** The function that calls a procedure. */
export type Caller<T extends ProcedureTypes> = [T["sent"]] extends [never]
  ? undefined extends T["input"]
    ? (input?: T["input"], options?: RpcOptions) => Call<T["result"], T["item"]>
    : (input: T["input"], options?: RpcOptions) => Call<T["result"], T["item"]>
  : (input: T["input"], items: ItemSource<T["sent"]>, options?: RpcOptions) => Call<T["result"], T["item"]>;

/** The client of a set of procedures. The last `& {}` has editors show the functions rather than this name. */
export type RpcClient<P> = {
  readonly [Name in keyof P]: P[Name] extends Procedure ? Caller<P[Name]["~types"] & {}> : RpcClient<P[Name]>;
} & {};

/** The client of procedures whose types are not known. */
export interface UntypedRpcClient {
  /** More below the name. */
  readonly [name: string]: UntypedRpcClient;
  (input?: unknown, ...rest: readonly unknown[]): Call<unknown, unknown>;
}

/** What clients answer, by name. */
export type ClientContract = Readonly<Record<string, AnswerDefinition>>;

/** Both schemas of an answer. */
export interface AnswerDefinition {
  /** Validates what the client is given. */
  readonly input: StandardSchema;
  /** Validates what the client answers. */
  readonly output: StandardSchema;
}

/** The functions that a client must bring for a contract. */
export type AnswersFor<C> = {
  readonly [Name in keyof C]: C[Name] extends { readonly input: infer I; readonly output: infer O }
    ? (input: Json<SchemaOutput<I>>, context: ClientCallContext) => SchemaInput<O> | Promise<SchemaInput<O>>
    : never;
};

/** One client's functions, at the server. */
export type AnswerCallers<C> = {
  readonly [Name in keyof C]: C[Name] extends { readonly input: infer I; readonly output: infer O }
    ? (input: SchemaInput<I>, options?: RpcOptions) => Promise<SchemaOutput<O>>
    : never;
};

/** What an app gets for an rpc service under `app.services`. */
export interface RpcServer<C> {
  /**
   * The functions of one client.
   *
   * @param connection the client's connection
   */
  client(connection: ConnectionHandle<unknown>): AnswerCallers<C>;
}

/** Functions of a client, by name. */
export type Answers = Readonly<Record<string, (input: never, context: ClientCallContext) => unknown>>;

/** The client half of an rpc service. */
export interface RpcHalf<A = Record<never, never>> extends ClientHalf<"rpc", UntypedRpcClient> {
  /** What the server can call. For types only. */
  readonly "~answers"?: A | undefined;
}

/** What a handler comes to. */
export type Result<R> = R extends AsyncIterator<unknown, infer Returned, never> ? Returned : Awaited<R>;
/** What a handler's generator yields. */
export type Item<R> = R extends AsyncIterable<infer Yielded> ? Yielded : never;

/** A value of rpc, as it arrives: bytes stay bytes, anything else goes through JSON. */
export type Value<T> = T extends Uint8Array ? T : Json<T>;

/** What a client gets of a handler's result: what it returns, or what its generator returned. */
export type ResultOf<R> = Value<Result<R>>;

/** The items of a handler's result. */
export type ItemOf<R> = Value<Item<R>>;
