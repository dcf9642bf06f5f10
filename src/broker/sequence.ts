import type { Clock } from "../wire/clock.ts";
import type { Body } from "../wire/frames.ts";
import type { Delivery, Page, PageRequest, Position } from "./broker.ts";
import { CatchUp, MOST_AHEAD } from "./catch-up.ts";
import { PAGE, type Standing } from "./recovery.ts";

/** What a sequence tells. Neither throws. */
export interface SequenceListener {
  /** The next message. */
  message(body: Body, offset: number): void;
  /** What comes next stands behind this position; `lost` where messages were missed. */
  moved(position: Position, lost: boolean): void;
}

/** What a sequence needs of its channel's broker. */
export interface SequenceSource {
  /** Whether it brings everything once, and in order. */
  readonly exact: boolean;
  /** Reads of the channel's past; rejects where it cannot, or nothing is to be told any more. */
  read(request: PageRequest): Promise<Page>;
}

/** Puts what has offsets in order: each message once, what is missing is read, and what cannot be is told as missed. */
export class Sequence implements Standing {
  readonly #source: SequenceSource;
  readonly #listener: SequenceListener;
  readonly #catchUp: CatchUp;
  /** What stands behind a hole, by its offset, in the epoch of the position. */
  readonly #ahead = new Map<number, Delivery>();
  #position: Position | undefined;
  /** Where the epoch before this one ended. */
  #former: Position | undefined;
  /** Another epoch, of which something was heard. */
  #other: string | undefined;
  /** Whether something was not told that may not be there any more when it is read. */
  #doubt = false;
  #tail: Body[] = [];
  #joining = 0;
  #closed = false;

  /**
   * @param clock for how long a hole is waited for
   * @param source has the past
   * @param listener is told
   */
  constructor(clock: Clock, source: SequenceSource, listener: SequenceListener) {
    this.#source = source;
    this.#listener = listener;
    const done = (): void => void (this.#ahead.size > 0 && this.#catchUp.soon());
    this.#catchUp = new CatchUp(clock, () => this.#read(), done);
  }

  get position(): Position | undefined {
    return this.#position;
  }

  get tail(): readonly Body[] {
    return this.#tail;
  }

  /** Somebody begins to ask, or has what they asked for: the tail is kept in between. */
  joins(count: 1 | -1): void {
    this.#joining += count;
    if (this.#joining === 0) this.#tail = [];
  }

  /** Begins where the channel stands. */
  begin(position: Position): void {
    this.#position = position;
  }

  /** Tells no more. */
  close(): void {
    this.#closed = true;
    this.#catchUp.close();
    this.#ahead.clear();
  }

  /** Something may not have come, and is not going to. */
  doubt(): void {
    this.#doubt = true;
    void this.#catchUp.now();
  }

  /**
   * Reads what was published by now.
   *
   * @throws what the engine says, also as a rejection
   */
  async catchUp(): Promise<void> {
    await this.#catchUp.now();
    const { failure } = this.#catchUp;
    if (failure !== undefined) throw failure.error;
  }

  /** Takes a message as the engine brings it. */
  take(delivery: Delivery, position: Position): void {
    const { offset, epoch } = position;
    const at = this.#position;
    // Others have begun to keep this channel's history: what of that came before is not known.
    if (at === undefined) this.#move({ offset: offset - 1, epoch }, true);
    else if (epoch !== at.epoch) {
      if (!this.#source.exact) return this.#takeOther(position);
      // What was known before has been forgotten in time, and nothing is missing.
      this.#move({ offset: offset - 1, epoch }, false);
    } else if (offset <= at.offset) return;
    else if (offset > at.offset + 1) {
      // What is dropped is read.
      if (this.#ahead.size < MOST_AHEAD) this.#ahead.set(offset, delivery);
      return this.#catchUp.soon();
    }
    this.#tell(delivery.body, position);
    if (this.#ahead.size > 0) this.#release();
  }

  /** It is of an epoch that is over, or of one that has begun: which, the past says. */
  #takeOther(position: Position): void {
    const former = this.#former;
    if (position.epoch !== former?.epoch) {
      // Of two others, one may be over before it is read.
      this.#doubt ||= this.#other !== undefined && this.#other !== position.epoch;
      this.#other = position.epoch;
      return void this.#catchUp.now();
    }
    if (position.offset <= former.offset) return;
    this.#former = position;
    this.#listener.moved(this.#position!, true);
  }

  #tell(body: Body, position: Position): void {
    this.#position = position;
    if (this.#joining > 0) {
      if (this.#tail.length >= 2 * MOST_AHEAD) this.#tail = this.#tail.slice(MOST_AHEAD);
      this.#tail.push(body);
    }
    this.#listener.message(body, position.offset);
  }

  /** Tells what stands right behind what was told last. */
  #release(): void {
    for (let next; (next = this.#ahead.get(this.#position!.offset + 1)) !== undefined;) {
      this.#ahead.delete(next.position!.offset);
      this.#tell(next.body, next.position!);
    }
  }

  #move(position: Position, lost: boolean): void {
    this.#position = position;
    this.#tail = [];
    this.#listener.moved(position, lost);
  }

  async #read(): Promise<void> {
    const after = this.#position!.offset;
    // What was heard by now is in the past, unless the engine has lost it.
    const heard = Math.max(after, ...this.#ahead.keys());
    const page = await this.#source.read({ after, limit: PAGE });
    const { epoch } = page.position;
    if (epoch !== this.#position!.epoch || epoch === "") this.#turn(page.position);
    else this.#adopt(page, after, heard);
  }

  /** Goes on in another epoch, or where there is nothing: something may have been there meanwhile. */
  #turn({ offset, epoch }: Position): void {
    const former = this.#position!;
    // An epoch in which nothing was published may be forgotten, and another named.
    if (offset === 0 && former.offset === 0 && !this.#doubt && this.#other === undefined) return;
    // Nothing is, where it was heard how this one began: all of the one before was heard until then.
    const lost = this.#doubt || this.#ahead.size > 0 || this.#other !== epoch;
    if (former.epoch !== "") this.#former = former;
    if (offset === 0) this.#settle();
    else this.#doubt = true;
    this.#ahead.clear();
    this.#move({ offset: 0, epoch }, lost);
    if (offset > 0) void this.#catchUp.now();
  }

  #adopt({ messages, to, position: { offset, epoch } }: Page, after: number, heard: number): void {
    // It gives the same numbers again.
    if (offset < heard) {
      this.#ahead.clear();
      this.#move({ offset, epoch }, true);
      return void this.#catchUp.now();
    }
    const from = to - messages.length;
    if (from > this.#position!.offset) this.#move({ offset: from, epoch }, true);
    // Some of them may have come meanwhile.
    for (let at; !this.#closed && (at = this.#position!.offset - from) < messages.length;)
      this.#tell(messages[at]!, { offset: from + at + 1, epoch });
    for (const ahead of this.#ahead.keys()) if (ahead <= this.#position!.offset) this.#ahead.delete(ahead);
    this.#release();
    if (to === offset) return this.#settle();
    this.#doubt = true;
    if (to > after) void this.#catchUp.now();
  }

  /** What was in doubt is known, unless more came to be in doubt meanwhile. */
  #settle(): void {
    if (this.#catchUp.again) return;
    this.#doubt = false;
    this.#other = undefined;
  }
}
