import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { expect, test } from "vitest";
import { root } from "../support/runtimes.ts";

// Bytes that a page loads for the connection and rpc, with streams both ways, answers and resuming. The goal is 4,600:
// what is here must come down, never creep up.
const budget = 12_600;

test(`the client with rpc takes at most ${budget} bytes`, async () => {
  const { outputFiles } = await build({
    stdin: {
      contents: `export { connect } from "./src/client/connect.ts"; export { rpc } from "./src/services/rpc/client.ts";`,
      resolveDir: root,
    },
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    platform: "browser",
    write: false,
  });
  const bytes = gzipSync(outputFiles[0]?.contents ?? "", { level: 9 }).byteLength;
  console.log(`client with rpc: ${bytes} bytes, ${outputFiles[0]?.contents.byteLength} before gzip`);
  expect(bytes).toBeGreaterThan(500);
  expect(bytes).toBeLessThanOrEqual(budget);
});
