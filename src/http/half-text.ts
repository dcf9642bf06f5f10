import { findForeign, findNameHelper } from "./foreign-code.ts";
import { readTokens, type Token } from "./source-tokens.ts";

/** What a half's text is. */
interface Form {
  readonly kind: "function" | "arrow" | "method";
  readonly async: boolean;
  readonly generator: boolean;
  /** Where a method's parameters begin among the tokens. */
  readonly parameters: number;
}

/**
 * The text of a function, as an expression that means the same in another module. It is found by reading the text, and
 * nothing is evaluated.
 *
 * @param half an arrow function, a function or a method
 * @param what what it is, for the error
 * @param minify whether to leave out comments and indentation
 * @returns the expression
 * @throws {TypeError} if it is no function, if its text cannot be read with certainty, or shows that it cannot stand alone
 */
export function toHalfText(half: unknown, what: string, minify = false): string {
  if (typeof half !== "function") throw new TypeError(`${what} is not a function`);
  // Not `String(half)`, which asks the function itself.
  const text = Function.prototype.toString.call(half);
  try {
    if (/\{\s*\[(?:native|wasm|byte)\s*code\]\s*\}$/.test(text)) {
      throw new SyntaxError("it is bound or built in, so its text cannot be had");
    }
    const tokens = readTokens(text);
    const form = readForm(tokens);
    const tag = `${form.async ? "Async" : ""}${form.generator ? "Generator" : ""}Function`;
    // Some engines leave out the word `async` here and there.
    if (Object.prototype.toString.call(half) !== `[object ${tag}]`) {
      throw new SyntaxError(`its text says ${tag}, and it is none`);
    }
    const foreign = findForeign(tokens, form.kind === "arrow");
    if (foreign !== undefined) throw new SyntaxError(foreign);
    const expression = write(text, tokens, form, minify);
    const helper = findNameHelper(text, tokens);
    return helper === undefined ? expression : `((${helper}) => ${expression})((half) => half)`;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new TypeError(`${what} cannot stand alone: ${error.message}`, { cause: error });
  }
}

function write(text: string, tokens: readonly Token[], { kind, async, generator, parameters }: Form, minify: boolean) {
  const from = kind === "method" ? parameters : 0;
  const start = tokens[from]!.start;
  const end = tokens.at(-1)!.end;
  const body = minify ? squeeze(text, tokens.slice(from)) : text.slice(start, end);
  if (kind !== "method") return `(${body})`;
  // A method is only one within an object. Its own name, which may be computed or private, is nothing that it can see.
  return `({ ${async ? "async " : ""}${generator ? "*" : ""}half${body} }).half`;
}

/** Leaves out comments and indentation; a line's end may be a statement's. */
function squeeze(text: string, tokens: readonly Token[]): string {
  return tokens
    .map((token, place) => {
      const next = tokens[place + 1];
      const gap = next === undefined ? "" : text.slice(token.end, next.start);
      return token.text + (/[\n\r\u2028\u2029]/.test(gap) ? "\n" : gap === "" ? "" : " ");
    })
    .join("");
}

function readForm(tokens: readonly Token[]): Form {
  const is = (place: number, ...texts: string[]): boolean => {
    const token = tokens[place];
    return token !== undefined && (token.kind === "mark" || token.kind === "word") && texts.includes(token.text);
  };
  const isWord = (place: number): boolean => tokens[place]?.kind === "word";
  const ends = (place: number): boolean => is(place, "{") && tokens[place]!.pair === tokens.length - 1;
  const form = (kind: Form["kind"], async: boolean, generator = false, parameters = 0): Form => {
    return { kind, async, generator, parameters };
  };

  if (is(0, "class") && !is(1, "(")) throw new SyntaxError("it is a class");
  const async = is(0, "async") && !is(1, "=>") && !(is(1, "(") && !is(tokens[1]!.pair + 1, "=>"));
  let at = async ? 1 : 0;
  // A method whose name is `function` has the same text as a function, and means the same.
  if (is(at, "function")) {
    const generator = is(at + 1, "*");
    at += generator ? 2 : 1;
    if (isWord(at)) at++;
    if (is(at, "(") && ends(tokens[at]!.pair + 1)) return form("function", async, generator);
  } else if ((isWord(at) && is(at + 1, "=>")) || (is(at, "(") && is(tokens[at]!.pair + 1, "=>"))) {
    return form("arrow", async);
  } else if (is(at, "get", "set") && !is(at + 1, "(")) {
    throw new SyntaxError("it is a getter or setter");
  } else {
    const generator = is(at, "*");
    if (generator) at++;
    const name = tokens[at];
    at = is(at, "[") ? name!.pair + 1 : at + 1;
    const named = name !== undefined && (name.kind !== "mark" || name.text === "[") && name.kind !== "template";
    if (named && is(at, "(") && ends(tokens[at]!.pair + 1)) return form("method", async, generator, at);
  }
  throw new SyntaxError("its text is neither an arrow function's nor a function's nor a method's");
}
