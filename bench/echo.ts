/*
 * Request and reply on one core, beside the floor: `npm run bench`. Each server has one core and the generator the other;
 * systems take turns, so that a noisy machine is noisy for all of them.
 */
import { spawn } from "node:child_process";
import { echoProtocol } from "./echo-protocol.ts";
import { drive, type Protocol } from "./load.ts";

const value = '{"n":1}';

/** One message a request: what a plain server echoes. */
const plain: Protocol = {
  path: "/",
  requests: (ids) => ids.map(() => value),
  replies: (message) => {
    if (message !== value) throw new Error(`Wrong reply ${message}`);
    return [0];
  },
};

const systems = [
  { name: "ws echo", file: "ws-echo.ts", args: [] as string[], protocol: plain },
  { name: "ws echo, corked", file: "ws-echo.ts", args: ["corked"], protocol: plain },
  { name: "prism rpc, schema", file: "prism.ts", args: [] as string[], protocol: echoProtocol },
];

async function measure({ file, args, protocol }: (typeof systems)[number], inFlight: number): Promise<number> {
  const path = new URL(`./servers/${file}`, import.meta.url).pathname;
  const child = spawn("taskset", ["-c", "0", process.execPath, "--import", "tsx", path, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    const port = await new Promise<number>((resolve) => {
      child.stdout.on("data", (chunk: Buffer) => resolve(Number(/ready (\d+)/.exec(String(chunk))?.[1])));
    });
    return (await drive(port, protocol, { connections: 64, inFlight, seconds: 2 })).rate;
  } finally {
    child.kill();
  }
}

for (const inFlight of [1, 16]) {
  const rates = new Map<string, number[]>();
  for (let round = 0; round < 3; round++) {
    for (const system of systems) {
      rates.set(system.name, [...(rates.get(system.name) ?? []), await measure(system, inFlight)]);
    }
  }
  const medians = [...rates].map(([name, all]) => [name, all.toSorted((a, b) => a - b)[1]!] as const);
  const floor = medians[1]![1];
  for (const [name, rate] of medians) {
    console.log(
      `${inFlight} in flight  ${name.padEnd(20)} ${Math.round(rate).toLocaleString("en")}/s  ${(rate / floor).toFixed(2)}`,
    );
  }
}
