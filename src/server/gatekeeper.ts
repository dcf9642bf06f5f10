import type { SessionGate } from "../session/session-gate.ts";
import type { Socket } from "../socket/socket.ts";
import type { Clock } from "../wire/clock.ts";
import { isPrismError } from "../wire/errors.ts";
import type { Limits } from "../wire/limits.ts";
import { PROTOCOL } from "../wire/subprotocols.ts";
import type { Admission, PeerInfo } from "./admission.ts";
import { Arrival } from "./arrival.ts";
import type { Caps } from "./caps.ts";
import type { Front } from "./front.ts";
import { Deadlines } from "./deadlines.ts";
import { readOffers } from "./offer.ts";
import type { Admitted, PrismOptions } from "./options.ts";
import { remedyFor, type OriginCheck } from "./origins.ts";
import type { Reports } from "./reports.ts";

/** What a gatekeeper needs of the app. */
export interface GatekeeperOwner {
  readonly hook: PrismOptions["admit"];
  readonly front: Front;
  readonly origins: OriginCheck;
  readonly caps: Caps;
  readonly gate: SessionGate | undefined;
  readonly reports: Reports;
  /** Whether the app is closing, or sends its clients elsewhere. */
  readonly closing: boolean;
  /** Whether another server goes on with its connections. */
  readonly handsOver: boolean;
  /** Knows the connections that can be resumed. */
  readonly resumptions: { has(token: string): boolean };
  /** Settles when everything is there that a welcome says. */
  ready(): Promise<void>;
  readonly clock: Clock;
  readonly limits: Limits;
  /** Takes an open socket. */
  open(socket: Socket, arrival: Arrival): void;
}

/** Judges who is let in, before anything is upgraded: how many, from where, who, and what the app says. */
export class Gatekeeper {
  readonly #owner: GatekeeperOwner;
  readonly #deadlines: Deadlines;

  /** @param owner the app */
  constructor(owner: GatekeeperOwner) {
    this.#owner = owner;
    this.#deadlines = new Deadlines(owner.clock, owner.limits.handshake);
  }

  /** See `Servable.admit`. */
  async admit(request: Request, info: PeerInfo): Promise<Admission | Response> {
    const { front, caps, gate, closing, handsOver, resumptions } = this.#owner;
    const peer = front.peer(request, info);
    const offer = readOffers(request.headers.get("sec-websocket-protocol"));
    const again = offer.resume !== undefined && resumptions.has(offer.resume.token);
    // Who is here already may come back, unless somebody else is to go on with it.
    if (closing && (!again || handsOver)) return this.#refuse(503, "Closing", peer);
    const crowd = caps.enter(peer.remoteAddress, again);
    if (typeof crowd === "string") {
      this.#owner.reports.refusedBy(`limits.${crowd}`, peer.remoteAddress, { trustProxy: front.trusts });
      return toRefusal(crowd === "connectionsPerAddress" ? 429 : 503, "Too many connections");
    }
    const arrival = new Arrival(peer.remoteAddress, crowd, again, gate);
    arrival.offer = offer;
    return this.#inTime(peer, arrival, async () => {
      try {
        return await this.#judge(request, peer, arrival);
      } catch (error) {
        return isPrismError(error, "unavailable") ? this.#refuse(503, error.message, peer) : this.#fail(error);
      }
    });
  }

  /** A hook that never comes to its end keeps no place: what it says too late is nobody's. */
  #inTime(peer: PeerInfo, arrival: Arrival, judge: () => Promise<Admission | Response>): Promise<Admission | Response> {
    return new Promise((resolve) => {
      const deadline = this.#deadlines.set(() => {
        arrival.leave();
        resolve(this.#refuse(503, "The handshake took too long", peer));
      });
      void judge().then((answer) => {
        deadline.cancel();
        if (!("abandon" in answer) || arrival.left) arrival.leave();
        resolve(answer);
      });
    });
  }

  async #judge(request: Request, peer: PeerInfo, arrival: Arrival): Promise<Admission | Response> {
    const { origins, hook, reports, gate, front } = this.#owner;
    if (!(await origins.allows(request))) {
      const origin = request.headers.get("origin");
      reports.refusedBy("origins", peer.remoteAddress, { origin, toAllow: remedyFor(origin) });
      return toRefusal(403, "Origin not allowed");
    }
    const https = front.isHttps(request);
    if (!(await this.#meet(request, https, arrival))) {
      return this.#refuse(503, "The session is about to get a new cookie", peer);
    }
    const judged = await hook?.(request, peer, arrival.toSession());
    // A Response may come from another realm or library.
    if (judged !== undefined && "status" in judged) {
      checkHeaders(judged.headers);
      reports.refused(judged.status, peer.remoteAddress);
      return judged;
    }
    const admitted: Admitted<unknown> = judged ?? {};
    const headers = new Headers(admitted.headers ?? {});
    checkHeaders(headers);
    headers.delete("sec-websocket-protocol");
    if (gate !== undefined && !arrival.known)
      headers.append("set-cookie", await gate.writeCookie(arrival.live.id, https));
    arrival.state = admitted.state as Record<string, unknown> | undefined;
    // Known before the welcome, which is written in one turn.
    await this.#owner.ready();
    return {
      headers,
      protocol: arrival.offer.version === true ? PROTOCOL : undefined,
      open: (socket) => this.#owner.open(socket, arrival),
      abandon: () => arrival.leave(),
    };
  }

  /** Finds the client's session; false where the client should come again with the cookie that is on its way to it. */
  async #meet({ headers }: Request, https: boolean, arrival: Arrival): Promise<boolean> {
    const { gate } = arrival;
    if (gate === undefined) return true;
    const { live, known, renew, moving } = await gate.arrive(headers.get("cookie"), https, arrival);
    arrival.live = live;
    arrival.met = known;
    arrival.known = known && !renew;
    return !moving;
  }

  #refuse(status: number, text: string, { remoteAddress }: PeerInfo): Response {
    this.#owner.reports.refused(status, remoteAddress, text);
    return toRefusal(status, text);
  }

  #fail(error: unknown): Response {
    this.#owner.reports.failed("Admission failed", error);
    return new Response("Internal Server Error", { status: 500 });
  }
}

function toRefusal(status: number, text: string): Response {
  return new Response(text, { status, headers: status === 503 ? { "retry-after": "1" } : {} });
}

/** Runtimes let through what RFC 9110 section 5.5 does not allow, or end the process over it. */
function checkHeaders(headers: Headers): void {
  for (const [name, value] of headers) {
    if (!/^[\t\x20-\x7e]*$/.test(value)) {
      throw new TypeError(`Header ${name} of an admission is not printable ASCII: ${JSON.stringify(value)}`);
    }
  }
}
