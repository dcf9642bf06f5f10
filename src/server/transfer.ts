import type { Handover } from "../handover/handover.ts";
import type { SessionGate } from "../session/session-gate.ts";
import type { Clock } from "../wire/clock.ts";
import { PrismError } from "../wire/errors.ts";
import type { Limits } from "../wire/limits.ts";
import type { Arrival } from "./arrival.ts";
import type { ResumeOffer } from "./offer.ts";
import { readParcel, writeParcel, type Parcel } from "./parcel.ts";
import type { Peer } from "./peer.ts";
import type { Reports } from "./reports.ts";

/** What handing over needs of the app. */
export interface TransferOwner {
  readonly clock: Clock;
  readonly limits: Limits;
  readonly gate: SessionGate | undefined;
  readonly reports: Reports;
  /** Ends a connection here, and gives what another server needs to go on with it. */
  pack(peer: Peer): Parcel;
  /** Goes on with a connection. Throws where a service cannot. */
  unpack(parcel: Parcel, arrival: Arrival): Peer;
}

/** Before the key of a mark that says that a connection is about to be parked. */
const MARK = "moving.";
/** How often a server looks for a connection that is not there yet, in ms. */
const LOOK = 25;
/** How long it looks where no mark says that the connection is on its way, in ms: its socket may have gone just now. */
const UNANNOUNCED = 500;
/** How much of a handshake's time a connection that is on its way is waited for. */
const PATIENCE = 0.8;
/** How long the handover may take to keep something, in ms, and to look when it has looked long enough. */
const STEP = 5_000;

/** What is kept under the next token of a connection: where to look instead. */
interface Alias {
  readonly alias: string;
}

/** Hands connections over to other servers, and takes up theirs (PROTOCOL.md, "Resuming"). */
export class Transfer {
  readonly #handover: Handover;
  readonly #owner: TransferOwner;

  /**
   * @param handover where connections are parked
   * @param owner the app
   */
  constructor(handover: Handover, owner: TransferOwner) {
    this.#handover = handover;
    this.#owner = owner;
  }

  /** Says that a connection is going to be parked within a time, so that a server that is asked sooner waits. */
  async announce({ token, nextToken }: Peer, within: number): Promise<void> {
    const tokens = [token, nextToken].filter((one) => one !== undefined);
    await this.#try("Announcing", STEP, () =>
      Promise.all(tokens.map((one) => this.#handover.park(MARK + one, "", within + STEP))),
    );
  }

  /**
   * Ends a connection here and parks it.
   *
   * @returns when it can be found
   */
  async park(peer: Peer): Promise<void> {
    await this.#try("Parking", STEP, async () => {
      const { token, nextToken } = peer;
      const [first = nextToken, second] = [token, nextToken];
      try {
        const parcel = this.#owner.pack(peer);
        if (first === undefined) return;
        await this.#put(first, writeParcel(parcel));
        if (second !== undefined && second !== first)
          await this.#put(second, JSON.stringify({ alias: first } satisfies Alias));
      } catch (error) {
        // Nobody is to wait for what does not come.
        for (const one of [first, second]) if (one !== undefined) void this.#forget(one);
        throw error;
      }
    });
  }

  async #forget(token: string): Promise<void> {
    await this.#try("Forgetting", STEP, () => this.#handover.take(MARK + token));
  }

  /**
   * Takes up a connection that another server has parked, or is about to.
   *
   * @param offer what the client shows
   * @param arrival what is known of the client
   * @param wanted whether anybody still waits for it
   * @returns the connection, which waits for its socket; `undefined` where it is not to be had
   */
  async takeUp({ token }: ResumeOffer, arrival: Arrival, wanted: () => boolean): Promise<Peer | undefined> {
    return this.#try("Taking up", this.#owner.limits.handshake, async () => {
      const text = await this.#find(token, wanted);
      if (text === undefined) return undefined;
      const parcel = await this.#judge(text, arrival, wanted).catch(async (error: unknown) => {
        await this.#put(token, text);
        throw error;
      });
      // Its client may come again, or this was somebody else.
      if (parcel === undefined) await this.#put(token, text);
      else void this.#forget(token);
      return parcel && this.#owner.unpack(parcel, arrival);
    });
  }

  async #judge(text: string, arrival: Arrival, wanted: () => boolean): Promise<Parcel | undefined> {
    const parcel = readParcel(text);
    return wanted() && (await this.#meet(parcel, arrival)) && wanted() ? parcel : undefined;
  }

  async #find(token: string, wanted: () => boolean): Promise<string | undefined> {
    const { clock, limits } = this.#owner;
    const handover = this.#handover;
    const began = clock.now();
    let until = began + UNANNOUNCED;
    let marked = false;
    let key = token;
    for (;;) {
      const text = await handover.take(key);
      const { alias } = text?.startsWith('{"alias"') === true ? (JSON.parse(text) as Alias) : {};
      if (text !== undefined && alias === undefined) return text;
      if (alias !== undefined) {
        key = alias;
        continue;
      }
      if (!marked && (await handover.take(MARK + token)) !== undefined) {
        marked = true;
        until = began + limits.handshake * PATIENCE;
      }
      if (!wanted() || clock.now() >= until) break;
      await new Promise<void>((resolve) => void clock.setTimer(resolve, LOOK));
    }
    // Whoever asks next is to wait, too.
    if (marked) await handover.park(MARK + token, "", limits.handshake);
    return undefined;
  }

  /** Whether the client is of the connection's session, which the arrival has then. */
  async #meet({ session, met }: Parcel, arrival: Arrival): Promise<boolean> {
    const { gate } = this.#owner;
    if (gate === undefined || session === undefined) return gate === undefined && session === undefined;
    if (arrival.live.id === session) return true;
    if (met || arrival.met) return false;
    // It keeps no cookies, and its token says who it is.
    const live = await gate.open(session, arrival);
    if (typeof live === "string") return false;
    gate.sessions.release(arrival.live, arrival);
    arrival.live = live;
    return true;
  }

  #put(key: string, text: string): Promise<void> {
    return this.#handover.park(key, text, this.#owner.limits.resumeWithin);
  }

  /** Never rejects: what cannot be handed over is a reset, and the log says why. */
  #try<Result>(what: string, within: number, run: () => Promise<Result>): Promise<Result | undefined> {
    const { clock, reports } = this.#owner;
    return new Promise((resolve) => {
      const failed = (error: unknown): void => {
        reports.failed(`${what} a connection failed`, error);
        resolve(undefined);
      };
      const late = new PrismError("timeout", `The handover took longer than ${within} ms`);
      const timer = clock.setTimer(() => failed(late), within);
      run()
        .then(resolve, failed)
        .finally(() => timer.cancel());
    });
  }
}
