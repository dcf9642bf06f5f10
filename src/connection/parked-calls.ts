import type { PrismError } from "../wire/errors.ts";
import type { Calls } from "./calls.ts";
import { Asking } from "./exchange.ts";

/** A call that an older server made: its number stays taken until the peer has ended it, and nobody waits for it. */
class Abandoned extends Asking {
  constructor() {
    super();
    this.over = true;
    this.window = Infinity;
  }
  onitem(): void {}
  onmore(): void {}
  onresult(): void {}
  onfailure(): void {}
  onexpired(): void {}
}

/** Whether any call is in progress that somebody waits for, at either end. */
export function areBusy({ answers, asked }: Calls): boolean {
  return answers.some((answering) => answering !== undefined) || asked.some((asking) => !(asking?.over ?? true));
}

/**
 * Ends all calls on both sides, for another server to take the connection up.
 *
 * @param calls the connection's; they are to be ended then
 * @param error what they fail with
 * @returns the numbers that stay taken until the peer has ended them
 */
export function parkCalls(calls: Calls, error: PrismError): number[] {
  for (const answering of calls.answers) if (answering !== undefined) calls.giveUp(answering, error.code);
  const taken: number[] = [];
  for (const [id, asking] of calls.asked.splice(0).entries()) {
    if (asking === undefined) continue;
    taken.push(id);
    if (asking.over) continue;
    asking.cancel();
    asking.onfailure(error);
  }
  return taken;
}

/** Takes up what {@linkcode parkCalls} gave. */
export function unparkCalls({ asked }: Calls, taken: readonly number[]): void {
  for (const id of taken) asked[id] = new Abandoned();
}
