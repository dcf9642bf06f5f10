import { PROTOCOL_ERROR } from "../wire/close-codes.ts";
import { WireError } from "../wire/errors.ts";
import { ACKNOWLEDGE_BYTES, ACKNOWLEDGE_FRAMES, MAX_HEADER } from "../wire/limits.ts";
import { MAX_NUMBER, writeNumber } from "../wire/numbers.ts";
import type { Remindable, Reminder } from "./reminder.ts";

/** Whose receipts they are. */
export interface ReceiptsOwner {
  /** Whether they are acknowledged at all. */
  readonly lasting: boolean;
  readonly options: {
    /** Tells when a frame has waited long enough. */
    readonly reminder: Pick<Reminder, "add" | "delete">;
  };
  /** Has what is due sent when the turn is over. */
  mark(): void;
}

/** Counts what an end has received, and says when that is to be acknowledged. */
export class Receipts implements Remindable {
  /** Counted frames received so far, modulo 2^31. */
  received = 0;
  /** Whether an acknowledgement is to be sent. */
  due = false;
  readonly #owner: ReceiptsOwner;
  #frames = 0;
  #bytes = 0;
  #reminded = false;
  /** How many frames come that are here already. */
  #repeated = 0;

  /** @param owner their connection */
  constructor(owner: ReceiptsOwner) {
    this.#owner = owner;
  }

  /**
   * Counts a frame.
   *
   * @param length of its body
   * @returns false where it is here already: then it is not counted
   */
  count(length: number): boolean {
    if (this.#repeated > 0) {
      this.#repeated--;
      return false;
    }
    this.received = (this.received + 1) & MAX_NUMBER;
    if (!this.#owner.lasting) return true;
    this.#bytes += length + MAX_HEADER;
    if (++this.#frames >= ACKNOWLEDGE_FRAMES || this.#bytes >= ACKNOWLEDGE_BYTES) this.#say();
    else if (!this.#reminded) {
      this.#reminded = true;
      this.#owner.options.reminder.add(this);
    }
    return true;
  }

  remind(): void {
    this.#reminded = false;
    if (this.#frames > 0) this.#say();
  }

  /**
   * Goes on with another socket.
   *
   * @param repeats after which frame received the peer begins: those that are here already are dropped
   * @throws {WireError} 1002 if the peer begins after frames that are not here
   */
  resume(repeats: number): void {
    const repeated = (this.received - repeats) & MAX_NUMBER;
    if (repeated > MAX_NUMBER / 2) throw new WireError(PROTOCOL_ERROR, "Count out of range");
    this.#repeated = repeated;
  }

  /** Says nothing more. */
  end(): void {
    if (this.#reminded) this.#owner.options.reminder.delete(this);
  }

  /** The peer hears the count in another way: nothing is due. */
  told(): void {
    this.due = false;
    this.#frames = this.#bytes = 0;
  }

  /** @returns the acknowledgement that is due, as a frame, if one is */
  write(): string | undefined {
    if (!this.due) return undefined;
    this.told();
    return `%${writeNumber(this.received)}`;
  }

  #say(): void {
    if (this.due) return;
    this.due = true;
    this.#owner.mark();
  }
}
