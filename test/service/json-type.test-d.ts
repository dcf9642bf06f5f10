import { expectTypeOf, test } from "vitest";
import type { Json } from "../../src/service/json-type.ts";

interface Named {
  name: string;
  at: Date;
}

test("what is JSON already stays as it is", () => {
  type Sum = { readonly a: number; b?: string; list: readonly [1, "x"]; any: { [key: string]: boolean | null } };
  expectTypeOf<Json<Sum>>().toEqualTypeOf<Sum>();
  expectTypeOf<Json<unknown>>().toEqualTypeOf<unknown>();
  expectTypeOf<Json<string | undefined>>().toEqualTypeOf<string | undefined>();
});

test("dates become strings, wherever they are", () => {
  expectTypeOf<Json<Named>>().toEqualTypeOf<{ name: string; at: string }>();
  expectTypeOf<Json<Named[]>>().toEqualTypeOf<{ name: string; at: string }[]>();
  expectTypeOf<Json<{ deep: { list: [Date, number?] } }>>().toEqualTypeOf<{ deep: { list: [string, number?] } }>();
  expectTypeOf<Json<{ [key: string]: Date }>>().toEqualTypeOf<{ [key: string]: string }>();
  expectTypeOf<Json<Named | null>>().toEqualTypeOf<{ name: string; at: string } | null>();
});

test("functions are gone, whatever stands beside them", () => {
  interface Doing extends Named {
    act(): void;
    readonly other: () => number;
    maybe?: () => void;
  }
  expectTypeOf<Json<Doing>>().toEqualTypeOf<{ name: string; at: string; maybe?: never }>();
  expectTypeOf<keyof Json<{ loose: any; act(): void }>>().toEqualTypeOf<"loose">(); // oxlint-disable-line typescript/no-explicit-any
  expectTypeOf<Json<{ loose: unknown; act(): void }>>().toEqualTypeOf<{ loose: unknown }>();
  expectTypeOf<Json<{ apply: string; at: Date }>>().toEqualTypeOf<{ apply: string; at: string }>();
  expectTypeOf<Json<{ apply(): void; at: Date }>>().toEqualTypeOf<{ at: string }>();
  expectTypeOf<Json<() => void>>().toEqualTypeOf<never>();
});

test("what JSON cannot hold shows", () => {
  expectTypeOf<Json<{ big: bigint }>>().toEqualTypeOf<{ big: never }>();
  expectTypeOf<Json<{ map: Map<string, Date>; bytes: Uint8Array }>>().toEqualTypeOf<{
    map: Record<never, never>;
    bytes: Readonly<Record<string, number>>;
  }>();
  expectTypeOf<Json<{ toJSON(): 5; at: Date }>>().toEqualTypeOf<5>();
  const key: unique symbol = Symbol("key");
  expectTypeOf<Json<{ [key]: Date; a: 1 }>>().toEqualTypeOf<{ [key]: string; a: 1 }>();
});
