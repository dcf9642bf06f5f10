/** Express: the page, the login form, and the page's files, with express-session on the app's sessions. */
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import express, { type Express, type NextFunction, type Request, type Response } from "express";
import session from "express-session";
import * as v from "valibot";
import { requestListener } from "../../adapters/node.ts";
import { expressSession } from "../../src/session/express.ts";
import { type Account, app, Credentials } from "./app.ts";
import { findUser } from "./users.ts";
import { toPage } from "./view.ts";

declare module "express-session" {
  interface SessionData extends Account {}
}

const headers = {
  "content-security-policy": [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src data:",
    "connect-src 'self' ws: wss:",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join("; "),
  "cache-control": "no-store",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
};

const options = expressSession(app);

/** A login: a new id, so that nobody who knew the old one is in. express-session begins it empty. */
async function signIn(request: Request): Promise<boolean> {
  const given = v.safeParse(Credentials, request.body);
  const user = given.success ? await findUser(given.output.name, given.output.password) : undefined;
  if (user === undefined) return false;
  const { views, clicks } = request.session;
  await promisify(request.session.regenerate.bind(request.session))();
  Object.assign(request.session, { user, views, clicks });
  // Stored before anything is answered: what comes next may come to another server.
  await promisify(request.session.save.bind(request.session))();
  return true;
}

/** A script asks for JSON, a form without one for a page. */
const wantsJson = (request: Request): boolean => request.accepts("html", "json") === "json";

function fail(error: unknown, _request: Request, response: Response, next: NextFunction): void {
  if (response.headersSent) return next(error);
  const { status = 500 } = error as { status?: number };
  response
    .status(status)
    .type("text")
    .send(status < 500 ? "Bad Request\n" : "Internal Server Error\n");
}

/** The site, but for its sockets. */
export const web: Express = express();
web.disable("x-powered-by");

// Prism and Hono have their own way with bodies and sessions, so they come first.
const answer = requestListener(app);
web.use((request, response, next) => {
  if (!/^\/(prism|api)\//.test(request.path)) return next();
  answer(request, response).catch(next);
});
web.use((_, response, next) => {
  response.set(headers);
  next();
});
web.use("/static", express.static(fileURLToPath(new URL("./dist/", import.meta.url)), { index: false }));
web.use(session(options), express.urlencoded({ extended: false, limit: "4kb" }));

web.get("/", (request, response) => {
  request.session.views = (request.session.views ?? 0) + 1;
  response.send(toPage(request.session));
});
web.get("/me", (request, response) => {
  const { user, views, clicks } = request.session;
  response.json({ user, views, clicks });
});
web.post("/login", (request, response, next) => {
  signIn(request).then((known) => {
    if (wantsJson(request)) response.status(known ? 200 : 401).json({ user: request.session.user });
    else if (known) response.redirect(303, "/");
    else response.status(401).send(toPage(request.session, "Wrong name or password"));
  }, next);
});
web.post("/logout", (request, response, next) => {
  request.session.destroy((error) => {
    if (error) return next(error);
    response.clearCookie(options.name ?? "", { path: "/" });
    if (wantsJson(request)) response.json({});
    else response.redirect(303, "/");
  });
});
web.use((_, response) => void response.status(404).type("text").send("Not found\n"));
web.use(fail);
