/** A token of JavaScript. A template with substitutions is several: what stands between them are tokens of their own. */
export interface Token {
  readonly kind: "word" | "private" | "number" | "string" | "template" | "regexp" | "mark";
  readonly text: string;
  /** Where it begins. */
  readonly start: number;
  /** Where it ends. */
  readonly end: number;
  /** For an opening bracket, the place among the tokens of the one that closes it, and the other way round. */
  pair: number;
}

const SPACE = /(?:\s|\/\/[^\n\r\u2028\u2029]*|\/\*[^]*?\*\/)+/y;
const TOKENS: readonly (readonly [Token["kind"], RegExp])[] = [
  ["word", /[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*/uy],
  ["private", /#[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*/uy],
  ["number", /(?:0[xXbBoO][\da-fA-F_]+|(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d[\d_]*)?)n?/y],
  ["string", /"(?:\\(?:\r\n|[^])|[^"\\\n\r])*"|'(?:\\(?:\r\n|[^])|[^'\\\n\r])*'/y],
  ["template", /`(?:\\[^]|\$(?!\{)|[^`\\$])*(?:`|\$\{)/y],
  ["mark", /=>|\+\+|--|\?\.(?!\d)|\.\.\.|[{}()[\];,<>=!+\-*%&|^~?:.@/]/y],
];
const TEMPLATE_REST = /\}(?:\\[^]|\$(?!\{)|[^`\\$])*(?:`|\$\{)/y;
const REGEXP = /\/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n\r])*\]|[^/\\[\n\r])+\/[\p{ID_Continue}$]*/uy;

/** Behind these words comes an operand, so that a slash begins a regular expression. */
const BEFORE_OPERAND = new Set("case delete do else in instanceof new return throw typeof void".split(" "));
/** Behind these, it depends on where they stand. */
const UNCLEAR = new Set(["await", "of", "yield"]);
/** Behind the parentheses of these comes a statement. */
const BEFORE_STATEMENT = new Set(["for", "if", "while", "with"]);

/**
 * Reads a text of JavaScript into tokens.
 *
 * @param text the text, which an engine has parsed before
 * @returns the tokens; comments and space are left out
 * @throws {SyntaxError} where a token cannot be told from another
 */
export function readTokens(text: string): Token[] {
  const tokens: Token[] = [];
  const open: number[] = [];
  let at = 0;
  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    return pattern.exec(text)?.[0];
  };
  const next = (): Pick<Token, "kind" | "text"> => {
    const inner = tokens[open.at(-1) ?? -1];
    if (text[at] === "}" && inner?.kind === "template") {
      return { kind: "template", text: match(TEMPLATE_REST) ?? unreadable(text, at) };
    }
    if (text[at] === "/" && startsRegexp(tokens, text, at)) {
      return { kind: "regexp", text: match(REGEXP) ?? unreadable(text, at) };
    }
    for (const [kind, pattern] of TOKENS) {
      const found = match(pattern);
      if (found !== undefined) return { kind, text: found };
    }
    return unreadable(text, at);
  };
  for (at += match(SPACE)?.length ?? 0; at < text.length; at += match(SPACE)?.length ?? 0) {
    const found = next();
    const place = tokens.length;
    const token: Token = { ...found, start: at, end: at + found.text.length, pair: -1 };
    at = token.end;
    tokens.push(token);
    if (closes(token)) {
      const opener = tokens[(token.pair = open.pop() ?? -1)];
      if (opener === undefined || !fits(opener, token)) unreadable(text, token.start);
      opener.pair = place;
    }
    if (opens(token)) open.push(place);
  }
  if (open.length > 0) unreadable(text, text.length);
  return tokens;
}

function opens({ kind, text }: Token): boolean {
  return kind === "template" ? text.endsWith("${") : kind === "mark" && /^[([{]$/.test(text);
}

function closes({ kind, text }: Token): boolean {
  return kind === "template" ? text.startsWith("}") : kind === "mark" && /^[)\]}]$/.test(text);
}

function fits(opener: Token, closer: Token): boolean {
  return `${opener.text.slice(-1)}${closer.text[0]}` in { "()": 0, "[]": 0, "{}": 0 } && opener.kind === closer.kind;
}

/** Whether a slash begins a regular expression, going by what stands before it. */
function startsRegexp(tokens: readonly Token[], text: string, at: number): boolean {
  const before = tokens.at(-1);
  if (before === undefined) return true;
  switch (before.kind) {
    case "template":
      return before.text.endsWith("${");
    case "word":
      if (isMember(tokens, tokens.length - 1)) return false;
      return UNCLEAR.has(before.text) ? unreadable(text, at) : BEFORE_OPERAND.has(before.text);
    case "mark":
      // It may end a block, or an object.
      if (before.text === "}") return unreadable(text, at);
      if (before.text === ")") {
        const word = tokens[before.pair - 1];
        const loop = word?.text === "await" ? tokens[before.pair - 2] : word;
        return BEFORE_STATEMENT.has(loop?.text ?? "") && !isMember(tokens, before.pair - 1);
      }
      return before.text !== "]" && before.text !== "++" && before.text !== "--";
    default:
      return false;
  }
}

/**
 * Whether a token is the name of a member, behind a dot.
 *
 * @param tokens all tokens
 * @param place the token's place
 * @returns true if it is
 */
export function isMember(tokens: readonly Token[], place: number): boolean {
  const before = tokens[place - 1]?.text;
  return before === "." || before === "?.";
}

function unreadable(text: string, at: number): never {
  throw new SyntaxError(`it cannot be told what is meant by ${JSON.stringify(text.slice(at, at + 20))}`);
}
