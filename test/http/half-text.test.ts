import { describe, expect, test } from "vitest";
import { toHalfText } from "../../src/http/half-text.ts";
import { evaluate } from "./evaluate.ts";

type Fn = (...args: unknown[]) => unknown;

/** A half, written and evaluated elsewhere. */
function carry(half: unknown, minify = false): Fn {
  return evaluate(`(() => { const __name = (half) => half; return ${toHalfText(half, "It", minify)}; })()`);
}

const forms: readonly (readonly [name: string, text: string])[] = [
  ["an arrow", "(a) => a + 1"],
  ["an arrow without parentheses", "a => a + 1"],
  ["an arrow with a body", "(a) => { return a + 1 }"],
  ["an arrow whose parameter is async", "async => async + 1"],
  ["an arrow that gives an object", "((a) => ({ b: a + 1 }).b)"],
  ["a function", "function (a) { return a + 1 }"],
  ["a function with a name", "function named(a) { return a + 1 }"],
  ["a shorthand method", "({ half(a) { return a + 1 } }).half"],
  ["a method called function", "({ function(a) { return a + 1 } }).function"],
  ["a method called async", "({ async(a) { return a + 1 } }).async"],
  ["a method called get", "({ get(a) { return a + 1 } }).get"],
  ["a method called set", "({ set (a) { return a + 1 } }).set"],
  ["a method called static", "({ static(a) { return a + 1 } }).static"],
  ["a method called class", "({ class(a) { return a + 1 } }).class"],
  ["a method called if", "({ if (a) { return a + 1 } }).if"],
  ["a method called import", "({ import(a) { return a + 1 } }).import"],
  ["a method called constructor", "({ constructor(a) { return a + 1 } }).constructor"],
  [
    "a method called __proto__",
    "Object.getOwnPropertyDescriptor({ __proto__(a) { return a + 1 } }, '__proto__').value",
  ],
  [
    "a method with a string for a name",
    "({ 'a => (b': (1, { 'a => (b'(a) { return a + 1 } }['a => (b']) })['a => (b']",
  ],
  ["a method with a number for a name", "({ 12(a) { return a + 1 } })[12]"],
  ["a method with a computed name", "({ ['a' + [')'](0)](a) { return a + 1 } }).a0".replace("[')'](0)", "[0][0]")],
  ["a static method", "(class { static half(a) { return a + 1 } }).half"],
  ["a method of a class", "(class { half(a) { return a + 1 } }).prototype.half"],
  ["a private method", "new (class { #half(a) { return a + 1 } get half() { return this.#half } })().half"],
  ["a function that a getter gives", "({ get half() { return (a) => a + 1 } }).half"],
  [
    "defaults with parentheses",
    "(a, b = (1), { c = ((2)) } = {}, [d = ')'] = []) => a + b * (c - 1) + (d === ')' ? 0 : 9)",
  ],
  [
    "defaults with strings",
    "({ half(a, b = \") {\", c = '=> (', d = `)${`(`}{`) { return a + (b + c + d).length / 10 } }).half",
  ],
  ["defaults with regular expressions", "({ half(a, b = /[(/\\]]\\)/, c = (4) / 4) { return a + c } }).half"],
  [
    "a default that is a function",
    "({ half(a, b = function () { return (1) }, c = () => ({})) { return a + b() } }).half",
  ],
  ["comments", "/* => */ ( /* ) */ a // => (\n, b = 1 /* ( */ ) /* { */ => /* } */ a + b // => )\n"],
  ["comments in a method", "({ /* async */ half /* => */ (a /* ) */) /* => */ { return a + 1; // }\n} }).half"],
  [
    "a body that holds all that",
    "(a) => { const b = /[/}]'/.test(\"/}'\"); return a + (b ? `${`${1}` / 1}` * 1 : 0) }",
  ],
];

