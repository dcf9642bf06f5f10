import { connect } from "../client/connect.ts";
import type { Client, ConnectOptions, DefaultHalves, DefaultNames } from "../client/types.ts";
import type { Servable } from "../server/admission.ts";
import { isAdmission } from "../server/handshake.ts";
import { serverClock } from "../server/clock.ts";
import { createSocketPair } from "../socket/pair.ts";
import type { Socket } from "../socket/socket.ts";
import type { Clock } from "../wire/clock.ts";
import { PrismError } from "../wire/errors.ts";
import { FakeClock } from "./fake-clock.ts";
import type { Network } from "./network.ts";

/** What {@linkcode connectInMemory} takes besides what `connect` does. */
export interface InMemoryOptions<Halves> extends ConnectOptions<Halves> {
  /** Headers of the upgrade request: an origin or a cookie, say. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** What the runtime would know of the client. */
  readonly remoteAddress?: string | undefined;
  /**
   * What lies between the client and the app: each socket is a line of its own, the last of `network.lines` when it is
   * opened. The client goes by the network's clock; give it to the app as well. No network where nothing is said.
   */
  readonly network?: Network<Clock> | undefined;
}

/**
 * Connects a client to an app in the same process, with no network in between but one for tests. All else is real:
 * admission, the protocol, the middleware, the services. The cookies that it gets it sends when it comes again. A
 * `FakeClock` waits for what takes real time in it, an admission's hashes and signatures.
 *
 * @param app the app
 * @param options what `connect` takes, and what the client would be to a server
 * @returns the client
 * @example const client = connectInMemory<typeof app>(app, { services: { math: rpc() } });
 */
export function connectInMemory<
  App extends Servable,
  Name extends string = DefaultNames<App>,
  Halves extends object = DefaultHalves<App, Name>,
>(app: App, options: InMemoryOptions<Halves>): Client<App, Name, Halves> {
  const { network } = options;
  const clock = network?.clock ?? options.clock;
  const busyWith = <Work extends Promise<unknown>>(work: Work): Work => {
    if (clock instanceof FakeClock) clock.busyWith(work);
    return work;
  };
  const cookies = new Map<string, string>();
  for (const pair of (options.headers?.["cookie"] ?? "").split(";")) keep(cookies, pair);
  const redeem = async (body: string): Promise<void> => {
    const { prefix = "/prism" } = app as { prefix?: string };
    const headers = { cookie: toHeader(cookies) };
    const answer = await app.fetch(new Request(`http://localhost${prefix}/session`, { method: "POST", body, headers }));
    for (const cookie of answer.headers.getSetCookie()) keep(cookies, cookie);
  };
  const dial = async (url: string, protocols: readonly string[]): Promise<Socket> => {
    if (network?.reachable === false) throw new Error("The network is not reachable");
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
    const [near, far] = join(network, clock);
    // As a page does: a login over the socket has a new cookie, to be had for its ticket.
    const send = far.send.bind(far);
    far.send = (data) => {
      const ticket = /(?:^|\x1e)\$\{"session":"([\w-]+)"\}/.exec(String(data))?.[1];
      if (ticket !== undefined) void busyWith(redeem(ticket));
      send(data);
    };
    admission.open(far);
    return Object.assign(near, { protocol: admission.protocol });
  };
  return connect<App, Name, Halves>("ws://localhost", {
    ...options,
    clock,
    dial: options.dial ?? ((url, protocols) => busyWith(dial(url, protocols))),
  });
}

function join(network: Network<Clock> | undefined, clock: Clock = serverClock): [Socket, Socket] {
  if (network === undefined) return createSocketPair(clock);
  const { near, far } = network.connect();
  return [near, far];
}

function keep(cookies: Map<string, string>, cookie: string): void {
  const [pair = ""] = cookie.split(";");
  const equals = pair.indexOf("=");
  if (equals > 0) cookies.set(pair.slice(0, equals).trim(), pair.slice(equals + 1).trim());
}

function toHeader(cookies: ReadonlyMap<string, string>): string {
  return [...cookies].map((pair) => pair.join("=")).join("; ");
}
