/** What cannot be written into another module, by what its text shows. */
const FOREIGN: readonly (readonly [RegExp, string])[] = [
  [/\[native code\]/, "it is bound or built in, so its text cannot be had"],
  [/\bcov_\w+/, "a coverage tool has instrumented it"],
  [/__vite_\w+/, "Vite has rewritten its imports"],
  [/\b_*WEBPACK_\w+/i, "webpack has rewritten its imports"],
  [
    /\b__(?:awaiter|generator|values|rest|spread|spreadArray|assign|read|await|asyncValues|async|objRest|spreadValues|spreadProps|publicField|privateGet|privateAdd)\b/,
    "it was compiled for a target below ES2018, with helpers outside of it",
  ],
  [/\bimport\s*\(/, "it imports"],
  [/\brequire\s*\(/, "it requires"],
];

/**
 * The text of a function, as an expression that means the same in another module.
 *
 * @param half an arrow function, a function or a method
 * @param what what it is, for the error
 * @returns the expression
 * @throws {TypeError} if it is no function, or shows that it cannot stand alone
 */
export function toHalfText(half: unknown, what: string): string {
  if (typeof half !== "function") throw new TypeError(`${what} is not a function`);
  const text = String(half);
  for (const [pattern, why] of FOREIGN)
    if (pattern.test(text)) throw new TypeError(`${what} cannot stand alone: ${why}`);
  if (/^class\b/.test(text)) throw new TypeError(`${what} is a class, not a function`);
  if (/^(?:async\s+)?function\b/.test(text) || isArrow(text)) return `(${text})`;
  // A shorthand method is only a method within an object. Its name may be computed, or a keyword.
  return `({ ${text} })${methodAccess(half.name, text)}`;
}

/** Whether a function's text is an arrow function: after its parameters comes `=>`. */
function isArrow(text: string): boolean {
  let at = /^async\b\s*/.exec(text)?.[0].length ?? 0;
  if (text[at] !== "(") return /^[\p{ID_Start}$_][\p{ID_Continue}$]*\s*=>/u.test(text.slice(at));
  at = skipParameters(text, at);
  return /^\s*=>/.test(text.slice(at));
}

/** Finds the end of a parameter list, minding strings, templates and comments in defaults. */
function skipParameters(text: string, open: number): number {
  const token = /"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`(?:\\.|[^`\\])*`|\/\/[^\n]*|\/\*[^]*?\*\/|[()]/gsu;
  token.lastIndex = open;
  let depth = 0;
  for (let match = token.exec(text); match !== null; match = token.exec(text)) {
    if (match[0] === "(") depth++;
    else if (match[0] === ")" && --depth === 0) return token.lastIndex;
  }
  return text.length;
}

function methodAccess(name: string, text: string): string {
  if (/^(?:async\b\s*)?\*?\s*\[/.test(text))
    throw new TypeError(`A method with a computed name cannot stand alone: ${name}`);
  return `[${JSON.stringify(name)}]`;
}
