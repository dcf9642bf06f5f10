import type { Clock } from "../wire/clock.ts";
import { End, type Carrier, type Item } from "./end.ts";
import type { Socket } from "./socket.ts";

/** Brings all that was sent during a turn when it is over. */
class TurnCarrier implements Carrier {
  bufferedAmount = 0;
  from!: End;
  to!: End;
  #items: Item[] = [];
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  carry(item: Item, bytes: number): void {
    this.bufferedAmount += bytes;
    if (this.#items.push(item) === 1) this.#clock.afterTurn(this.#flush);
  }

  readonly #flush = (): void => {
    const items = this.#items;
    const drained = this.bufferedAmount > 0;
    this.#items = [];
    this.bufferedAmount = 0;
    for (const item of items) this.to.take(item);
    if (drained) this.from.drained();
  };
}

/**
 * Two sockets joined in memory: what one sends, the other receives once the turn is over, in order.
 *
 * @param clock gives the turns
 * @returns the two ends, open
 */
export function createSocketPair(clock: Clock): [Socket, Socket] {
  const rightward = new TurnCarrier(clock);
  const leftward = new TurnCarrier(clock);
  leftward.to = rightward.from = new End(rightward);
  rightward.to = leftward.from = new End(leftward);
  return [leftward.to, rightward.to];
}