const elsewhere: readonly (readonly [name: string, text: string])[] = [
  ["an async arrow", "async (a) => a + 1"],
  ["an async arrow without parentheses", "async a => a + 1"],
  ["an async function", "async function (a) { return a + 1 }"],
  ["an async method", "({ async half(a) { return a + 1 } }).half"],
  ["an async method called async", "({ async async(a) { return a + 1 } }).async"],
  ["an async method called function", "({ async function(a) { return a + 1 } }).function"],
  ["an async method called get", "({ async get(a) { return a + 1 } }).get"],
  ["an async method with a computed name", "({ async ['a' + 1](a) { return a + 1 } }).a1"],
];

const generators: readonly (readonly [name: string, text: string])[] = [
  ["a generator", "function* (a) { yield a + 1 }"],
  ["a generator with a name", "function * named (a) { yield a + 1 }"],
  ["a generator method", "({ *half(a) { yield a + 1 } }).half"],
  ["a generator method called get", "({ * get (a) { yield a + 1 } }).get"],
  ["an async generator", "async function* (a) { yield a + 1 }"],
  ["an async generator method", "({ async /* a */ * /* b */ half(a) { yield a + 1 } }).half"],
];

describe.each([false, true])("minified: %s", (minify) => {
  test.each(forms)("carries %s", (_, text) => {
    const half = evaluate<Fn>(text);
    expect(half(1)).toBe(2);
    expect(carry(half, minify)(1)).toBe(2);
  });

  test.each(elsewhere)("carries %s", async (_, text) => {
    const result = carry(evaluate(text), minify)(1);
    expect(result).toBeInstanceOf(Promise);
    expect(await result).toBe(2);
  });

  test.each(generators)("carries %s", async (_, text) => {
    const generator = carry(evaluate(text), minify)(1) as AsyncGenerator | Generator;
    expect(await generator.next()).toEqual({ done: false, value: 2 });
  });

  test("keeps the ends of lines that end statements", () => {
    const half = evaluate<Fn>("(a) => {\n  let b = a // one\n  b++\n  /* two\n */ ;[0].map(() => b++)\n  return b\n}");
    expect(carry(half, minify)(1)).toBe(3);
    expect(toHalfText(half, "It", true)).not.toMatch(/one|two|\n\s/);
  });
});

describe("esbuild's names", () => {
  test.each([
    ["as they are", `(host) => { const tick = /* @__PURE__ */ __name(() => 1, "tick"); return { tick } }`],
    ["minified", `o=>{const n=t(()=>1,"tick");return{tick:n}}`],
    ["minified, of a function", `o=>{function n(){return 1}return t(n,"tick"),{tick:n}}`],
    ["minified, of a class", `o=>{class n{static{t(this,"Tick")}tick(){return 1}}return new n}`],
    [
      "minified, of a generator",
      `({ half(o){return{tick:t(function*(){return 1},"tick"),...{tick:t(async()=>1,"x")}}} }).half`,
    ],
  ])("are let be %s", async (_, text) => {
    const { tick } = carry(evaluate(text))() as { tick(): unknown };
    expect(await tick()).toBe(1);
  });

  test.each([
    ["that is called as a statement", `o=>{on(()=>1,"tick")}`],
    ["of a function from elsewhere", `o=>on(f,"tick")`],
    ["with a name of some length", `o=>({tick:sign(()=>1,"tick")})`],
    ["beside names of some length", `o=>{const listener=t(()=>1,"tick");return listener}`],
    ["in text that people wrote", `(o) => ({ tick: t(() => 1, "tick") })`],
    ["that is used in other ways", `o=>({tick:t(()=>1,"tick"),tock:t})`],
  ])("are not seen in a function %s", (_, text) => {
    expect(toHalfText(evaluate(text), "It")).toBe(`(${text})`);
  });
});

