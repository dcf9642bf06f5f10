import { describe, expect, test, vi } from "vitest";
import { isPrismError, PrismError, WireError } from "../../src/wire/errors.ts";

describe("isPrismError", () => {
  test("knows an error of another copy of the module", async () => {
    vi.resetModules();
    const copy = await import("../../src/wire/errors.ts");
    expect(copy.PrismError).not.toBe(PrismError);
    const error: unknown = new copy.PrismError("not_found", "No such todo", { id: 1 });
    expect(error).not.toBeInstanceOf(PrismError);
    expect(isPrismError(error)).toBe(true);
    expect(isPrismError(error, "not_found")).toBe(true);
    expect(isPrismError(error, "busy")).toBe(false);
    expect(copy.isPrismError(new PrismError("busy"), "busy")).toBe(true);
  });

  test("knows a subclass", () => {
    class NoSuchTodo extends PrismError {}
    expect(isPrismError(new NoSuchTodo("not_found"))).toBe(true);
  });

  test.each<[string, unknown]>([
    ["undefined", undefined],
    ["null", null],
    ["a string", "not_found"],
    ["another error", new Error("not_found")],
    ["an error with a code", Object.assign(new Error("x"), { code: "ENOENT" })],
    ["a plain object", { name: "PrismError", code: "not_found", message: "x" }],
    ["one whose code is no text", Object.assign(new Error("x"), { name: "PrismError", code: 404 })],
    ["a WireError", new WireError(1002, "x")],
  ])("does not take %s for one", (_, value) => {
    expect(isPrismError(value)).toBe(false);
  });
});

test("a PrismError without a message has its code for one", () => {
  expect(new PrismError("busy").message).toBe("busy");
  expect(new PrismError("busy", "Come back later").message).toBe("Come back later");
  expect(String(new PrismError("busy"))).toBe("PrismError: busy");
});
