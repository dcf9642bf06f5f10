import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import express, { type Express, type Request } from "express";
import session from "express-session";
import * as v from "valibot";
import { onTestFinished } from "vitest";
import { WebSocket } from "ws";
import { attach, requestListener } from "../../adapters/node.ts";
import { prism, type PrismOptions, type SessionOptions } from "../../mod.ts";
import { connect, type CloseReason } from "../../src/client/connect.ts";
import { webSocketDial } from "../../src/client/dial.ts";
import { procedure, rpc } from "../../src/services/rpc/server.ts";
import { rpc as client } from "../../src/services/rpc/client.ts";
import { expressSession } from "../../src/session/express.ts";

export const secret = "a secret that is long enough to be one";
export const older = "another secret that is long enough, too";

interface Shape {
  readonly session: Record<string, unknown>;
}

/** What is seen of a session: its id and its data. */
export interface Seen {
  readonly id: string;
  readonly data: Readonly<Record<string, unknown>>;
}

const Values = v.record(v.string(), v.unknown());
const shaped = procedure.with<Shape>();

function createApp(options: PrismOptions<Shape>) {
  return prism<Shape>(options).service(
    "session",
    rpc({
      look: shaped(({ session }): Seen => ({ id: session.id, data: session.data })),
      /** Changes data, and stores nothing. */
      put: shaped(Values, (values, { session }) => void Object.assign(session.data, values)),
      save: shaped(Values, (values, { session }) => {
        Object.assign(session.data, values);
        return session.save();
      }),
      destroy: shaped(({ session }) => session.destroy()),
    }),
  );
}

export type StageApp = ReturnType<typeof createApp>;

/** The data of a request's session, without what is express-session's. */
export function seen(request: Request): Seen {
  const { cookie: _, ...data } = request.session as unknown as Record<string, unknown>;
  return { id: request.sessionID, data };
}

/** One server: Express and Prism, with the same sessions. */
export interface Stage {
  readonly app: StageApp;
  readonly web: Express;
  readonly url: string;
  /** What Express was told of as an error. */
  readonly errors: unknown[];
}

/** What a stage is made with. */
export interface StageOptions extends SessionOptions {
  /** Adds routes behind those that are there. */
  readonly route?: ((web: Express) => void) | undefined;
  /** Where browsers find the app. */
  readonly url?: string | undefined;
}

/** Serves Express and Prism on one port until the test is over. */
export async function createStage({ route, url, ...options }: StageOptions = {}): Promise<Stage> {
  const app = createApp({ url, session: { secret, ...options } });
  const errors: unknown[] = [];
  const web = express();
  const answer = requestListener(app);
  web.use((request, response, next) => (request.path.startsWith("/prism") ? answer(request, response) : next()));
  web.use(session(expressSession(app)), express.json());
  web.get("/look", (request, response) => void response.json(seen(request)));
  web.post("/save", (request, response) => {
    Object.assign(request.session, request.body);
    response.json(seen(request));
  });
  web.post("/login", (request, response, next) => {
    request.session.regenerate((error) => {
      if (error) return next(error);
      Object.assign(request.session, request.body);
      response.json(seen(request));
    });
  });
  web.post("/logout", (request, response, next) => {
    request.session.destroy((error) => (error ? next(error) : void response.end("bye")));
  });
  route?.(web);
  web.use((error: unknown, _request: Request, response: express.Response, next: express.NextFunction) => {
    errors.push(error);
    if (response.headersSent) return next();
    response.status(500).json({ code: (error as { code?: unknown }).code });
  });
  const server = createServer(web);
  attach(app, server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(async () => {
    await app.close();
    server.closeAllConnections();
    server.close();
  });
  return { app, web, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, errors };
}

/** A user's browser: it keeps cookies, and sends them with requests and sockets. */
export class Browser {
  /** The cookies that it has. */
  readonly cookies: Map<string, string> = new Map();
  /** All `set-cookie` headers that it got. */
  readonly set: string[] = [];

  /** Fetches something, and reads it as JSON where it is. */
  async fetch(stage: Stage, path: string, body?: object, signal?: AbortSignal): Promise<Answer> {
    const { header } = this;
    const response = await fetch(stage.url + path, {
      method: body === undefined ? "GET" : "POST",
      headers: { cookie: header, ...(body && { "content-type": "application/json" }) },
      ...(body && { body: JSON.stringify(body) }),
      ...(signal && { signal }),
    });
    this.take(response.headers.getSetCookie());
    const text = await response.text();
    return { status: response.status, ...((text.startsWith("{") ? JSON.parse(text) : {}) as Seen) };
  }

  /** What it sends as its cookies. */
  get header(): string {
    return [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
  }

  /** Takes cookies. */
  take(headers: readonly string[]): void {
    for (const header of headers) {
      this.set.push(header);
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(header) ?? [];
      if (/Max-Age=0/i.test(header)) this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
  }

  /** Connects a page of it. */
  connect(stage: Stage) {
    const headers = (): { cookie: string } => ({ cookie: this.header });
    const take = (cookies: readonly string[]): void => this.take(cookies);
    class Ws extends WebSocket {
      constructor(url: string, protocols?: string[]) {
        super(url, protocols, { headers: headers() });
        this.on("upgrade", ({ headers }) => take(headers["set-cookie"] ?? []));
      }
    }
    const page = connect<StageApp>(stage.url.replace("http", "ws"), {
      services: { session: client() },
      dial: webSocketDial(Ws),
      reconnect: { min: 20, max: 40 },
    });
    const closes: CloseReason[] = [];
    page.connection.on("suspended", (reason) => void closes.push(reason));
    page.connection.on("closed", (reason) => void closes.push(reason));
    onTestFinished(() => page.connection.close());
    const { look, put, save, destroy } = page.session;
    return { look, put, save, destroy, connection: page.connection, closes };
  }
}

/** What came back: the status, and what `/look` and its like say. */
export interface Answer extends Seen {
  readonly status: number;
}

/** A promise that somebody else settles. */
export function latch(): { readonly opened: Promise<void>; open(): void } {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}
