// An app that asks before it lets anybody in, and whose every hook can be made to fail, or to wait.
import * as v from "valibot";
import { prism, type PrismOptions } from "../../../mod.ts";
import { procedure, rpc } from "../../../src/services/rpc/server.ts";
import type { Barriers } from "./controls.ts";
import { perform } from "./deeds.ts";

interface GateShape {
  readonly state: { readonly query: URLSearchParams };
}

/** What `admit` returns that it should not, by its name. */
export const returned: Readonly<Record<string, () => unknown>> = {
  "a number": () => 5,
  "a text": () => "x",
  true: () => true,
  false: () => false,
  null: () => null,
  "a list": () => [],
  "a state that is none": () => ({ state: 5 }),
  "a header that has no name": () => ({ headers: { "": "x" } }),
  "a header with a bad name": () => ({ headers: { "bad name": "x" } }),
  "a header over two lines": () => ({ headers: { "x-user": "a\r\nX-Forged: 1" } }),
  "a subprotocol of its own": () => ({ headers: { "sec-websocket-protocol": "evil" } }),
  "a response of a network error": () => Response.error(),
  "a response without a body": () => new Response(null, { status: 204 }),
  "a response that was read": () => {
    const response = new Response("read", { status: 403 });
    void response.text();
    return response;
  },
  "a response with status 200": () => new Response("Not an upgrade"),
  "what only looks like a response": () => ({ status: 403 }),
};

const shaped = procedure.with<GateShape>();

/** The places where those who come in can be made to wait, in their order. */
export const stages = ["origins", "store", "admit", "authenticate"] as const;

export function createGate(options: PrismOptions<GateShape>, barriers: Barriers) {
  const app = prism<GateShape>({
    ...options,
    origins: async (origin, request) => {
      await barriers.pass("origins");
      const deed = new URL(request.url).searchParams.get("origins");
      return deed === null ? origin === "http://good.example" : ((await perform(deed)) as boolean);
    },
    // Not async itself: what it throws, it throws.
    admit: (request) => {
      const query = new URL(request.url).searchParams;
      const make = returned[query.get("returns") ?? ""];
      if (make !== undefined) return make() as Response;
      const done = perform(query.get("admit")) as Promise<undefined> | undefined;
      return done ?? barriers.pass("admit").then(() => ({ state: { query } }));
    },
    authenticate: (token) => (perform(token) as undefined) ?? (barriers.pass("authenticate") as Promise<undefined>),
  }).service("talk", rpc({ echo: shaped(v.unknown(), (value) => value) }));
  app.events.on("connect", (connection) => {
    const { query } = connection.state as GateShape["state"];
    return perform(query?.get("connect"));
  });
  app.events.on("disconnect", (connection) => {
    const { query } = connection.state as GateShape["state"];
    return perform(query?.get("disconnect"));
  });
  // Listeners to failures fail as well.
  app.events.on("error", () => {
    throw new Error("A listener to errors");
  });
  return app;
}
