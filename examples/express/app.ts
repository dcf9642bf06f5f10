/** The app: a login that Express, Hono and Prism share. Express itself is in web.ts. */
import { readFile } from "node:fs/promises";
import process from "node:process";
import { Hono } from "hono";
import * as v from "valibot";
import { prism, PrismError } from "../../mod.ts";
import { type SessionEnv, sessions } from "../../src/http/sessions.ts";
import { rateLimit } from "../../src/middleware/rate-limit.ts";
import { procedure, rpc } from "../../src/services/rpc/server.ts";
import { people } from "./people.ts";
import { findUser } from "./users.ts";

/** What the session holds, whoever looks at it. */
export interface Account {
  user?: string;
  /** How often Express has rendered the page. */
  views?: number;
  /** How often the button was pressed, which a call counts. */
  clicks?: number;
}

interface Shape {
  readonly session: Account;
}

const shaped = procedure.with<Shape>();

/** What a login takes, by either way. */
export const Credentials = v.object({ name: v.string(), password: v.string() });

export const app = prism<Shape>({
  session: { secret: process.env["SESSION_SECRET"] },
  // Prism's listener answers for Hono, too: what is not Prism's goes to `fetch`.
  fetch: (request): Response | Promise<Response> => api.fetch(request),
  assets: [
    {
      name: "style.css",
      type: "text/css; charset=utf-8",
      content: await readFile(new URL("./page/style.css", import.meta.url), "utf8"),
    },
  ],
})
  .service("people", people)
  .service("account", ({ services }) =>
    rpc({
      look: shaped(({ connection, session }): Account => {
        services.people.seen(connection, session.data.user);
        return session.data;
      }),
      count: shaped(async ({ session }) => {
        session.data.clicks = (session.data.clicks ?? 0) + 1;
        await session.save();
        return session.data.clicks;
      }),
      /** A login over the socket. The new id's cookie is fetched by the client, from `/prism/session`. */
      signIn: shaped(Credentials, async ({ name, password }, { session }) => {
        const user = await findUser(name, password);
        if (user === undefined) throw new PrismError("unauthorized", "Wrong name or password");
        session.data.user = user;
        await session.regenerate();
        return user;
      }),
    }),
  )
  .use("account", rateLimit({ by: "address", rate: 10, burst: 40 }));

export type App = typeof app;

/** The part of the site that is Hono's. */
const api = new Hono<SessionEnv<Account>>()
  .use(sessions(app))
  .get("/api/me", (context) => context.json(context.var.session.data, 200, { "cache-control": "no-store" }));
