import { describe, expect, test } from "vitest";
import type { DrainOptions, Servable } from "../../src/server/admission.ts";
import { Termination, type Signals } from "../../src/server/serving.ts";
import { expectNoUnhandledRejections } from "../service/joined.ts";

expectNoUnhandledRejections();

/** A process whose signal the test gives. */
class FakeSignals implements Signals {
  readonly listeners: (() => void)[] = [];
  exits = 0;
  othersListen = false;
  /** Whether the platform has the signal. */
  known = true;

  on(listener: () => void): void {
    if (!this.known) throw new TypeError("Unknown signal");
    this.listeners.push(listener);
  }

  off(listener: () => void): void {
    if (!this.known) throw new TypeError("Unknown signal");
    const at = this.listeners.indexOf(listener);
    if (at >= 0) this.listeners.splice(at, 1);
  }

  others(): boolean {
    return this.othersListen || this.listeners.length > 0;
  }

  exit(): void {
    this.exits++;
  }

  give(): void {
    for (const listener of this.listeners.slice()) listener();
  }
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function setUp() {
  const signals = new FakeSignals();
  const termination = new Termination(signals);
  const heard: unknown[] = [];

  /** An app that is drained when the test says so. */
  function serve(name: string, options?: DrainOptions | false) {
    let done!: () => void;
    let fail!: (error: unknown) => void;
    const drained = new Promise<void>((resolve, reject) => ([done, fail] = [resolve, reject]));
    const app = {
      drain: (given?: DrainOptions) => {
        heard.push([`drain ${name}`, given]);
        return drained;
      },
    } as Servable;
    const close = (): Promise<void> => {
      heard.push(`close ${name}`);
      unwatch();
      return Promise.resolve();
    };
    const unwatch = termination.watch(app, options, close);
    return { done, fail, close, unwatch };
  }
  return { signals, heard, serve };
}

describe("at the signal to end", () => {
  test("an app is drained, then its server closed, then the process ended", async () => {
    const { signals, heard, serve } = setUp();
    const { done } = serve("a", { within: 7 });
    expect([signals.listeners.length, heard]).toEqual([1, []]);
    signals.give();
    await settle();
    expect([heard, signals.exits]).toEqual([[["drain a", { within: 7 }]], 0]);
    done();
    await settle();
    expect([heard.slice(1), signals.exits, signals.listeners]).toEqual([["close a"], 1, []]);
  });

  test("all apps are drained at once, and the process ended after the last, whatever fails", async () => {
    const { signals, heard, serve } = setUp();
    const [first, second] = [serve("a"), serve("b")];
    expect(signals.listeners).toHaveLength(1);
    signals.give();
    await settle();
    expect(heard).toEqual([
      ["drain a", undefined],
      ["drain b", undefined],
    ]);
    first.fail(new Error("no"));
    await settle();
    expect(signals.exits).toBe(0);
    second.done();
    await settle();
    expect([heard.at(-1), signals.exits]).toEqual(["close b", 1]);
  });

  test("the process is left to whoever else listens", async () => {
    const { signals, heard, serve } = setUp();
    signals.othersListen = true;
    const { done } = serve("a");
    signals.give();
    done();
    await settle();
    expect([heard.at(-1), signals.exits]).toEqual(["close a", 0]);
  });

  test("a second one finds no listener of ours: it ends the process as the platform has it", async () => {
    const { signals, heard, serve } = setUp();
    serve("a");
    signals.give();
    expect(signals.listeners).toEqual([]);
    signals.give();
    await settle();
    expect(heard).toHaveLength(1);
  });
});

describe("nobody listens", () => {
  test("for an app that wants none of it", () => {
    const { signals, serve } = setUp();
    const { unwatch } = serve("a", false);
    expect(signals.listeners).toEqual([]);
    unwatch();
  });

  test("any more once every server is closed, and again with the next one", async () => {
    const { signals, heard, serve } = setUp();
    const [first, second] = [serve("a"), serve("b")];
    await first.close();
    await first.close();
    expect(signals.listeners).toHaveLength(1);
    await second.close();
    expect(signals.listeners).toEqual([]);
    serve("c");
    expect(signals.listeners).toHaveLength(1);
    heard.length = 0;
    signals.give();
    await settle();
    expect(heard).toEqual([["drain c", undefined]]);
  });

  test("where the platform has no such signal: servers open and close as ever", async () => {
    const { signals, heard, serve } = setUp();
    signals.known = false;
    const { close } = serve("a");
    await close();
    expect(heard).toEqual(["close a"]);
  });
});
