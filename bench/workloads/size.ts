import type { Workload } from "../harness/section.ts";
import { programs, weigh } from "../size/bundle.ts";

/** What clients weigh that make one call. */
export const workload: Workload = {
  id: "size",
  async run() {
    const rows: (string | number)[][] = [];
    const bytes: Record<string, number[]> = {};
    for (const program of programs) {
      const { minified, gzipped } = await weigh(program);
      rows.push([program.name, program.from ?? "", minified, gzipped]);
      bytes[program.name] = [gzipped];
    }
    return {
      title: "What the client weighs",
      text: `The smallest program that makes one call, for each of them in \`bench/size/programs\`, bundled by esbuild for ES2022 in
browsers, minified, and packed by \`gzip -9\`. They do not do the same: Prism's has resuming with replay, streams both ways
and calls from the server in it, and Socket.IO's and SignalR's have transports besides WebSocket. Nothing here depends on the
machine.`,
      tables: [
        {
          caption: "Bytes",
          columns: ["client", "package", "minified", "gzip -9"],
          rows,
          data: { bytes },
        },
      ],
    };
  },
};
