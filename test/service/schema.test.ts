import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { isSchema, validate, type SchemaIssue, type StandardSchema } from "../../src/service/schema.ts";
import { PrismError } from "../../src/wire/errors.ts";

const createSchema = (check: (value: unknown) => unknown): StandardSchema =>
  ({ "~standard": { version: 1, vendor: "test", validate: check } }) as StandardSchema;

describe("validate", () => {
  test("with a synchronous schema is synchronous", () => {
    expect(validate(v.number(), 5)).toBe(5);
    expect(validate(v.pipe(v.string(), v.toUpperCase()), "a")).toBe("A");
    expect(() => validate(v.number(), "5")).toThrow(PrismError);
  });

  test("with an asynchronous schema gives a promise", async () => {
    const schema = v.pipeAsync(
      v.string(),
      v.checkAsync(async (text) => text !== "bad", "Bad"),
    );
    const late = validate(schema, "good");
    expect(late).toBeInstanceOf(Promise);
    expect(await late).toBe("good");
    await expect(validate(schema, "bad")).rejects.toMatchObject({ code: "bad_input", message: "Bad" });
  });

  test("waits for a thenable that is no Promise of this realm", async () => {
    const schema = createSchema((value) => ({
      then: (resolve: (result: unknown) => void) => resolve({ value: [value] }),
    }));
    expect(await validate(schema, 1)).toEqual([1]);
  });

  test("says what is wrong and where", () => {
    const schema = v.object({ list: v.array(v.object({ n: v.number() })) });
    try {
      validate(schema, { list: [{ n: 1 }, { n: "2" }] });
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({
        code: "bad_input",
        message: expect.stringContaining("number") as string,
        data: { issues: [{ path: ["list", "1", "n"] }] },
      });
    }
  });

  test("gives the code that it is asked for", () => {
    expect(() => validate(v.number(), "", "bad_output")).toThrow(
      expect.objectContaining({ code: "bad_output" }) as Error,
    );
  });

  test("tells of 16 issues at most", () => {
    const schema = v.array(v.number());
    try {
      validate(schema, Array(100_000).fill("x"));
      expect.unreachable();
    } catch (error) {
      expect((error as { data: { issues: unknown[] } }).data.issues).toHaveLength(16);
    }
  });

  test("writes keys of any kind as text", () => {
    const issues: SchemaIssue[] = [
      { message: "No", path: ["a", 1, Symbol("s"), { key: "k" }, { key: 2 }] },
      { message: "Nor this" },
    ];
    try {
      validate(
        createSchema(() => ({ issues })),
        1,
      );
      expect.unreachable();
    } catch (error) {
      const { data } = error as PrismError;
      expect(data).toEqual({
        issues: [
          { message: "No", path: ["a", "1", "Symbol(s)", "k", "2"] },
          { message: "Nor this", path: [] },
        ],
      });
      expect(JSON.parse(JSON.stringify(data))).toEqual(data);
    }
  });

  test("tells of issues that come in a list of the library's own class", () => {
    class Issues extends Array<SchemaIssue> {
      toJSON(): unknown {
        return this.map((issue) => (issue as unknown as { describe(): string }).describe());
      }
    }
    const issues = new Issues();
    issues.push({ message: "No" });
    try {
      validate(
        createSchema(() => ({ issues })),
        1,
      );
      expect.unreachable();
    } catch (error) {
      expect(JSON.stringify((error as PrismError).data)).toBe('{"issues":[{"message":"No","path":[]}]}');
    }
  });

  test("passes on what the schema throws", () => {
    const failure = new Error("A defect");
    expect(() =>
      validate(
        createSchema(() => {
          throw failure;
        }),
        1,
      ),
    ).toThrow(failure);
  });
});

test("a schema may be an object or a function", () => {
  const standard = v.number()["~standard"];
  expect(isSchema(v.number())).toBe(true);
  expect(isSchema(Object.assign(() => {}, { "~standard": standard }))).toBe(true);
  for (const value of [undefined, null, 1, "~standard", {}, () => {}]) expect(isSchema(value)).toBe(false);
});
