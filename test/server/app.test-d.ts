import * as v from "valibot";
import { expectTypeOf, test } from "vitest";
import { defineService, prism } from "../../mod.ts";
import { procedure, rpc } from "../../src/services/rpc/server.ts";

test("middleware of one service names one that is registered", () => {
  const app = prism().service("math", rpc({ one: procedure(() => 1) }));
  const same = app.use("math", (inbound, next) => {
    expectTypeOf(inbound.clock.now()).toEqualTypeOf<number>();
    expectTypeOf(inbound.service).toEqualTypeOf<string>();
    inbound.events.on("disconnect", ({ id }) => expectTypeOf(id).toEqualTypeOf<string>());
    return next(inbound);
  });
  expectTypeOf(same).toEqualTypeOf(app);
  // @ts-expect-error there is no such service
  app.use("chat", () => {});
  // @ts-expect-error there is no service yet
  prism().use("math", () => {});
  // @ts-expect-error no middleware
  app.use("math");
});

test("the bus knows the events of every service", () => {
  const notes = defineService({
    kind: "notes",
    events: { noted: v.object({ text: v.string() }) },
    client: () => ({}),
    server: (host) => {
      host.events.emit("noted", { text: "a" });
      // @ts-expect-error another type
      host.events.emit("noted", { text: 1 });
      return {};
    },
  });
  const app = prism()
    .service("math", rpc({ one: procedure(() => 1) }))
    .service("notes", notes);
  app.events.on("noted", ({ text }) => expectTypeOf(text).toEqualTypeOf<string>());
  app.events.on("connect", ({ id }) => expectTypeOf(id).toEqualTypeOf<string>());
  // @ts-expect-error nobody says this
  app.events.on("unheard", () => {});
});
