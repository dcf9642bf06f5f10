/**
 * The client half of rpc.
 *
 * @module
 */
import type { ClientHost } from "../../service/hosts.ts";
import type { ItemSource } from "../../service/items.ts";
import { PrismError } from "../../wire/errors.ts";
import type { Body } from "../../wire/frames.ts";
import { raw, readValue, values } from "../../service/values.ts";
import { readCall, readNames, writeCall, type Names } from "./contract.ts";
import type { Answers, RpcHalf, RpcOptions, UntypedRpcClient } from "./types.ts";

export type { Answers, RpcHalf, RpcOptions, UntypedRpcClient };

/**
 * The client half of an rpc service, for `connect`.
 *
 * @returns the half
 * @example connect<App>(url, { services: { math: rpc(), ui: rpc({ confirm: ({ text }) => ask(text) }) } })
 */
export function rpc(): RpcHalf;
/**
 * The client half of an rpc service whose server calls the client.
 *
 * @param answers the functions that the server calls
 * @returns the half
 */
export function rpc<const A extends Answers>(answers: A): RpcHalf<A>;
export function rpc(answers?: Answers): RpcHalf {
  return {
    kind: "rpc",
    codec: values,
    callCodec: raw,
    client: (host: ClientHost<Body, Body>) => {
      const names = createNames(host);
      if (answers !== undefined) {
        host.oncall((body, context) => {
          const { place, value } = readCall(body);
          const name = names().list[place];
          if (name === undefined || !Object.hasOwn(answers, name)) throw new PrismError("not_found");
          return answers[name]!(readValue(value) as never, context);
        });
      }
      return createNode("", (name, [input, second, third]) => {
        if (second !== undefined && typeof second !== "object") throw new TypeError("Items or options are due here");
        const items = isSource(second) ? second : undefined;
        const options = (items === undefined ? second : third) as RpcOptions | undefined;
        const value = attempt(() => values.encode(input));
        const write = (): Body => {
          const place = names().places.get(name);
          if (place === undefined) throw new PrismError("not_found", `No procedure ${name}`);
          return writeCall(place, value());
        };
        return host.call(write, { ...options, items, idempotent: () => names().idempotent.has(name) });
      });
    },
  };
}

/** Does something now, and says later what came of it: a call fails, it does not throw. */
function attempt<Value>(run: () => Value): () => Value {
  try {
    const value = run();
    return () => value;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}

/** The table of the present connection; another connection may have another. */
function createNames(host: ClientHost<Body, Body>): () => Names {
  let table: unknown;
  let names: Names;
  return () => {
    if (table !== host.init) names = readNames((table = host.init));
    return names;
  };
}

type Invoke = (name: string, args: readonly unknown[]) => unknown;

/** A function that is also the parent of others: `math.add` is called, `math` may be, and neither is known here. */
function createNode(name: string, invoke: Invoke): UntypedRpcClient {
  const children = new Map<string, UntypedRpcClient>();
  return new Proxy(() => {}, {
    apply: (_, __, args: unknown[]) => invoke(name, args),
    get: (_, key) => {
      // What the language asks for by itself must not become a call.
      if (typeof key === "symbol" || key === "then" || key === "toJSON" || key in Object.prototype) return undefined;
      let child = children.get(key);
      if (child === undefined) children.set(key, (child = createNode(name === "" ? key : `${name}.${key}`, invoke)));
      return child;
    },
  }) as unknown as UntypedRpcClient;
}

function isSource(value: unknown): value is ItemSource {
  return (
    typeof value === "object" &&
    value !== null &&
    (Symbol.asyncIterator in value || Symbol.iterator in value || "getReader" in value)
  );
}
