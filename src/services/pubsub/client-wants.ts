import type { Off } from "../../service/emitter.ts";
import type { MessageInfo } from "./client-api.ts";

/** Somebody who wants a channel subscribed. */
export interface Want {
  /** Hears the messages that come later. */
  readonly hear?: ((message: never, info: MessageInfo) => unknown) | undefined;
  /** Hears that it ends, or that messages were missed. */
  readonly fail?: ((error: unknown) => void) | undefined;
}

/** Calls a listener, whatever that throws. */
export type Guard = <First, Second>(
  run: (first: First, second: Second) => unknown,
  first: First,
  second: Second,
) => void;

/** Those who want a channel subscribed. */
export class Wants {
  /** Each with how many messages there had been when it came. */
  readonly #all = new Map<Want, number>();
  #messages = 0;

  /**
   * Adds one.
   *
   * @param want who it is
   * @param last called when the last has gone
   * @returns takes it off
   */
  add(want: Want, last: () => void): Off {
    this.#all.set(want, this.#messages);
    return () => {
      if (this.#all.delete(want) && this.#all.size === 0) last();
    };
  }

  /** Tells all of a message. Who comes meanwhile hears the next one. */
  hear(guard: Guard, message: unknown, info: MessageInfo): void {
    this.#messages++;
    for (const [{ hear }, since] of this.#all)
      if (hear !== undefined && since < this.#messages) guard(hear, message as never, info);
  }

  fail(error: unknown): void {
    for (const { fail } of this.#all.keys()) fail?.(error);
  }

  /** Takes all off; nobody is told. */
  clear(): void {
    this.#all.clear();
  }
}
