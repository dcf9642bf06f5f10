import { REFUSED } from "../wire/close-codes.ts";
import { WireError } from "../wire/errors.ts";
import type { Body, Frame, Header } from "../wire/frames.ts";
import { fromUtf8, toUtf8 } from "../wire/utf8.ts";
import type { Traffic } from "./link.ts";
import type { ServerLink } from "./server-link.ts";

/** What a frame costs that waits, besides its body, in bytes. */
const OVERHEAD = 128;

/** Stands between a link and its connection while a verdict is awaited: counted frames wait, all else goes on. */
export class Gate implements Traffic {
  readonly #link: ServerLink;
  readonly #connection: Traffic;
  readonly #frames: [header: Header, body: Body][] = [];
  #room: number;

  /**
   * @param link the link
   * @param connection the connection that is attached to it
   * @param room how much may wait, in bytes or characters
   */
  constructor(link: ServerLink, connection: Traffic, room: number) {
    this.#link = link;
    this.#connection = connection;
    this.#room = room;
    link.connection = this;
  }

  drain(): readonly Frame[] {
    return this.#connection.drain();
  }

  acknowledge(count: number): void {
    this.#connection.acknowledge(count);
  }

  acknowledgement(): string | undefined {
    return this.#connection.acknowledgement();
  }

  receive(header: Header, body: Body): void {
    this.#room -= body.length + OVERHEAD;
    if (this.#room < 0) throw new WireError(REFUSED, "Too much before the verdict");
    // The header serves the next frame, too.
    this.#frames.push([{ ...header, text: "" }, copy(body)]);
  }

  /** Lets through what has waited, and all that comes. */
  open(): void {
    this.#link.connection = this.#connection;
    this.#link.guard(() => {
      for (const [header, body] of this.#frames) if (!this.#link.over) this.#connection.receive(header, body);
    });
  }
}

/** A body of its own memory: a part of a packet keeps all of the packet, however large. */
function copy(body: Body): Body {
  return typeof body === "string" ? fromUtf8(toUtf8(body)) : body.slice();
}
