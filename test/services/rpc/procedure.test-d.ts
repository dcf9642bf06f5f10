import * as v from "valibot";
import { expectTypeOf, test } from "vitest";
import { prism } from "../../../mod.ts";
import { answer, procedure, rpc } from "../../../src/services/rpc/server.ts";
import type { TypesOf } from "../../../src/service/app.ts";

type Of<P> = P extends { readonly "~types"?: (infer T) | undefined } ? T : never;

test("a handler alone has no input, and gets the context", () => {
  const made = procedure(({ connection, signal }) => {
    expectTypeOf(connection.id).toEqualTypeOf<string>();
    expectTypeOf(signal).toEqualTypeOf<AbortSignal>();
    return 5;
  });
  expectTypeOf<Of<typeof made>["input"]>().toEqualTypeOf<undefined>();
  expectTypeOf<Of<typeof made>["result"]>().toEqualTypeOf<number>();
});

test("a schema gives the handler its output, and the client its input", () => {
  const made = procedure(v.pipe(v.string(), v.transform(Number)), async (n) => {
    expectTypeOf(n).toEqualTypeOf<number>();
    return { n, at: new Date() };
  });
  expectTypeOf<Of<typeof made>["input"]>().toEqualTypeOf<string>();
  expectTypeOf<Of<typeof made>["result"]>().toEqualTypeOf<{ n: number; at: string }>();
});

test("an async generator gives items and a result", () => {
  const made = procedure(v.number(), async function* (to) {
    for (let i = 0; i < to; i++) yield { i };
    return "done" as const;
  });
  expectTypeOf<Of<typeof made>["item"]>().toEqualTypeOf<{ i: number }>();
  expectTypeOf<Of<typeof made>["result"]>().toEqualTypeOf<"done">();
});

test("options name the input, the output and the client's items", () => {
  const made = procedure({ input: v.object({ name: v.string() }), items: v.number() }, async ({ name }, { items }) => {
    expectTypeOf(name).toEqualTypeOf<string>();
    expectTypeOf(items).toEqualTypeOf<AsyncIterableIterator<number>>();
    return new Uint8Array(1);
  });
  expectTypeOf<Of<typeof made>["sent"]>().toEqualTypeOf<number>();
  expectTypeOf<Of<typeof made>["result"]>().toExtend<Uint8Array>();
});

test("what does not fit is refused", () => {
  // @ts-expect-error a schema without a handler
  procedure(v.number());
  // @ts-expect-error a handler of something else
  procedure(v.number(), (text: string) => text);
  // @ts-expect-error there is no input
  procedure((input: string) => input);
});

test("a schema may be a function, one of several, of any type, or without types", () => {
  const schema = Object.assign((value: unknown) => value, { "~standard": v.number()["~standard"] });
  // @ts-expect-error a schema without a handler
  procedure(schema);
  expectTypeOf<Of<ReturnType<typeof callable>>["input"]>().toEqualTypeOf<number>();
  const callable = () => procedure(schema, (n) => n.toFixed());
  const several = procedure(Math.random() < 0.5 ? v.number() : v.string(), (value) => {
    expectTypeOf(value).toEqualTypeOf<number | string>();
  });
  expectTypeOf<Of<typeof several>["input"]>().toEqualTypeOf<number | string>();
  // oxlint-disable-next-line typescript/no-explicit-any, typescript/no-unsafe-argument
  procedure(v.number() as any, (value: number) => value);
  const plain = { "~standard": { version: 1 as const, vendor: "plain", validate: () => ({ value: "x" }) } };
  procedure(plain, (text) => expectTypeOf(text).toEqualTypeOf<string>());
});

interface Wanted {
  session: { user?: string };
  state: { role: "admin" | "guest" };
}

test("a guard adds to the context", () => {
  const authed = procedure.with<Wanted>().use(({ session }) => ({ user: session.data.user ?? "nobody" }));
  const twice = authed.use(({ user }) => ({ length: user.length }));
  const made = twice(v.string(), (text, { user, length, connection }) => {
    expectTypeOf(user).toEqualTypeOf<string>();
    expectTypeOf(length).toEqualTypeOf<number>();
    expectTypeOf(connection.state.role).toEqualTypeOf<"admin" | "guest">();
    return text;
  });
  const service = rpc({ say: made, open: procedure(() => 1) });
  prism<Wanted>().service("chat", service);
  // @ts-expect-error the app's shape lacks what the handler needs
  prism().service("chat", service);
  prism<Wanted & { session: { more: number } }>().service("chat", service);
});

test("the server's callers are typed by the contract", () => {
  const ui = rpc({}, { client: { confirm: answer(v.object({ text: v.string() }), v.boolean()) } });
  type Server = TypesOf<typeof ui>["server"];
  expectTypeOf<ReturnType<Server["client"]>["confirm"]>().parameter(0).toEqualTypeOf<{ text: string }>();
  expectTypeOf<ReturnType<ReturnType<Server["client"]>["confirm"]>>().toEqualTypeOf<Promise<boolean>>();
});
