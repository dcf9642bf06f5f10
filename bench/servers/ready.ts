import process from "node:process";

declare const Bun: { gc(force: boolean): void } | undefined;

/**
 * Says that a server listens, and answers what it is asked on standard input: `heap`, what it holds after a collection, in
 * bytes, if it runs with `--expose-gc`; `cpu`, the time that it has worked, in ns.
 *
 * @param ports where it listens
 */
export function ready(...ports: readonly number[]): void {
  console.log(`ready ${ports.join(" ")}`);
  process.stdin.on("data", (chunk: Buffer) => {
    for (const word of String(chunk).split("\n")) {
      if (word === "cpu") console.log(`cpu ${readCpu()}`);
      if (word === "heap") console.log(`heap ${readHeap()}`);
    }
  });
}

function readCpu(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) * 1_000;
}

function readHeap(): number {
  // Twice: what finalizers let go is collected only then.
  for (let i = 0; i < 2; i++) {
    if (typeof Bun === "undefined") globalThis.gc?.();
    else Bun?.gc(true);
  }
  return process.memoryUsage().heapUsed;
}
