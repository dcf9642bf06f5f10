import { readdirSync, readFileSync } from "node:fs";
import { tokenizer } from "acorn";
import { describe, expect, test } from "vitest";
import { clientCore, clientCoreMinified } from "../../src/http/generated/client-core.ts";
import { readTokens } from "../../src/http/source-tokens.ts";
import { root } from "../support/runtimes.ts";

const texts = (source: string): string[] => readTokens(source).map(({ text }) => text);

/** Where acorn sees words, numbers, strings and regular expressions, with comments and space left out. */
function expected(source: string): string[] {
  return Array.from(tokenizer(source, { ecmaVersion: "latest", sourceType: "module" }))
    .filter(
      ({ type: { label, keyword } }) => keyword !== undefined || /^(name|num|string|regexp|privateId)$/.test(label),
    )
    .map(({ start, end }) => source.slice(start, end));
}

function actual(source: string): string[] {
  return readTokens(source)
    .filter(({ kind }) => kind !== "mark" && kind !== "template")
    .map(({ text }) => text);
}

test.each([
  ["a division", "a / b / c", ["a", "/", "b", "/", "c"]],
  ["a regular expression", "a = /[/]\\/(/gu", ["a", "=", "/[/]\\/(/gu"]],
  ["a division behind parentheses", "(a) / b / (c)", ["(", "a", ")", "/", "b", "/", "(", "c", ")"]],
  ["an expression behind a condition", "if (a) /b/.c()", ["if", "(", "a", ")", "/b/", ".", "c", "(", ")"]],
  ["a member that is called like a keyword", "a.if(b) / c / d", ["a", ".", "if", "(", "b", ")", "/", "c", "/", "d"]],
  ["a comment", "a /* ) */ // (\n b", ["a", "b"]],
  ["a template", "`a${`}${b}`}c`", ["`a${", "`}${", "b", "}`", "}c`"]],
  ["a template that ends in a dollar", "`$`+`$$${a}$`", ["`$`", "+", "`$$${", "a", "}$`"]],
  ["a generator behind a comment", "*/* * */a", ["*", "a"]],
  [
    "numbers",
    "1.5.a+.5e-3+1_0n+0xFFn+1..b",
    ["1.5", ".", "a", "+", ".5e-3", "+", "1_0n", "+", "0xFFn", "+", "1.", ".", "b"],
  ],
  ["a condition before a fraction", "a?.5:b?.c", ["a", "?", ".5", ":", "b", "?.", "c"]],
  ["strings over lines", "'a\\\nb' + \"\\\r\nc'\"", ["'a\\\nb'", "+", '"\\\r\nc\'"']],
])("reads %s", (_, source, tokens) => {
  expect(texts(source)).toEqual(tokens);
});

test.each(["a = {} / b", "{}\n/a/.b()", "of / a", "yield / a / b", "(]", "`a${", "'a\nb'", "a\\u0062", "(", ")"])(
  "refuses %j, which can be told apart by a parser only",
  (source) => {
    expect(() => readTokens(source)).toThrow(SyntaxError);
  },
);

describe("agrees with acorn on", () => {
  const folder = `${root}node_modules/acorn/dist/`;
  const files: (readonly [string, string])[] = [
    ["the client", clientCore],
    ["the client, minified", clientCoreMinified],
    ...readdirSync(folder)
      .filter((file) => file.endsWith(".mjs"))
      .map((file) => [`acorn's ${file}`, readFileSync(folder + file, "utf8")] as const),
    ["valibot", readFileSync(`${root}node_modules/valibot/dist/index.mjs`, "utf8")],
    ["valibot, minified", readFileSync(`${root}node_modules/valibot/dist/index.min.mjs`, "utf8")],
    ["uplot, minified", readFileSync(`${root}node_modules/uplot/dist/uPlot.iife.min.js`, "utf8")],
  ];
  test.each(files)("%s", (_, source) => {
    expect(actual(source)).toEqual(expected(source));
  });
});
