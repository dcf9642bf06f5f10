import { Link, type LinkOwner } from "../connection/link.ts";
import type { Control } from "../connection/control.ts";
import type { Socket } from "../socket/socket.ts";
import {
  DONE,
  GOING_AWAY,
  HEARTBEAT_MISSED,
  REFUSED,
  RESTART,
  TAKEN_OVER,
  type CloseCode,
} from "../wire/close-codes.ts";
import type { Clock, Timer } from "../wire/clock.ts";
import { HANDSHAKE } from "../wire/limits.ts";
import { MAX_NUMBER } from "../wire/numbers.ts";
import { PROTOCOL } from "../wire/subprotocols.ts";
import type { Dial } from "./dial.ts";
import { Dialer, type DialerOwner } from "./dialer.ts";
import { writeHello, writeOffers, type Resumption } from "./offer.ts";
import type { ClientOptions } from "./types.ts";
import { isOffline, onWake } from "./wake.ts";

/** How long the server may take to show that it lives before another socket is tried beside the one in use, in ms. */
const IMPATIENCE = 2_000;

/** Whom the sockets serve. */
export interface LinesOwner {
  readonly clock: Clock;
  /** What the next socket offers; nothing where there is no connection to go on with. */
  readonly resumption: Resumption | undefined;
  /**
   * A socket has its welcome, and is in use from now on.
   *
   * @throws {WireError} if the welcome cannot be
   */
  welcomed(link: Link, message: Control): void;
  /** Another socket was tried in vain: this one stays in use. */
  stays(link: Link): void;
  /** A `$` frame that is not about sockets. */
  control(link: Link, message: Control): void;
  /** There is no socket any more, or the one that was tried came to nothing; another attempt follows. */
  lost(code: CloseCode, reason: string): void;
  /** The server wants no more of it, and nor does it of the server. */
  close(code: CloseCode, reason: string): void;
  /** There was no socket, and why. */
  failed(what: string, error: unknown): void;
  /** Writes to the client's log. */
  log(message: string, data: unknown): void;
}

/** The client's sockets: one in use, and one that opens, at first or to take its place. */
export class Lines implements DialerOwner, LinkOwner {
  readonly clock: Clock;
  readonly #options: ClientOptions;
  readonly #owner: LinesOwner;
  readonly #dialer: Dialer;
  /** The one in use: it has had its welcome. */
  #link: Link | undefined;
  #opening: Link | undefined;
  /** One that was tried before the older one was closed with 1012: what it asked for was not handed over yet. */
  #early: Link | boolean | undefined;
  /** When a welcome, a sign of life, or another socket is due. */
  #welcomeDue: Timer | undefined;
  #signDue: Timer | undefined;
  #moveDue: Timer | undefined;
  /** Whether the server has said that the socket in use is going to be closed. */
  #moving = false;
  #offWake: (() => void) | undefined;

  /**
   * @param url where to
   * @param options the user's
   * @param dial opens sockets
   * @param owner whom they serve
   */
  constructor(url: string, options: ClientOptions, dial: Dial, owner: LinesOwner) {
    this.clock = owner.clock;
    this.#options = options;
    this.#owner = owner;
    this.#dialer = new Dialer(url, options, dial, this);
  }

  /** Whether a socket is in use. */
  get working(): boolean {
    return this.#link !== undefined;
  }

  /** Whether it gets sockets. */
  get on(): boolean {
    return this.#offWake !== undefined;
  }

