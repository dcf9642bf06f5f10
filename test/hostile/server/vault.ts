// An app that keeps what people tell it in their sessions, over HTTP and over sockets.
import { Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import * as v from "valibot";
import { isPrismError, prism, type PrismOptions } from "../../../mod.ts";
import { sessions, type SessionEnv } from "../../../src/http/sessions.ts";
import { procedure, rpc } from "../../../src/services/rpc/server.ts";

/** Anything: what clients put there. */
export type Data = Record<string, unknown>;

interface VaultShape {
  readonly session: Data;
}

const shaped = procedure.with<VaultShape>();
const values = v.custom<Data>((value) => typeof value === "object" && value !== null);
const entry = v.custom<readonly [key: string, value: unknown]>(Array.isArray);

export function createVault(options: PrismOptions<VaultShape>) {
  const app = prism<VaultShape>(options).service(
    "account",
    rpc({
      me: shaped(({ session }) => ({ id: session.id, data: session.data })),
      /** What a handler may see of somebody's data without looking for it. */
      admin: shaped(({ session }) => session.data["admin"] ?? null),
      set: shaped(entry, async ([key, value], { session }) => {
        session.data[key] = value;
        await session.save();
      }),
      put: shaped(values, async (data, { session }) => {
        session.data = data;
        await session.save();
      }),
      add: shaped(values, async (data, { session }) => {
        Object.assign(session.data, data);
        await session.save();
      }),
      login: shaped(v.string(), async (name, { session }) => {
        session.data["name"] = name;
        await session.regenerate();
        return session.id;
      }),
      /** A new id, and nothing else. */
      renew: shaped(({ session }) => session.regenerate()),
      logout: shaped(({ session }) => session.destroy()),
    }),
  );
  const web = new Hono<SessionEnv<Data>>()
    .onError((error, context) => {
      if (isPrismError(error, "unavailable")) return context.text(error.code, 503);
      if (isPrismError(error, "conflict")) return context.text(error.code, 409);
      if (error instanceof HTTPException) return error.getResponse();
      throw error;
    })
    .use(sessions<Data>(app))
    .get("/me", ({ var: { session }, json }) => json({ id: session.id, data: session.data }))
    .post("/set", async ({ req, var: { session }, text }) => {
      const [key, value] = (await req.json()) as [string, unknown];
      session.data[key] = value;
      return text("set");
    })
    .post("/login", async ({ req, var: { session }, text }) => {
      session.data["name"] = await req.text();
      await session.regenerate();
      return text(session.id);
    })
    .post("/logout", async ({ var: { session }, text }) => {
      await session.destroy();
      return text("gone");
    })
    .notFound((context) => context.text("Not Found", 404));
  return app.mount((request) => web.fetch(request));
}
