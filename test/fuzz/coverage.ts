import { Buffer } from "node:buffer";
import { readdirSync, readFileSync } from "node:fs";
import { Session, type Profiler } from "node:inspector/promises";
import { SourceMap, type SourceMapPayload } from "node:module";
import { join, relative, sep } from "node:path";
import { pathToFileURL } from "node:url";
import { parseSync, Visitor } from "oxc-parser";

/** A branch that was not taken. */
export interface Missed {
  readonly line: number;
  /** Which way it is. */
  readonly way: string;
}

/** The branches of one source file. */
export interface FileCoverage {
  /** The file, from the root of the project. */
  readonly file: string;
  readonly branches: number;
  readonly missed: readonly Missed[];
}

/** A branch in a script: where its count is found, and less which. */
interface Branch {
  readonly at: number;
  readonly less: number | undefined;
  readonly way: string;
}

type Ranges = readonly Profiler.CoverageRange[];

/**
 * Counts branches with the counters of V8, and not with the numbers that are usually made of them: those know nothing of
 * an `if` that was always true, nor of branches in a function that was never called, so that the fewer are reached the
 * better they look. Here the branches are those of the syntax tree: both ways of an `if`, `?:`, the right of `&&`, `||`
 * and `??`, what follows `?.`, each `case`, each `catch`. Only default values and `??=` are left out, which V8 does not
 * count. To be begun before what is counted is imported.
 */
export class Coverage {
  readonly #session = new Session();

  async start(): Promise<void> {
    this.#session.connect();
    await this.#session.post("Profiler.enable");
    await this.#session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
  }

  /**
   * What was covered so far of the files in some folders.
   *
   * @param root the project
   * @param folders folders in it; files in them that were never loaded count as well
   */
  async take(root: string, folders: readonly string[]): Promise<FileCoverage[]> {
    const { result } = await this.#session.post("Profiler.takePreciseCoverage");
    const scripts = new Map(result.map((script) => [script.url, script]));
    await this.#session.post("Debugger.enable");
    const files: FileCoverage[] = [];
    for (const folder of folders) {
      for (const name of readdirSync(join(root, folder)).toSorted()) {
        if (!name.endsWith(".ts") || name.endsWith(".d.ts")) continue;
        const path = join(root, folder, name);
        const script = scripts.get(pathToFileURL(path).href);
        const missed: Missed[] = [];
        let text = readFileSync(path, "utf8");
        let ranges: Ranges = [{ startOffset: 0, endOffset: text.length, count: 0 }];
        if (script !== undefined) {
          const { scriptId } = script;
          text = (await this.#session.post("Debugger.getScriptSource", { scriptId })).scriptSource;
          ranges = script.functions.flatMap((one) => one.ranges);
        }
        const branches = findBranches(path, text, script === undefined ? "ts" : "js");
        const lineOf = createLineOf(text);
        for (const { at, less, way } of branches) {
          const count = countAt(ranges, at) - (less === undefined ? 0 : countAt(ranges, less));
          if (count <= 0) missed.push({ line: lineOf(at), way });
        }
        const file = relative(root, path).split(sep).join("/");
        files.push({ file, branches: branches.length, missed });
      }
    }
    await this.#session.post("Debugger.disable");
    return files;
  }

  stop(): void {
    this.#session.disconnect();
  }
}

/** The branches in a text, in the order of their places. */
export function findBranches(path: string, text: string, lang: "js" | "ts"): Branch[] {
  const branches: Branch[] = [];
  const add = (at: number, way: string, less?: number): void => void branches.push({ at, way, less });
  new Visitor({
    IfStatement: ({ start, consequent, alternate }) => {
      add(consequent.start, "if");
      if (alternate === null) add(start, "else", consequent.start);
      else add(alternate.start, "else");
    },
    ConditionalExpression: ({ consequent, alternate }) => {
      add(consequent.start, "?");
      add(alternate.start, ":");
    },
    LogicalExpression: ({ operator, right }) => add(right.start, operator),
    MemberExpression: ({ optional, object }) => optional && add(object.end, "?."),
    CallExpression: ({ optional, callee }) => optional && add(callee.end, "?."),
    SwitchCase: ({ test, consequent }) =>
      consequent[0] !== undefined && add(consequent[0].start, test === null ? "default" : "case"),
    CatchClause: ({ body }) => add(body.start, "catch"),
  }).visit(parseSync(`${path}.${lang}`, text, { lang, sourceType: "module" }).program);
  return branches.toSorted((a, b) => a.at - b.at);
}

/** The count of the innermost range around a place. */
function countAt(ranges: Ranges, at: number): number {
  let inner: Profiler.CoverageRange | undefined;
  for (const range of ranges) {
    if (range.startOffset > at || range.endOffset <= at) continue;
    if (inner === undefined || range.endOffset - range.startOffset <= inner.endOffset - inner.startOffset)
      inner = range;
  }
  return inner?.count ?? 0;
}

/** Finds the line of the source for a place in what was made of it, by the map that is written into it. */
function createLineOf(text: string): (at: number) => number {
  const encoded = /\/\/# sourceMappingURL=data:application\/json[^,]*;base64,(\S+)\s*$/.exec(text)?.[1];
  const map =
    encoded === undefined
      ? undefined
      : new SourceMap(JSON.parse(Buffer.from(encoded, "base64").toString()) as SourceMapPayload);
  return (at) => {
    const before = text.slice(0, at).split("\n");
    const line = before.length - 1;
    if (map === undefined) return line + 1;
    const entry = map.findEntry(line, before.at(-1)!.length);
    return "originalLine" in entry ? entry.originalLine + 1 : 0;
  };
}

/** The share of branches that were taken, in percent. */
export function percent(files: readonly FileCoverage[]): number {
  const branches = files.reduce((sum, file) => sum + file.branches, 0);
  const missed = files.reduce((sum, file) => sum + file.missed.length, 0);
  return branches === 0 ? 100 : ((branches - missed) / branches) * 100;
}
