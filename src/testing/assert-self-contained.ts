import { toHalfText } from "../http/half-text.ts";

/** What {@linkcode assertSelfContained} takes. */
export interface SelfContainedOptions {
  /** What else the page has: names of globals of its own. */
  readonly globals?: readonly string[] | undefined;
}

/** A node of a syntax tree (the ESTree specification). */
interface Node {
  readonly type: string;
  readonly start: number;
  readonly [member: string]: unknown;
}

/** The part of acorn that is used. */
interface Parser {
  parse(text: string, options: { ecmaVersion: number | "latest"; sourceType: "module"; ranges?: boolean }): object;
}

/** The part of eslint-scope that is used. */
interface Analyzer {
  analyze(
    tree: object,
    options: { ecmaVersion: number; sourceType: "module"; ignoreEval: true },
  ): { readonly globalScope: { readonly through: readonly { readonly identifier: object }[] } | null };
}

/** What the language and all platforms have, and what pages have; neither `eval` nor `Function`, which policies forbid. */
const GLOBALS = new Set(
  `AggregateError Array ArrayBuffer BigInt BigInt64Array BigUint64Array Boolean DataView Date Error EvalError Float32Array
  Float64Array Infinity Int16Array Int32Array Int8Array Intl JSON Map Math NaN Number Object Promise Proxy RangeError
  ReferenceError Reflect RegExp Set String Symbol SyntaxError TypeError URIError Uint16Array Uint32Array Uint8Array
  Uint8ClampedArray WeakMap WeakRef WeakSet FinalizationRegistry decodeURI decodeURIComponent encodeURI encodeURIComponent
  escape unescape globalThis isFinite isNaN parseFloat parseInt undefined
  AbortController AbortSignal Blob BroadcastChannel ByteLengthQueuingStrategy CompressionStream CountQueuingStrategy
  CustomEvent DOMException DecompressionStream Event EventTarget File FormData Headers MessageChannel MessageEvent
  MessagePort Performance ReadableStream Request Response TextDecoder TextDecoderStream TextEncoder TextEncoderStream
  TransformStream URL URLSearchParams WebSocket WritableStream atob btoa clearInterval clearTimeout console crypto fetch
  navigator performance queueMicrotask reportError setInterval setTimeout structuredClone
  AudioContext CSS Element HTMLElement Image IntersectionObserver MutationObserver Node Notification ResizeObserver Worker
  addEventListener alert cancelAnimationFrame cancelIdleCallback confirm customElements document frames history indexedDB
  innerHeight innerWidth localStorage location matchMedia parent postMessage prompt removeEventListener
  requestAnimationFrame requestIdleCallback screen self sessionStorage top window`.split(/\s+/),
);

/** What esbuild calls to keep functions' names; a generated client has it. */
const SUPPLIED = ["__name"];
const AUTHORS_VERSION = 2017;

/**
 * Checks that a client half can be written into a generated client: it stands alone, and keeps to ES2017, which no
 * compile target in use turns into calls of helpers. Needs the packages `acorn` and `eslint-scope`.
 *
 * @param half the function, as it is given to `defineClient` or `defineService`
 * @param options what else is there
 * @throws {TypeError} if it does not; the message lists the outer names that it uses
 * @throws {Error} if the packages are not installed
 * @example await assertSelfContained(clock.client);
 */
export async function assertSelfContained(half: unknown, options: SelfContainedOptions = {}): Promise<void> {
  const what = "Client half";
  const text = toHalfText(half, what);
  const { parser, analyzer } = await loadTools();
  const tree = parse(parser, text, what);
  const { globalScope } = analyzer.analyze(tree, {
    ecmaVersion: AUTHORS_VERSION,
    sourceType: "module",
    ignoreEval: true,
  });
  const known = new Set([...GLOBALS, ...SUPPLIED, ...(options.globals ?? [])]);
  const outer = new Set((globalScope?.through ?? []).map(({ identifier }) => String((identifier as Node)["name"])));
  if (usesThis(findHalf(tree as Node)!)) outer.add("this");
  const missing = [...outer].filter((name) => !known.has(name)).toSorted();
  if (missing.length > 0) throw new TypeError(`${what} cannot stand alone: it uses ${missing.join(", ")} of outside`);
}