  /** Gets a socket, and another whenever one is lost; tries at once where it waits. */
  open(): void {
    if (this.#offWake === undefined) {
      const wake = (): void => {
        this.#link?.probe();
        if (!isOffline()) this.open();
      };
      this.#offWake = onWake(wake, () => this.stop());
      this.#dialer.start();
    } else if (this.#link === undefined) this.#try();
  }

  /** Closes what there is, and gets no more. */
  stop(): void {
    this.#offWake?.();
    this.#offWake = undefined;
    this.#dialer.stop();
    this.#settle();
    this.#welcomeDue?.cancel();
    const links = [this.#opening, this.#link];
    this.#opening = this.#link = undefined;
    for (const link of links) link?.close(DONE, "");
  }

  /** Takes note that the socket in use has served to open a connection. */
  opened(): void {
    this.#dialer.opened();
  }

  /**
   * Gives up the socket that is tried, or else closes the one in use: something that it needs is not to be had. The next
   * one tries.
   */
  drop(reason: string): void {
    const link = this.#opening ?? (this.#dialer.dialing ? undefined : this.#link);
    if (link !== undefined) return link.close(HEARTBEAT_MISSED, reason);
    if (this.on) this.#tried();
    if (this.#link !== undefined) this.#owner.stays(this.#link);
  }

  offers(): string[] {
    return writeOffers(this.#owner.resumption, this.#options.manifest);
  }

  attach(socket: Socket): void {
    const link = new Link(socket, this, { add: (item) => this.clock.afterTurn(() => item.flush()) });
    this.#opening = link;
    if (this.#early === true) this.#early = link;
    if (socket.protocol !== PROTOCOL) link.post(writeHello(this.#owner.resumption, this.#options.manifest));
    this.#welcomeDue = this.clock.setTimer(() => link.close(HEARTBEAT_MISSED, "No welcome"), HANDSHAKE);
  }

  failed(what: string, error: unknown): void {
    this.#tried();
    this.#owner.failed(what, error);
    if (this.#link !== undefined) this.#owner.stays(this.#link);
  }

  control(link: Link, message: Control): void {
    if ("welcome" in message) this.#welcomed(link, message);
    else if (typeof message["draining"] === "number") this.#move(message["draining"]);
    else this.#owner.control(link, message);
  }

  gone(link: Link, code: CloseCode, reason: string): void {
    const older = this.#link;
    if (link === this.#opening) {
      this.#welcomeDue?.cancel();
      this.#opening = undefined;
      if (older !== undefined) {
        if (this.#moving) this.#dialer.retry();
        return this.#owner.stays(older);
      }
    } else if (link === older) this.#link = undefined;
    else return;
    if (code === DONE || code === REFUSED) return this.#owner.close(code, reason);
    const moves = this.#moving && (code === GOING_AWAY || code === RESTART);
    this.#settle();
    // The one that opens has taken over, or is lost, too.
    if (code === TAKEN_OVER && this.#opening !== undefined) return;
    // Only now is the connection where the one that opens, or is dialled, asks for it.
    if (code === RESTART) this.#early = this.#opening ?? this.#dialer.dialing;
    // It may do.
    if (this.#opening === undefined && !this.#dialer.dialing) {
      if (moves) this.#dialer.dial();
      else this.#dialer.retry();
    }
    this.#owner.lost(code, reason);
  }

  /** Where no sign of life comes soon, another socket is tried; the one in use has its patience all the same. */
  pinged(link: Link): void {
    if (link !== this.#link) return;
    const { heardAt } = link;
    this.#signDue?.cancel();
    this.#signDue = this.clock.setTimer(() => {
      if (link.heardAt !== heardAt) return;
      if (isOffline()) link.close(HEARTBEAT_MISSED, "Offline");
      else this.#try();
    }, IMPATIENCE);
  }

  broken(_link: Link, error: unknown): void {
    this.#owner.log("Internal error", error);
  }

  #welcomed(link: Link, message: Control): void {
    const older = this.#link;
    // Of a second one its owner says that it cannot be.
    if (link === older) return this.#owner.welcomed(link, message);
    // What goes on elsewhere is better than what would begin anew.
    if (older !== undefined && message["resumed"] !== true) return link.close(DONE, "");
    if (link === this.#early && message["resumed"] !== true) return this.#again(link);
    this.#welcomeDue?.cancel();
    this.#settle();
    this.#opening = undefined;
    this.#link = link;
    try {
      this.#owner.welcomed(link, message);
    } finally {
      older?.close(TAKEN_OVER, "");
    }
  }

  #move(within: number): void {
    this.#moving = true;
    this.#moveDue?.cancel();
    this.#moveDue = this.clock.setTimer(() => this.#try(), (this.clock.random() * Math.min(within, MAX_NUMBER)) / 2);
  }

  /** Asks once more: the connection was not there yet. */
  #again(link: Link): void {
    this.#early = this.#opening = undefined;
    this.#welcomeDue?.cancel();
    link.close(DONE, "");
    this.#dialer.dial();
  }

  /** Tries for a socket now, unless one opens, or the one in use is all that the connection has. */
  #try(): void {
    if (this.#link !== undefined && this.#owner.resumption === undefined) return;
    if (this.#opening === undefined && !this.#dialer.dialing) this.#dialer.dial();
  }

  /** The attempt came to nothing: another follows where a socket is needed. */
  #tried(): void {
    if (this.#link === undefined || this.#moving) this.#dialer.retry();
    else this.#dialer.stop();
  }

  /** What was to be for the socket in use is no more. */
  #settle(): void {
    this.#moving = false;
    this.#signDue?.cancel();
    this.#moveDue?.cancel();
  }
}
