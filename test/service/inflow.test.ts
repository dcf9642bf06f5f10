import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Inflow } from "../../src/service/items.ts";
import { expectNoUnhandledRejections } from "./joined.ts";

expectNoUnhandledRejections();

type Step = { done: boolean; value?: unknown } | { error: unknown };

/** What an inflow should do, told in the plainest way: steps are settled in the order in which they were asked for. */
class Model {
  items: number[] = [];
  waiting: number[] = [];
  ended = false;
  error: unknown;
  taken = 0;
  pushed = 0;
  readonly steps: (Step | undefined)[] = [];

  push(item: number): void {
    this.pushed++;
    if (this.ended) this.taken++;
    else if (this.waiting.length > 0) {
      this.steps[this.waiting.shift()!] = { done: false, value: item };
      this.taken++;
    } else this.items.push(item);
  }
  next(): void {
    const place = this.steps.push(undefined) - 1;
    if (this.items.length > 0) {
      this.steps[place] = { done: false, value: this.items.shift() };
      this.taken++;
    } else if (this.ended) this.steps[place] = this.#last();
    else this.waiting.push(place);
  }
  end(error?: unknown): void {
    if (this.ended) return;
    this.ended = true;
    this.error = error;
    for (const place of this.waiting.splice(0)) this.steps[place] = this.#last();
  }
  drop(): void {
    this.taken += this.items.splice(0).length;
    this.end();
  }
  #last(): Step {
    const { error } = this;
    this.error = undefined;
    return error === undefined ? { done: true } : { error };
  }
}

const action = fc.oneof(
  { weight: 8, arbitrary: fc.constant("push" as const) },
  { weight: 8, arbitrary: fc.constant("next" as const) },
  { weight: 1, arbitrary: fc.constantFrom("end", "fail", "drop", "return") },
);

describe("items that arrive", () => {
  test("are handed out once each, in order, whatever happens between", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 60 }), async (actions) => {
        const model = new Model();
        const failure = new Error("failure");
        let taken = 0;
        let stopped = 0;
        const inflow = new Inflow<number>(
          () => taken++,
          () => stopped++,
        );
        const steps: (Step | undefined)[] = [];
        let returned = 0;
        for (const [i, what] of actions.entries()) {
          if (what === "push") {
            inflow.push(i);
            model.push(i);
          } else if (what === "next") {
            const place = steps.push(undefined) - 1;
            inflow.next().then(
              ({ done, value }) => void (steps[place] = done === true ? { done } : { done: false, value }),
              (error: unknown) => void (steps[place] = { error }),
            );
            model.next();
          } else if (what === "end" || what === "fail") {
            inflow.end(what === "fail" ? failure : undefined);
            model.end(what === "fail" ? failure : undefined);
          } else if (what === "drop") {
            inflow.drop();
            model.drop();
          } else {
            returned++;
            expect(await inflow.return()).toEqual({ done: true, value: undefined });
            model.error = undefined;
            model.drop();
          }
          await Promise.resolve();
          await Promise.resolve();
          expect(steps).toEqual(model.steps);
          expect(taken).toBe(model.taken);
        }
        expect(taken + model.items.length).toBe(model.pushed);
        expect(stopped).toBe(returned);
      }),
      { numRuns: 500 },
    );
  });

  test("can be iterated", async () => {
    const inflow = new Inflow<number>(
      () => {},
      () => {},
    );
    for (const item of [1, 2, 3]) inflow.push(item);
    inflow.end();
    const taken: number[] = [];
    for await (const item of inflow) taken.push(item);
    expect(taken).toEqual([1, 2, 3]);
  });
});
