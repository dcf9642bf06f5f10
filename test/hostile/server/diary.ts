// An app that writes down all that it is told: into its log, its responses, its errors.
import * as v from "valibot";
import { defineService, prism, PrismError, type PrismOptions } from "../../../mod.ts";
import { procedure, rpc } from "../../../src/services/rpc/server.ts";

export function createDiary(options: PrismOptions) {
  return prism({
    ...options,
    trustProxy: true,
    admit: (request) => {
      const query = new URL(request.url).searchParams;
      const header = query.get("header");
      const refusal = query.get("refuse");
      if (refusal !== null) return new Response(refusal, { status: 403, headers: { "x-reason": encodeURI(refusal) } });
      const error = query.get("error");
      if (error !== null) throw new Error(error);
      return header === null ? undefined : { headers: { "x-told": header } };
    },
    authenticate: (token = "") => {
      if (token === "ok") return;
      if (token.startsWith("!")) throw new Error(token);
      throw new PrismError("unauthorized", token);
    },
    fetch: (request) => {
      throw new Error(decodeURIComponent(new URL(request.url).pathname));
    },
  })
    .service(
      "calls",
      rpc({
        fail: procedure(v.string(), (text) => {
          throw new Error(text);
        }),
        refuse: procedure(v.string(), (text) => {
          throw new PrismError(text, text, { text });
        }),
        kick: procedure(v.string(), (text, { connection }) => connection.close(text)),
      }),
    )
    .service(
      "notes",
      defineService({
        kind: "notes",
        codec: "json",
        client: () => ({}),
        server: (host) => {
          host.onmessage((text) => {
            host.log.info(String(text), text);
            throw new PrismError("teapot", String(text), text);
          });
          return {};
        },
      }),
    );
}
