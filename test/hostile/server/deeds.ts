// What code that users write may throw, and when. Pure: the tests and the server read the same tables.
import { PrismError } from "../../../mod.ts";

/** Stands in errors that nobody outside may see. */
export const SECRET_TEXT = "The secret text";

function withGetters(): Error {
  const error = new Error(SECRET_TEXT);
  for (const name of ["message", "stack", "code", "cause"]) {
    Object.defineProperty(error, name, {
      get: () => {
        throw new Error(SECRET_TEXT);
      },
    });
  }
  return error;
}

function cyclic(): PrismError {
  const data: { self?: unknown } = {};
  data.self = data;
  return new PrismError("teapot", "Short and stout", data);
}

function withCause(): Error {
  const error = new Error(SECRET_TEXT);
  return Object.assign(error, { cause: error });
}

/** What is thrown, by what it is; each is made anew. */
export const thrown: Readonly<Record<string, () => unknown>> = {
  "an error": () => new TypeError(SECRET_TEXT),
  undefined: () => undefined,
  null: () => null,
  zero: () => 0,
  "an empty text": () => "",
  "a text": () => SECRET_TEXT,
  "a symbol": () => Symbol(SECRET_TEXT),
  "a bigint": () => 5n,
  "a function": () => () => SECRET_TEXT,
  "a frozen object": () => Object.freeze({ code: "teapot", message: SECRET_TEXT }),
  "an object without a prototype": () => Object.assign(Object.create(null) as object, { name: "PrismError" }),
  "an error that is its own cause": withCause,
  "an error whose members throw": withGetters,
  "an error without a text": () => Object.assign(new Error(SECRET_TEXT), { toString: 5, stack: undefined }),
  "an error by name alone": () => Object.assign(new Error(SECRET_TEXT), { name: "PrismError", code: Symbol("x") }),
  "an error that is frozen": () => Object.freeze(new Error(SECRET_TEXT)),
  "what can be waited for": () => ({ then: (resolve: (value: unknown) => void) => resolve(SECRET_TEXT) }),
  "what can be waited for in vain": () => ({ then: () => {} }),
  "a response": () => new Response(SECRET_TEXT, { status: 200 }),
  "a typed error": () => new PrismError("teapot", "Short and stout"),
  "a typed error with data that contain themselves": cyclic,
  "a typed error with a bigint": () => new PrismError("teapot", "Short and stout", { n: 5n }),
};

/** What is thrown that answers every question by throwing. */
export const monsters: Readonly<Record<string, () => unknown>> = {
  "a proxy that throws": () =>
    new Proxy(
      {},
      {
        get: () => {
          throw new Error(SECRET_TEXT);
        },
        getPrototypeOf: () => {
          throw new Error(SECRET_TEXT);
        },
      },
    ),
  "a revoked proxy": () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    return proxy;
  },
};

/** When: at once, as a promise that has failed, and one that fails later. */
export const times: readonly string[] = ["at once", "rejected", "later"];

/** A deed as text, for a query or a body. */
export const toDeed = (time: string, what: string): string => `${time}:${what}`;

/** Whether a deed's client is told what it was. */
export const isTyped = (what: string): boolean => what.startsWith("a typed error");

/** Does a deed: throws, or returns a promise that rejects. Nothing for what is no deed. */
export function perform(deed: string | null | undefined): unknown {
  const [time, what = ""] = deed?.split(":") ?? [];
  const make = thrown[what] ?? monsters[what];
  if (make === undefined) return undefined;
  const value = make();
  // oxlint-disable-next-line typescript/only-throw-error
  if (time === "at once") throw value;
  // oxlint-disable-next-line typescript/prefer-promise-reject-errors
  if (time === "rejected") return Promise.reject(value);
  return new Promise((_, reject) => setTimeout(reject, 1, value));
}