describe("refuses", () => {
  class Codec {
    #secret = 1;
    encode(): unknown {
      return this.#secret;
    }
  }
  test.each<[string, unknown, RegExp]>([
    ["what is no function", 1, /^It is not a function$/],
    ["a class", evaluate("class A {}"), /it is a class/],
    ["a bound function", evaluate("(() => 1).bind()"), /bound or built in/],
    ["a built-in function", Math.max, /bound or built in/],
    ["a proxy", new Proxy(() => {}, {}), /bound or built in/],
    [
      "a getter",
      Object.getOwnPropertyDescriptor(
        {
          get a() {
            return 1;
          },
        },
        "a",
      )!.get,
      /getter or setter/,
    ],
    ["what looks like something else", Object.setPrototypeOf(async () => {}, Function.prototype), /AsyncFunction/],
    ["a slash that could be two things", evaluate("(a) => { if (a) {}\n/b/.test(a) }"), /"\/b\//],
    ["coverage", evaluate("() => { cov_2f1kh8s1v8().f[0]++ }"), /coverage tool.*cov_2f1kh8s1v8/],
    ["Vite's imports", evaluate("() => __vite_ssr_import_0__.a"), /Vite/],
    ["Vitest's imports", evaluate("() => __vi_import_0__.a"), /Vite/],
    ["webpack's imports", evaluate("() => _a_js__WEBPACK_IMPORTED_MODULE_0__.a"), /webpack/],
    ["webpack's require", evaluate("() => __webpack_require__(1)"), /webpack/],
    ["CommonJS", evaluate("() => (0, valibot_1.string)()"), /rewritten: valibot_1/],
    ["require", evaluate("() => require('a')"), /imports: require/],
    ["import()", evaluate("() => import('a')"), /imports: import/],
    ["a helper of TypeScript's", evaluate("() => __awaiter(this)"), /helpers.*__awaiter/],
    ["a helper of tslib's", evaluate("() => tslib_1.__rest({})"), /helpers.*__rest/],
    ["a helper of esbuild's", evaluate("() => __spreadValues({}, {})"), /helpers.*__spreadValues/],
    ["a private helper", evaluate("() => __privateGet(1)"), /helpers/],
    ["a helper of Babel's", evaluate("() => _asyncToGenerator(1)"), /helpers/],
    ["a helper of SWC's", evaluate("() => _object_spread_props(1)"), /helpers/],
    ["super", evaluate("({ half() { return super.half } }).half"), /super/],
    ["a private name", Codec.prototype.encode, /#secret|private name|helpers/],
    ["a private name as it is written", evaluate("new (class { #a = 1; half = () => this.#a })().half"), /uses #a/],
    ["new.target of outside", evaluate("(function () { return () => new.target })()"), /new\.target/],
    ["the client's own names", evaluate("() => __prism.rpc()"), /__prism/],
  ])("%s", (_, half, message) => {
    expect(() => toHalfText(half, "It")).toThrow(TypeError);
    expect(() => toHalfText(half, "It")).toThrow(message);
  });

  test.each([
    [
      "words in strings and comments",
      "() => { /* import( [native code] cov_1a() */ return 'require(\"a\") __vite_ssr_' }",
    ],
    ["names of members", "(a) => a.import(a.require(1), a.super, a.cov)"],
    [
      "names that it declares itself",
      "() => { const cov_lines = 1; function require(a) { return a } return require(cov_lines) }",
    ],
    [
      "a class that it holds",
      "() => { class A { #b = 1; get b() { return #b in this && this.#b } } return class extends A { c = super.b } }",
    ],
    ["methods that it holds", "() => ({ import(a) { return a }, require(a) { return a } })"],
    ["new.target of its own", "() => function () { return new.target }"],
  ])("but not %s", (_, text) => {
    expect(toHalfText(evaluate(text), "It")).toBe(`(${text})`);
  });

  test("what a function says of itself is not asked", () => {
    const half = Object.assign(evaluate<Fn>("() => 1"), { toString: () => "alert(1)" });
    expect(toHalfText(half, "It")).toBe("(() => 1)");
  });
});
