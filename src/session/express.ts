/**
 * The sessions of an app in Express: `req.session` is the session that the client has in its services.
 *
 * @module
 */
// @ts-types="npm:@types/express-session"
import session from "express-session";
import { randomId } from "../wire/random-id.ts";
import { ExpressSessions } from "./express-sessions.ts";
import { isProduction } from "./options.ts";
import type { SessionGate } from "./session-gate.ts";

/** An app, as far as {@linkcode expressSession} goes. */
export interface ExpressSessionSource {
  /** The app's sessions. */
  readonly sessions: {
    /** For the package itself. */
    readonly "~gate": unknown;
  };
}

/**
 * The options with which express-session has the sessions of an app: the same ids, cookie and store, so that a login is
 * one wherever it takes place. `req.session` has the members of the session's `data`, and `cookie`. Only what a request
 * has changed is stored when it is answered, key by key: what a handler of a service or another request has changed
 * meanwhile stays, and of one key the last to be stored wins. `req.session.regenerate` closes the connections of the
 * old id with 4004, and they come back with the new one; `req.session.destroy` closes them with 1008.
 *
 * How long a session lasts is said by the app's `ttl` and `idle`, whatever `req.session.cookie.maxAge` is. A request
 * fails with `unavailable` where the store does, and with `conflict` where another server has changed the same key.
 *
 * express-session has one name for the cookie, and Prism one for https and one for http: the app's option `url` or
 * `session.cookie.secure` says which. Behind a proxy that speaks https for it, Express needs its setting `trust proxy`,
 * or express-session its option `proxy`, without which it does not set such a cookie.
 *
 * @param app the app
 * @returns options for express-session, to which others may be added
 * @throws {TypeError} if the app keeps no sessions, or in production does not say whether browsers come over https
 * @example
 * const web = express().use(session(expressSession(app)));
 */
export function expressSession(app: ExpressSessionSource): import("express-session").SessionOptions {
  const gate = app.sessions["~gate"] as SessionGate | undefined;
  if (gate === undefined) throw new TypeError("This app keeps no sessions");
  if (gate.https === undefined && isProduction()) {
    throw new TypeError(
      'Express needs to know whether browsers come over https: prism({ url: "https://…" }), or prism({ session: { cookie: { secure: true } } })',
    );
  }
  const { domain, sameSite = "lax" } = gate.cookie.options;
  const https = gate.https ?? false;
  const maxAge = gate.sessions.time.limits.ttl;
  const cookie = { path: "/", httpOnly: true, secure: https, sameSite, domain, maxAge };
  return {
    name: gate.cookie.name(https),
    secret: [...gate.signer.secrets],
    cookie,
    genid: () => randomId(),
    store: new PrismStore(new ExpressSessions(gate, { ...cookie, originalMaxAge: maxAge })),
    resave: false,
    saveUninitialized: false,
  };
}

type Request = Parameters<session.Store["regenerate"]>[0];
type Done = (error?: unknown) => void;

class PrismStore extends session.Store {
  readonly #sessions: ExpressSessions;

  constructor(sessions: ExpressSessions) {
    super();
    this.#sessions = sessions;
  }

  get(id: string, done: (error: unknown, session?: session.SessionData | null) => void): void {
    this.#sessions.get(id).then((given) => done(null, (given as session.SessionData | undefined) ?? null), done);
  }

  override createSession(req: Request, given: session.SessionData): session.Session & session.SessionData {
    const made = super.createSession(req, given);
    this.#sessions.taken(given, made);
    return made;
  }

  set(id: string, given: session.SessionData, done: Done = ignore): void {
    this.#sessions.set(id, given).then(() => done(), done);
  }

  override touch(_id: string, given: session.SessionData, done: Done = ignore): void {
    this.#sessions.touch(given);
    done();
  }

  destroy(id: string, done: Done = ignore): void {
    this.#sessions.destroy(id).then(() => done(), done);
  }

  override regenerate(req: Request, done: Done): void {
    this.#sessions.replace(req.sessionID).then(() => {
      req.sessionStore.generate(req);
      done();
    }, done);
  }
}

function ignore(): void {}
