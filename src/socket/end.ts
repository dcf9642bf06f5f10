import { utf8Length } from "../wire/utf8.ts";
import type { Socket } from "./socket.ts";

/** The closing of one direction, in its place among the messages. */
export interface Closing {
  readonly code: number;
  readonly reason: string;
}

/** What travels from one end to the other. */
export type Item = string | Uint8Array | Closing;

/** Whether what travels is a closing, and no message. */
export function isClosing(item: Item): item is Closing {
  return typeof item !== "string" && !(item instanceof Uint8Array);
}

/** What brings an end's items to its peer, in order, later. */
export interface Carrier {
  /** Bytes that wait to be taken. */
  readonly bufferedAmount: number;
  /** Takes one item; MUST NOT call anything of either end's before the turn is over. */
  carry(item: Item, bytes: number): void;
}

/** One of two sockets that are joined in memory: how it opens and closes, wherever its messages go in between. */
export class End implements Socket {
  onmessage: (data: string | Uint8Array) => void = ignore;
  onclose: (code: number, reason: string) => void = ignore;
  ondrain: () => void = ignore;
  /** Closing: it has said that it closes, and waits for the answer. */
  state: "open" | "closing" | "closed" = "open";
  readonly #carrier: Carrier;

  /** @param carrier takes what it sends */
  constructor(carrier: Carrier) {
    this.#carrier = carrier;
  }

  get bufferedAmount(): number {
    return this.#carrier.bufferedAmount;
  }

  send(data: string | Uint8Array): void {
    if (this.state !== "open") return;
    if (typeof data === "string") this.#carrier.carry(data, utf8Length(data));
    else this.#carrier.carry(data.slice(), data.length);
  }

  close(code = 1005, reason = ""): void {
    if (this.state !== "open") return;
    this.state = "closing";
    this.#carrier.carry({ code, reason }, 0);
  }

  /** Takes what the carrier brings from the other end. */
  take(item: Item): void {
    if (this.state === "closed") return;
    if (!isClosing(item)) {
      if (this.state === "open") this.onmessage(item);
      return;
    }
    // Answered with the same code, as RFC 6455 section 5.5.1 has it, unless both closed at once.
    const answer = this.state === "open";
    this.state = "closed";
    if (answer) this.#carrier.carry(item, 0);
    this.onclose(item.code, item.reason);
  }

  /** Hears from the carrier that `bufferedAmount` has come down to 0. */
  drained(): void {
    if (this.state !== "closed") this.ondrain();
  }
}

function ignore(): void {}
