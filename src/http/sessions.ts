/**
 * Sessions in HTTP routes: the same that services have.
 *
 * @module
 */
import { HTTPException } from "hono/http-exception";
import { isPrismError } from "../wire/errors.ts";
import type { RequestSession } from "../session/request-session.ts";
import type { Session } from "../session/session.ts";

export type { CookieOptions } from "../session/cookie.ts";
export type { KeyValueStorage, StorageDriver, StorageMount } from "../session/key-value-storage.ts";
export type { SessionOptions } from "../session/options.ts";
export type { DeadSession, SessionRecord, SessionStore } from "../session/session-store.ts";
export type { RequestSession, Session };

/** An app, as far as its sessions go. */
export interface SessionSource<Data> {
  /** The app's sessions. */
  readonly sessions: {
    /** Opens the session of a request. */
    open(request: Request): Promise<RequestSession<Data>>;
  };
}

/** What a Hono app's contexts have behind {@linkcode sessions}: `new Hono<SessionEnv<Data>>()`. */
export interface SessionEnv<Data = Record<string, unknown>> {
  /** What `context.get` and `context.var` give. */
  Variables: {
    /** The session of the request. */
    session: Session<Data>;
  };
}

/** What is used of a Hono context. */
export interface SessionContext<Data> {
  /** The request. */
  readonly req: { readonly raw: Request };
  /** Sets what `context.var` gives. */
  set(name: "session", session: Session<Data>): void;
  /** Sets a header of the response. */
  header(name: string, value: string, options: { readonly append: true }): void;
}

/** Middleware for Hono. */
export type SessionMiddleware<Data> = (context: SessionContext<Data>, next: () => Promise<void>) => Promise<void>;

/**
 * Hono middleware: `context.var.session` is the session that the client has in its services, too. What a route changes in
 * its data is stored before the response goes out, and the cookie set where the client has to get it.
 *
 * Where the store fails, the request fails with Hono's `HTTPException`, status 503.
 *
 * @param app the app
 * @returns the middleware
 * @example
 * const web = new Hono<SessionEnv<Data>>().use(sessions(app)).get("/me", (c) => c.json(c.var.session.data));
 */
export function sessions<Data>(app: SessionSource<Data>): SessionMiddleware<Data> {
  return async (context, next) => {
    const visit = await app.sessions.open(context.req.raw).catch(toHttp);
    context.set("session", visit.session);
    let cookie: string | undefined;
    try {
      await next();
    } finally {
      cookie = await visit.finish().catch(toHttp);
    }
    if (cookie !== undefined) context.header("set-cookie", cookie, { append: true });
  };
}

function toHttp(error: unknown): never {
  if (!isPrismError(error, "unavailable")) throw error;
  throw new HTTPException(503, { message: error.message, cause: error });
}
