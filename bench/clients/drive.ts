import process from "node:process";
import { ready } from "../servers/ready.ts";

/**
 * Calls and checks, and calls again, with as many under way as the last argument says. Tells on standard input's `calls` how many
 * were answered, and on `cpu` the time at work in ns.
 *
 * @param add a call that adds two numbers
 */
export function drive(add: (a: number, b: number) => PromiseLike<number>): void {
  const inFlight = Number(process.argv.at(-1));
  let calls = 0;
  const go = async (): Promise<never> => {
    for (;;) {
      const [a, b] = [calls, inFlight];
      const sum = await add(a, b);
      if (sum !== a + b) throw new Error(`${a} + ${b} is not ${String(sum)}`);
      calls++;
    }
  };
  for (let i = 0; i < inFlight; i++) void go();
  process.stdin.on("data", (chunk: Buffer) => {
    if (String(chunk).startsWith("calls")) console.log(`calls ${calls}`);
  });
  ready(0);
}
