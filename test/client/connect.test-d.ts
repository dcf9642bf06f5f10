import * as v from "valibot";
import { expectTypeOf, test } from "vitest";
import { defineClient, defineService, prism, type Call } from "../../mod.ts";
import { connect } from "../../src/client/connect.ts";
import { connect as connectFromNode } from "../../src/client/node.ts";
import { rpc as rpcHalf } from "../../src/services/rpc/client.ts";
import { answer, procedure, rpc } from "../../src/services/rpc/server.ts";

const clockHalf = defineClient({
  kind: "clock",
  down: v.number(),
  client: (host) => ({ onTick: (hear: (time: number) => void) => host.onmessage(hear) }),
});
const clock = defineService({ ...clockHalf, server: (host) => ({ tick: () => host.broadcast(Date.now()) }) });
const other = defineService({ kind: "other", client: () => ({ here: true }), server: () => ({}) });

const app = prism()
  .service(
    "math",
    rpc({
      add: procedure(v.object({ a: v.number(), b: v.number() }), ({ a, b }) => a + b),
      nested: {
        deeper: {
          count: procedure(v.number(), async function* (to) {
            yield to;
            return "done";
          }),
        },
      },
      save: procedure({ input: v.string(), items: v.number() }, (name) => ({ name })),
      now: procedure(() => new Date()),
    }),
  )
  .service("clock", clock)
  .service("ui", rpc({}, { client: { confirm: answer(v.object({ text: v.string() }), v.boolean()) } }))
  .service("late", ({ services }) => {
    expectTypeOf(services.clock.tick).toEqualTypeOf<() => void>();
    return rpc({ ping: procedure(() => services.clock.tick()) });
  });
type App = typeof app;

const url = "ws://localhost";
const ui = rpcHalf({ confirm: ({ text }: { text: string }) => text !== "" });

test("connect<App> lists every service, and types all of it", () => {
  const client = connect<App>(url, {
    lazy: true,
    services: {
      math: rpcHalf(),
      clock: clockHalf,
      late: rpcHalf(),
      ui: rpcHalf({ confirm: ({ text }) => text !== "" }),
    },
  });
  expectTypeOf(client.math.add).parameter(0).toEqualTypeOf<{ a: number; b: number }>();
  expectTypeOf(client.math.add({ a: 1, b: 2 })).toEqualTypeOf<Call<number>>();
  expectTypeOf(client.math.nested.deeper.count(1)).toEqualTypeOf<Call<string, number>>();
  expectTypeOf(client.math.now()).toEqualTypeOf<Call<string>>();
  expectTypeOf(client.math.save("a", [1], { timeout: 5 })).toEqualTypeOf<Call<{ name: string }>>();
  expectTypeOf(client.clock.onTick).parameter(0).toEqualTypeOf<(time: number) => void>();
  expectTypeOf(client.connection.status).toEqualTypeOf<"connecting" | "open" | "suspended" | "closed">();
  // @ts-expect-error no such procedure
  void client.math.subtract;
  // @ts-expect-error a wrong input
  void client.math.add({ a: "1", b: 2 });
  // @ts-expect-error items of another type
  void client.math.save("a", ["x"]);
});

test("a wrong or missing half does not compile", () => {
  // @ts-expect-error `clock` has the half of another service
  connect<App>(url, { lazy: true, services: { math: rpcHalf(), clock: other, late: rpcHalf(), ui } });
  // @ts-expect-error `math` is missing
  connect<App>(url, { lazy: true, services: { clock, late: rpcHalf(), ui } });
  // @ts-expect-error the server calls `ui`, and there is no answer
  connect<App>(url, { lazy: true, services: { math: rpcHalf(), clock, late: rpcHalf(), ui: rpcHalf() } });
  // @ts-expect-error the answer is no boolean
  connect<App, "ui">(url, { lazy: true, services: { ui: rpcHalf({ confirm: () => "yes" }) } });
});

test("some services will do", () => {
  const client = connect<App, "math">(url, { lazy: true, services: { math: rpcHalf() } });
  expectTypeOf(client.math.add({ a: 1, b: 2 })).toEqualTypeOf<Call<number>>();
  // @ts-expect-error it was not asked for
  void client.clock;
});

test("without an app the halves give the types", () => {
  const client = connect(url, { lazy: true, services: { clock: clockHalf, any: rpcHalf() } });
  expectTypeOf(client.clock.onTick).parameter(0).toEqualTypeOf<(time: number) => void>();
  expectTypeOf(client.any.what!.ever!(1)).toEqualTypeOf<Call<unknown, unknown>>();
});

test("auth is a string, or what gives one", () => {
  const services = { clock: clockHalf };
  connect(url, { lazy: true, services, auth: "token" });
  connect(url, { lazy: true, services, auth: () => "token" });
  const client = connect(url, { lazy: true, services, auth: async () => "token" });
  expectTypeOf(client.connection.refreshAuth).toEqualTypeOf<() => Promise<void>>();
  // @ts-expect-error no string
  connect(url, { lazy: true, services, auth: 7 });
  // @ts-expect-error gives no string
  connect(url, { lazy: true, services, auth: () => null });
});

test("the client for Node has the same signature", () => {
  expectTypeOf(connectFromNode).toEqualTypeOf(connect);
});
