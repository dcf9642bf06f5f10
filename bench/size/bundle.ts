import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

/** A client, and the smallest program that makes one call with it. */
export interface Program {
  readonly name: string;
  /** The program, in `bench/size/programs`. */
  readonly file: string;
  /** The package, where it is not Prism. */
  readonly from?: string;
}

/** What is weighed, in the order of the table. */
export const programs: readonly Program[] = [
  { name: "Prism, core", file: "prism-core.js" },
  { name: "Prism, core and rpc", file: "prism-rpc.js" },
  { name: "Prism, core, rpc and pubsub", file: "prism-rpc-pubsub.js" },
  { name: "tRPC", file: "trpc.js", from: "@trpc/client" },
  { name: "oRPC", file: "orpc.js", from: "@orpc/client" },
  { name: "Socket.IO", file: "socket-io.js", from: "socket.io-client" },
  { name: "Centrifuge", file: "centrifuge.js", from: "centrifuge" },
  { name: "Phoenix", file: "phoenix.js", from: "phoenix" },
  { name: "SignalR", file: "signalr.js", from: "@microsoft/signalr" },
];

/** What a page would load. */
export interface Weight {
  /** Minified, in bytes. */
  readonly minified: number;
  /** And after `gzip -9`. */
  readonly gzipped: number;
}

/**
 * Bundles a program as an application would for present browsers.
 *
 * @throws {Error} It cannot be bundled, or esbuild warns of something
 */
export async function weigh({ name, file }: Program): Promise<Weight> {
  const { outputFiles, warnings } = await build({
    entryPoints: [fileURLToPath(new URL(`programs/${file}`, import.meta.url))],
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    platform: "browser",
    define: { "process.env.NODE_ENV": '"production"' },
    logLevel: "silent",
    write: false,
  });
  if (warnings.length > 0) throw new Error(`Bundling ${name}: ${warnings.map(({ text }) => text).join("; ")}`);
  const contents = outputFiles[0]!.contents;
  return { minified: contents.byteLength, gzipped: gzipSync(contents, { level: 9 }).byteLength };
}
