import { connect } from "../client/connect.ts";
import type { Client, ConnectOptions, DefaultHalves, DefaultNames } from "../client/types.ts";
import type { Servable } from "../server/admission.ts";
import { isAdmission } from "../server/handshake.ts";
import { serverClock } from "../server/clock.ts";
import { createSocketPair } from "../socket/pair.ts";
import { PrismError } from "../wire/errors.ts";

/** What {@linkcode connectInMemory} takes besides what `connect` does. */
export interface InMemoryOptions<Halves> extends ConnectOptions<Halves> {
  /** Headers of the upgrade request: an origin or a cookie, say. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** What the runtime would know of the client. */
  readonly remoteAddress?: string | undefined;
}

/**
 * Connects a client to an app in the same process, with no network in between. All else is real: admission, the
 * protocol, the middleware, the services. The cookies that it gets it sends when it comes again.
 *
 * @param app the app
 * @param options what `connect` takes
 * @returns the client
 * @example const client = connectInMemory<typeof app>(app, { services: { math: rpc() } });
 */
export function connectInMemory<
  App extends Servable,
  Name extends string = DefaultNames<App>,
  Halves extends object = DefaultHalves<App, Name>,
>(app: App, options: InMemoryOptions<Halves>): Client<App, Name, Halves> {
  const cookies = new Map<string, string>();
  for (const pair of (options.headers?.["cookie"] ?? "").split(";")) keep(cookies, pair);
  const redeem = async (body: string): Promise<void> => {
    const { prefix = "/prism" } = app as { prefix?: string };
    const headers = { cookie: toHeader(cookies) };
    const answer = await app.fetch(new Request(`http://localhost${prefix}/session`, { method: "POST", body, headers }));
    for (const cookie of answer.headers.getSetCookie()) keep(cookies, cookie);
  };
  const dial = async (url: string, protocols: readonly string[]): Promise<ReturnType<typeof createSocketPair>[0]> => {
    const request = new Request(url.replace(/^ws/, "http"), {
      headers: {
        ...options.headers,
        ...(cookies.size > 0 && { cookie: toHeader(cookies) }),
        connection: "upgrade",
        upgrade: "websocket",
        "sec-websocket-protocol": protocols.join(", "),
      },
    });
    const admission = await app.admit(request, { remoteAddress: options.remoteAddress });
    if (!isAdmission(admission)) {
      const refusal = `Refused with status ${admission.status}`;
      // A server that is not there now may be there later; one that does not want the client will not want it later.
      throw admission.status < 500 ? new PrismError("closed", refusal) : new Error(refusal);
    }
    for (const cookie of admission.headers.getSetCookie()) keep(cookies, cookie);
    const [near, far] = createSocketPair(options.clock ?? serverClock);
    // As a page does: a login over the socket has a new cookie, to be had for its ticket.
    const send = far.send.bind(far);
    far.send = (data) => {
      const ticket = /(?:^|\x1e)\$\{"session":"([\w-]+)"\}/.exec(String(data))?.[1];
      if (ticket !== undefined) void redeem(ticket);
      send(data);
    };
    admission.open(far);
    return Object.assign(near, { protocol: admission.protocol });
  };
  return connect<App, Name, Halves>("ws://localhost", { ...options, dial: options.dial ?? dial });
}

function keep(cookies: Map<string, string>, cookie: string): void {
  const [pair = ""] = cookie.split(";");
  const equals = pair.indexOf("=");
  if (equals > 0) cookies.set(pair.slice(0, equals).trim(), pair.slice(equals + 1).trim());
}

function toHeader(cookies: ReadonlyMap<string, string>): string {
  return [...cookies].map((pair) => pair.join("=")).join("; ");
}
