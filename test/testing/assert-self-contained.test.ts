import { expect, test, vi } from "vitest";
import { evaluate } from "../http/evaluate.ts";
import { assertSelfContained } from "../../src/testing/testing.ts";

test.each([
  ["an arrow", "(host) => ({ ask: (body) => host.call(body) })"],
  ["a function", "function half(host) { const own = [1]; return host.call(own.map((one) => half(one))) }"],
  ["a method", "({ client(host) { return { at: new Map([[1, Promise.resolve(crypto.randomUUID())]]) } } }).client"],
  ["async functions", "async (host) => { try { await host.call() } catch (error) { console.warn(error) } }"],
  ["a page", "(host) => { document.title = location.href; addEventListener('online', () => host.send(window.name)) }"],
  ["classes without fields", "() => { class A { constructor() { this.a = 1 } } return new (class B extends A {})() }"],
  ["arguments and this of its own", "() => ({ a: function () { return [this, arguments.length] } })"],
  [
    "names in all places",
    "({ a: { b: [c = 1] }, d }, ...e) => { for (const f of e) { try { (c, d, f) } catch (g) { g } } var h }",
  ],
  ["what esbuild supplies", "() => ({ a: __name(() => 1, 'a') })"],
  ["esbuild's names, minified", 'o=>{const n=t(()=>1,"tick");return{tick:n}}'],
  [
    "labels, members and keys",
    "(host) => { a: for (;;) { break a } return { b: host.c, d() {}, get e() { return 1 } } }",
  ],
])("passes %s", async (_, text) => {
  await expect(assertSelfContained(evaluate(text))).resolves.toBeUndefined();
});

test.each([
  [
    "outer names, listed once",
    "(host) => { helper(host); return { a: helper, b: limit, c: typeof other } }",
    /uses helper, limit, other of outside/,
  ],
  [
    "an outer name that is declared elsewhere in it",
    "(host) => { { const a = 1; host(a) } return a }",
    /uses a of outside/,
  ],
  ["this of outside", "(host) => ({ a: () => this, host })", /uses this of outside/],
  ["its own this", "({ client(host) { return () => this.helper(host) } }).client", /uses this of outside/],
  ["arguments of outside", "(function () { return (host) => host(arguments) })()", /uses arguments of outside/],
  ["eval", "(host) => eval(host)", /uses eval of outside/],
  ["Function", "(host) => new Function(host)", /uses Function of outside/],
  ["process", "() => process.env", /uses process of outside/],
  ["import()", "() => import('a')", /imports: import/],
  ["a class field", "() => class { a = 1 }", /not ES2017.*a class field/],
  ["a private name", "() => class { #a() {} }", /not ES2017.*a private name/],
  ["a static block", "() => class { static { } }", /not ES2017.*a static block/],
  ["?.", "(host) => host?.a", /not ES2017.*\?\./],
  ["??", "(host) => host ?? 1", /not ES2017.*\?\?/],
  ["??=", "(host) => { host ??= 1 }", /not ES2017.*\?\?=/],
  ["a spread in an object", "(host) => ({ ...host })", /not ES2017.*a spread in an object/],
  ["a rest in an object", "({ a, ...b }) => b", /not ES2017.*a rest in an object/],
  ["for await", "async (host) => { for await (const a of host) a }", /not ES2017.*for await/],
  ["an async generator", "() => ({ async *a() {} })", /not ES2017.*an async generator/],
  ["catch without a parameter", "() => { try { 1 } catch { 2 } }", /not ES2017.*catch without a parameter/],
  ["other newer syntax", "() => 1_000n", /not ES2017.*newer syntax/],
  ["what cannot be had", "(() => 1).bind()", /bound or built in/],
])("refuses %s", async (_, text, message) => {
  const check = assertSelfContained(evaluate(text));
  await expect(check).rejects.toThrow(TypeError);
  await expect(assertSelfContained(evaluate(text))).rejects.toThrow(message);
});

test("passes globals of the page's own", async () => {
  const half = evaluate("() => uPlot.version");
  await expect(assertSelfContained(half)).rejects.toThrow("uses uPlot of outside");
  await assertSelfContained(half, { globals: ["uPlot"] });
});

test("says what to install", async () => {
  vi.doMock("eslint-scope", () => {
    throw new Error("Cannot find package");
  });
  try {
    await expect(assertSelfContained(() => 1)).rejects.toThrow("npm install --save-dev acorn eslint-scope");
  } finally {
    vi.doUnmock("eslint-scope");
  }
});
