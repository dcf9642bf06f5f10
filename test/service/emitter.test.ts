import { describe, expect, test } from "vitest";
import { Emitter } from "../../src/service/emitter.ts";
import { expectNoUnhandledRejections } from "./joined.ts";

expectNoUnhandledRejections();

interface Events {
  readonly a: number;
  readonly b: string;
  readonly constructor: number;
}

function createEmitter(): { emitter: Emitter<Events>; failed: unknown[] } {
  const failed: unknown[] = [];
  return { failed, emitter: new Emitter<Events>((error, name) => void failed.push([name, error])) };
}

describe("listeners", () => {
  test("hear what they listen to, in the order in which they came", () => {
    const { emitter } = createEmitter();
    const heard: unknown[] = [];
    emitter.on("a", (value) => void heard.push(["first", value]));
    emitter.on("a", (value) => void heard.push(["second", value]));
    emitter.on("b", (value) => void heard.push(["b", value]));
    emitter.emit("a", 1);
    emitter.emit("b", "x");
    emitter.emit("constructor", 1);
    expect(heard).toEqual([
      ["first", 1],
      ["second", 1],
      ["b", "x"],
    ]);
  });

  test("that are the same function are taken off one by one", () => {
    const { emitter } = createEmitter();
    let heard = 0;
    const listener = (): void => void heard++;
    const off = emitter.on("a", listener);
    emitter.on("a", listener);
    emitter.emit("a", 1);
    expect(heard).toBe(2);
    off();
    off();
    emitter.emit("a", 1);
    expect(heard).toBe(3);
  });

  test("may be taken off while an event goes round", () => {
    const { emitter } = createEmitter();
    const heard: string[] = [];
    const offs = [
      emitter.on("a", () => {
        heard.push("first");
        for (const off of offs) off();
      }),
      emitter.on("a", () => void heard.push("second")),
    ];
    emitter.emit("a", 1);
    emitter.emit("a", 1);
    expect(heard).toEqual(["first"]);
  });

  test("that fail, at once or late, are told of, and the others go on", async () => {
    const { emitter, failed } = createEmitter();
    const heard: unknown[] = [];
    const failure = new Error("at once");
    const late = new Error("late");
    emitter.on("a", () => {
      throw failure;
    });
    emitter.on("a", async () => {
      throw late;
    });
    emitter.on("a", (value) => void heard.push(value));
    emitter.emit("a", 1);
    expect(heard).toEqual([1]);
    await Promise.resolve();
    await Promise.resolve();
    expect(failed).toEqual([
      ["a", failure],
      ["a", late],
    ]);
  });
});
