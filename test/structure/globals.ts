import { parseSync, Visitor } from "oxc-parser";

const timing: ReadonlySet<string> = new Set([
  "setTimeout",
  "setInterval",
  "setImmediate",
  "clearTimeout",
  "clearInterval",
  "clearImmediate",
  "queueMicrotask",
  "requestAnimationFrame",
  "performance",
  "MessageChannel",
]);

const members: ReadonlySet<string> = new Set(["Date.now", "Math.random", "AbortSignal.timeout"]);

/**
 * The names of time, turns and randomness that a file mentions, however it reaches them: free, through `globalThis`,
 * or declared in the file, which neither the compiler nor the linter would find.
 */
export function timingGlobals(path: string, text: string): string[] {
  const found = new Set<string>();
  new Visitor({
    Identifier: (node) => void (timing.has(node.name) && found.add(node.name)),
    MemberExpression: (node) => {
      if (node.object.type !== "Identifier" || node.property.type !== "Identifier") return;
      const name = `${node.object.name}.${node.property.name}`;
      if (members.has(name)) found.add(name);
    },
    NewExpression: (node) => {
      const { callee } = node;
      if (callee.type === "Identifier" && callee.name === "Date" && node.arguments.length === 0)
        found.add("new Date()");
    },
  }).visit(parseSync(path, text).program);
  return [...found];
}
