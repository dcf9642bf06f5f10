import type { Clock } from "../wire/clock.ts";
import { utf8Length } from "../wire/utf8.ts";
import type { Socket } from "./socket.ts";

/** The closing of one direction, in its place among the messages. */
interface Closing {
  readonly code: number;
  readonly reason: string;
}

type Item = string | Uint8Array | Closing;

class End implements Socket {
  bufferedAmount = 0;
  onmessage: (data: string | Uint8Array) => void = ignore;
  onclose: (code: number, reason: string) => void = ignore;
  ondrain: () => void = ignore;

  #peer!: End;
  #state: "open" | "closing" | "closed" = "open";
  #outgoing: Item[] = [];
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  connect(peer: End): void {
    this.#peer = peer;
  }

  send(data: string | Uint8Array): void {
    if (this.#state !== "open") return;
    const text = typeof data === "string";
    this.bufferedAmount += text ? utf8Length(data) : data.length;
    this.#post(text ? data : data.slice());
  }

  close(code = 1005, reason = ""): void {
    if (this.#state !== "open") return;
    this.#state = "closing";
    this.#post({ code, reason });
  }

  #post(item: Item): void {
    if (this.#outgoing.push(item) === 1) this.#clock.afterTurn(() => this.#flush());
  }

  #flush(): void {
    const items = this.#outgoing;
    const drained = this.bufferedAmount > 0;
    this.#outgoing = [];
    this.bufferedAmount = 0;
    for (const item of items) this.#peer.take(item);
    if (drained && this.#state !== "closed") this.ondrain();
  }

  take(item: Item): void {
    if (this.#state === "closed") return;
    if (typeof item === "string" || item instanceof Uint8Array) {
      if (this.#state === "open") this.onmessage(item);
      return;
    }
    // Answered with the same code, as RFC 6455 section 5.5.1 has it, unless both closed at once.
    if (this.#state === "open") this.#post(item);
    this.#state = "closed";
    this.onclose(item.code, item.reason);
  }
}

function ignore(): void {}

/**
 * Two sockets joined in memory: what one sends, the other receives once the turn is over, in order.
 *
 * @param clock gives the turns
 * @returns the two ends, open
 */
export function createSocketPair(clock: Clock): [Socket, Socket] {
  const left = new End(clock);
  const right = new End(clock);
  left.connect(right);
  right.connect(left);
  return [left, right];
}
