import type { ImportGraph } from "./imports.ts";

interface Floor {
  /** The folders on this floor; `*` stands for one folder's name, and each such folder is one of its own. */
  readonly folders: readonly string[];
  /** Packages that files here may import; `node:` stands for Node's modules. */
  readonly packages?: readonly string[];
}

/** From the top down: a file imports from its own folder, or from folders on a floor further down. */
export const floors: readonly Floor[] = [
  { folders: ["mod.ts"] },
  { folders: ["adapters"], packages: ["node:", "ws", "hono", "@hono/node-server"] },
  { folders: ["src/testing"] },
  { folders: ["src/server"], packages: ["unstorage"] },
  { folders: ["src/http"], packages: ["hono"] },
  { folders: ["src/client", "src/middleware", "src/services/*"] },
  { folders: ["src/service"] },
  { folders: ["src/handover"] },
  { folders: ["src/session"], packages: ["unstorage"] },
  { folders: ["src/broker"] },
  { folders: ["src/connection"] },
  { folders: ["src/socket"] },
  { folders: ["src/wire"] },
];

/** Single files that may import a package which their floor may not. */
const exceptions: ReadonlyMap<string, readonly string[]> = new Map([
  ["src/client/node.ts", ["ws"]],
  ["src/session/express.ts", ["express-session"]],
  ["src/testing/assert-self-contained.ts", ["acorn", "eslint-scope"]],
]);

interface Place {
  readonly floor: number;
  readonly folder: string;
}

function placeOf(path: string): Place | undefined {
  const parts = path.split("/");
  for (const [floor, { folders }] of floors.entries()) {
    for (const pattern of folders) {
      const wanted = pattern.split("/");
      const inside = pattern.endsWith(".ts") ? path === pattern : parts.length > wanted.length;
      if (inside && wanted.every((part, at) => part === "*" || part === parts[at])) {
        return { floor, folder: parts.slice(0, wanted.length).join("/") };
      }
    }
  }
  return undefined;
}

/** Says of a graph each import that goes up or across, each foreign package, each cycle, and halves that meet. */
export function findProblems(graph: ImportGraph): string[] {
  const problems: string[] = [];
  for (const [path, imports] of graph) {
    const from = placeOf(path);
    if (!from) {
      problems.push(`${path} stands on no floor`);
      continue;
    }
    for (const target of imports) {
      const problem = graph.has(target) ? crossing(from, target) : foreign(path, from, target);
      if (problem) problems.push(`${path} ${problem}`);
    }
  }
  return [...problems, ...findCycles(graph), ...findMeetingHalves(graph)];
}

function crossing(from: Place, target: string): string | undefined {
  const to = placeOf(target);
  if (!to || to.folder === from.folder || to.floor > from.floor) return undefined;
  return to.floor === from.floor ? `imports ${target} across its floor` : `imports ${target} from a floor above`;
}

function foreign(path: string, from: Place, target: string): string | undefined {
  if (/^(src|adapters|\.\.)\/|^[\w-]+\.ts$/.test(target)) return `imports ${target}, which is not there`;
  const allowed = [...(floors[from.floor]?.packages ?? []), ...(exceptions.get(path) ?? [])];
  const name = target.startsWith("node:") ? "node:" : /^(@[^/]+\/)?[^/]+/.exec(target)?.[0];
  return allowed.some((one) => one === name) ? undefined : `imports the package ${target}`;
}

function findCycles(graph: ImportGraph): string[] {
  const problems: string[] = [];
  const done = new Set<string>();
  const trail: string[] = [];
  const visit = (path: string): void => {
    const at = trail.indexOf(path);
    if (at >= 0) problems.push(`cycle: ${[...trail.slice(at), path].join(" → ")}`);
    if (at >= 0 || done.has(path)) return;
    trail.push(path);
    for (const target of graph.get(path) ?? []) if (graph.has(target)) visit(target);
    trail.pop();
    done.add(path);
  };
  for (const path of graph.keys()) visit(path);
  return problems;
}

/** A service's client half must not reach its server half, nor the other way round, through any other file either. */
function findMeetingHalves(graph: ImportGraph): string[] {
  const problems: string[] = [];
  for (const path of graph.keys()) {
    const half = /^(src\/services\/[^/]+)\/(client|server)\.ts$/.exec(path);
    if (!half) continue;
    const other = `${half[1]}/${half[2] === "client" ? "server" : "client"}.ts`;
    const reached = new Set([path]);
    for (const file of reached) for (const target of graph.get(file) ?? []) reached.add(target);
    if (reached.has(other)) problems.push(`${path} reaches the other half, ${other}`);
  }
  return problems;
}