async function loadTools(): Promise<{ parser: Parser; analyzer: Analyzer }> {
  try {
    const [acorn, scope] = await Promise.all([import("acorn"), import("eslint-scope")]);
    return { parser: acorn as unknown as Parser, analyzer: scope as unknown as Analyzer };
  } catch (cause) {
    throw new Error("assertSelfContained needs acorn and eslint-scope: npm install --save-dev acorn eslint-scope", {
      cause,
    });
  }
}

function parse(parser: Parser, text: string, what: string): object {
  let newer: SyntaxError;
  try {
    return parser.parse(text, { ecmaVersion: AUTHORS_VERSION, sourceType: "module", ranges: true });
  } catch (error) {
    newer = error as SyntaxError;
  }
  let syntax = "newer syntax";
  try {
    syntax = nameSyntax(parser.parse(text, { ecmaVersion: "latest", sourceType: "module" }) as Node) ?? syntax;
  } catch (cause) {
    throw new TypeError(`${what} cannot be read: ${(cause as Error).message}`, { cause });
  }
  const at = (newer as { pos?: number }).pos ?? 0;
  const excerpt = JSON.stringify(text.slice(Math.max(0, at - 20), at + 20));
  throw new TypeError(`${what} is not ES${AUTHORS_VERSION}, which client halves keep to: ${syntax} at ${excerpt}`, {
    cause: newer,
  });
}

const NEWER: Readonly<Record<string, (node: Node) => string | undefined>> = {
  PropertyDefinition: () => "a class field",
  PrivateIdentifier: () => "a private name",
  StaticBlock: () => "a static block",
  ImportExpression: () => "import()",
  ChainExpression: () => "?.",
  LogicalExpression: (node) => (node["operator"] === "??" ? "??" : undefined),
  ForOfStatement: (node) => (node["await"] === true ? "for await" : undefined),
  ObjectExpression: (node) => (has(node, "SpreadElement") ? "a spread in an object" : undefined),
  ObjectPattern: (node) => (has(node, "RestElement") ? "a rest in an object" : undefined),
  CatchClause: (node) => (node["param"] === null ? "catch without a parameter" : undefined),
};

/** Names the first syntax in a tree that is newer than authors may use. */
function nameSyntax(node: Node): string | undefined {
  const own = NEWER[node.type]?.(node);
  if (own !== undefined) return own;
  if (/^Function|^Arrow/.test(node.type) && node["async"] === true && node["generator"] === true)
    return "an async generator";
  for (const child of childrenOf(node)) {
    const found = nameSyntax(child);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Whether a half uses its own `this`: the service here, another object there. */
function usesThis(node: Node): boolean {
  return node.type === "ThisExpression" || childrenOf(node).some((child) => !bindsThis(child) && usesThis(child));
}

/** The half itself, within what was written around it. */
function findHalf(node: Node): Node | undefined {
  if (/^Function|^Arrow/.test(node.type)) return node;
  for (const child of childrenOf(node)) {
    const found = findHalf(child);
    if (found !== undefined) return found;
  }
  return undefined;
}

function bindsThis({ type }: Node): boolean {
  return type === "FunctionExpression" || type === "FunctionDeclaration" || type.startsWith("Class");
}

function has(node: Node, type: string): boolean {
  return (node["properties"] as readonly Node[]).some((property) => property.type === type);
}

function childrenOf(node: Node): Node[] {
  return Object.values(node)
    .flat()
    .filter((value): value is Node => typeof (value as Partial<Node> | null)?.type === "string");
}
