import { isMember, type Token } from "./source-tokens.ts";

/** Names that tools leave in a function's text for what stands outside of it. */
const FOREIGN: readonly (readonly [RegExp, string])[] = [
  [/^cov_\w+$/, "a coverage tool has instrumented it"],
  [/^__(?:vite|vitest|vi)_/, "Vite has rewritten its imports"],
  [/WEBPACK|^__webpack_|^__?turbopack_/i, "webpack has rewritten its imports"],
  [/^parcelHelpers$|^\$parcel\$/, "Parcel has rewritten its imports"],
  [/^_?import_meta\d*$/, "it uses import.meta"],
  [
    /^__(?:asyncDelegator|asyncGenerator|asyncValues|await|awaiter|async|forAwait|yieldStar|generator|values|read|rest|spread|spreadArray|spreadArrays|spreadValues|spreadProps|assign|objRest|extends|pow|template|makeTemplateObject|using|addDisposableResource|callDispose|disposeResources|publicField|accessCheck|decorate|decorateClass|decorateElement|decoratorStart|esDecorate|runInitializers|legacyDecorateClassTS|metadata|param|propKey|setFunctionName|(?:class)?[pP]rivate(?:Field)?(?:Get|Set|Add|In|Method|Wrapper)|createBinding|export|exportStar|importDefault|importStar|commonJS|esm|toESM|toCommonJS|reExport|require)$/,
    "it was compiled with helpers that stand outside of it, for a target below ES2022 say",
  ],
  [
    /^_(?:async_?to_?generator|async_?iterator|await_?async_?generator|wrap_?async_?generator|object_?spread(?:2|_?props)?|object_?without_?properties(?:_?loose)?|extends|define_?property|sliced_?to_?array|to_?consumable_?array|class_?private_?\w+|create_?class|class_?call_?check|inherits|call_?super|interop_?require_?(?:default|wildcard)|regenerator(?:_?runtime)?|ts_generator|type_of|tagged_?template_?literal)\d*$/i,
    "it was compiled with helpers that stand outside of it, for a target below ES2022 say",
  ],
  [/^__prism/, "names that begin with __prism are the generated client's own"],
];

/** The longest name that a minifier gives, in characters. */
const LONGEST = 3;
const DECLARES = new Set(["class", "const", "function", "let", "var"]);

/**
 * Finds what shows that a function's text cannot stand alone.
 *
 * @param tokens its text
 * @param arrow whether it is an arrow function, which has neither `super` nor `new.target` of its own
 * @returns why it cannot, `undefined` where nothing shows
 */
export function findForeign(tokens: readonly Token[], arrow: boolean): string | undefined {
  const words = new Set<string>();
  const declared = new Set<string>();
  const privates = { declared: new Set<string>(), used: new Set<string>() };
  for (const [place, { kind, text }] of tokens.entries()) {
    const member = isMember(tokens, place);
    if (kind === "private") (member || tokens[place + 1]?.text === "in" ? privates.used : privates.declared).add(text);
    if (kind !== "word") continue;
    const before = tokens[place - 1]?.text ?? "";
    if (DECLARES.has(before)) declared.add(text);
    if (!member) words.add(text);
  }
  for (const [place, { kind, text }] of tokens.entries()) {
    if (kind !== "word" || declared.has(text)) continue;
    const why = FOREIGN.find(([pattern]) => pattern.test(text))?.[1];
    if (why !== undefined) return `${why}: ${text}`;
    if (isMember(tokens, place)) continue;
    const next = tokens[place + 1]?.text;
    if (text === "import" && next === ".") return "it uses import.meta";
    if ((text === "import" || text === "require") && isCall(tokens, place)) return `it imports: ${text}()`;
    // `(0, module.name)(…)` calls an import of what was compiled.
    if (
      tokens[place - 1]?.text === "," &&
      tokens[place - 2]?.text === "0" &&
      next === "." &&
      isZeroFirst(tokens, place)
    )
      return `its imports were rewritten: ${text}`;
    if (text === "super" && !words.has("class")) return "it uses super, whose object stands outside of it";
    if (arrow && text === "new" && next === "." && !words.has("class") && !words.has("function"))
      return "it uses new.target of a function outside of it";
  }
  for (const name of privates.used) {
    if (!privates.declared.has(name)) return `it uses ${name}, a private name of a class outside of it`;
  }
  return undefined;
}

function isCall(tokens: readonly Token[], place: number): boolean {
  const next = tokens[place + 1];
  // With a block behind the parentheses it is a method of that name.
  return next?.text === "(" && tokens[next.pair + 1]?.text !== "{";
}

function isZeroFirst(tokens: readonly Token[], place: number): boolean {
  const open = tokens[place - 3];
  return open?.text === "(" && tokens[open.pair + 1]?.text === "(";
}

/**
 * Finds the function through which esbuild gives functions their names where it was to keep them. It is `__name`, which a
 * generated client has; in minified text it has a short name, and is told by its every use: `x(…, "name")`.
 *
 * @param text a function's text
 * @param tokens the same
 * @returns its name, `undefined` where there is none
 */
export function findNameHelper(text: string, tokens: readonly Token[]): string | undefined {
  const declared = new Set<string>();
  for (const [place, { kind, text: name }] of tokens.entries()) {
    if (kind === "word" && DECLARES.has(tokens[place - 1]?.text ?? "")) declared.add(name);
  }
  // What people write has longer names, and more space than must be.
  if ([...declared].some((name) => name.length > LONGEST) || !isMinified(text, tokens)) return undefined;
  const uses = new Map<string, boolean>();
  for (const [place, { kind, text: name }] of tokens.entries()) {
    if (kind !== "word" || name.length > LONGEST || isMember(tokens, place)) continue;
    uses.set(name, (uses.get(name) ?? true) && isNaming(tokens, place, declared));
  }
  return [...uses].find(([, naming]) => naming)?.[0];
}

/** Whether a word is called with a function and a string, as esbuild writes it. */
function isNaming(tokens: readonly Token[], place: number, declared: ReadonlySet<string>): boolean {
  const open = tokens[place + 1];
  const before = tokens[place - 1]?.text;
  if (open?.text !== "(" || before === "function" || !isCall(tokens, place)) return false;
  const first = tokens[place + 2]!;
  const comma = open.pair - 2;
  if (tokens[open.pair - 1]?.kind !== "string" || tokens[comma]?.text !== ",") return false;
  // What was declared is named afterwards; any other function where it is a value.
  if (place + 3 === comma) return first.text === "this" || declared.has(first.text);
  const starts = first.text === "function" || first.text === "async" || first.text === "class";
  const arrow = tokens[place + 3]?.text === "=>" || (first.text === "(" && tokens[first.pair + 1]?.text === "=>");
  return (starts || arrow) && !["{", "}", ";"].includes(before ?? ";") && endOf(tokens, place + 2) === comma;
}

/** Where an argument ends: at the comma on its own level. */
function endOf(tokens: readonly Token[], from: number): number {
  let at = from;
  while (tokens[at] !== undefined && tokens[at]!.text !== ",") at = Math.max(at, tokens[at]!.pair) + 1;
  return at;
}

/** Whether there is space only where two words would become one. */
function isMinified(text: string, tokens: readonly Token[]): boolean {
  return tokens.every(({ kind, end, text: own }, place) => {
    const next = tokens[place + 1];
    if (next === undefined || next.start === end) return true;
    const needed = own === next.text[0] || (kind !== "mark" && next.kind !== "mark");
    return needed && text.slice(end, next.start) === " ";
  });
}
