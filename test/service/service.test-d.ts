import * as v from "valibot";
import { expectTypeOf, test } from "vitest";
import { defineService } from "../../mod.ts";

test("a codec by its name gives the bodies' type", () => {
  const halves = { client: () => ({}) };
  defineService({
    ...halves,
    kind: "text",
    codec: "text",
    server: (host) => host.onmessage((body) => expectTypeOf(body).toEqualTypeOf<string>()),
  });
  defineService({
    ...halves,
    kind: "bytes",
    codec: "bytes",
    server: (host) => host.onmessage((body) => expectTypeOf(body).toEqualTypeOf<Uint8Array>()),
  });
  defineService({
    ...halves,
    kind: "json",
    server: (host) => host.onmessage((body) => expectTypeOf(body).toEqualTypeOf<unknown>()),
  });
});

test("one's own codec gives them, without a word of annotation", () => {
  defineService({
    kind: "numbers",
    codec: { encode: (value: number) => String(value), decode: (body) => Number(body) },
    client: (host) => ({ send: (value: number) => host.send(value) }),
    server: (host) => host.onmessage((body) => expectTypeOf(body).toEqualTypeOf<number>()),
  });
});

test("a schema says more than a codec", () => {
  defineService({
    kind: "dates",
    up: v.pipe(
      v.string(),
      v.transform((text) => new Date(text)),
    ),
    down: v.number(),
    client: (host) => {
      expectTypeOf(host.send).parameter(0).toEqualTypeOf<string>();
      return { on: (hear: (value: number) => void) => host.onmessage(hear) };
    },
    server: (host) => {
      host.onmessage((body) => expectTypeOf(body).toEqualTypeOf<Date>());
      host.broadcast(5);
      // @ts-expect-error not a number
      host.broadcast("5");
      return {};
    },
  });
});
