/*
 * What it costs that connections outlive their sockets: one process that serves an app with and one without, and a load
 * that goes to the one and the other in turns of half a second, so that a noisy machine, and what the compiler made of the
 * code in this process, is the same for both. `npm run bench:resume`.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { connect, type Socket } from "node:net";
import { ClosedLoop } from "./load/closed-loop.ts";
import type { Dialect } from "./load/dialect.ts";
import { prismDialect } from "./systems/prism.ts";

const PROCESSES = 3;
/** Pairs of turns in each process, for each number of calls in flight, and how long a turn is, in ms. */
const PAIRS = 20;
const TURN = 500;
/** Both are warm after as many. */
const WARM = 4;
const IDLE = 2_000;
const CONNECTIONS = 64;
const { acknowledge: _, ...without }: Dialect = prismDialect;

interface Running {
  readonly child: ChildProcess;
  /** Of the app with, and, where there is one, of that without. */
  readonly ports: readonly number[];
  say(word: string): Promise<number>;
}

async function start(args: readonly string[]): Promise<Running> {
  const path = new URL("./servers/prism.ts", import.meta.url).pathname;
  const node = [process.execPath, "--expose-gc", "--import", "tsx", path, ...args];
  const child = spawn("taskset", ["-c", "0", ...node], { stdio: ["pipe", "pipe", "inherit"] });
  const words = (name: string): Promise<number[]> =>
    new Promise((resolve) => {
      child.stdout.on("data", function hear(chunk: Buffer) {
        const found = new RegExp(`${name} (\\d+) ?(\\d*)`).exec(String(chunk));
        if (found === null) return;
        child.stdout.off("data", hear);
        resolve(found.slice(1).filter(Boolean).map(Number));
      });
    });
  const say = async (name: string): Promise<number> => {
    const heard = words(name);
    child.stdin.write(`${name}\n`);
    return (await heard)[0]!;
  };
  return { child, ports: await words("ready"), say };
}

function idle(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1" });
    socket.on("error", reject);
    socket.write(
      "GET /prism HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: prism.1\r\n\r\n",
    );
    socket.once("data", () => {
      // The answer to the welcome: `%@`, masked with zeros.
      socket.write(Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x25, 0x40]));
      resolve(socket);
    });
  });
}

/** Heap for each idle connection, in bytes. */
async function weigh({ ports, say }: Running): Promise<number> {
  const [port = 0] = ports;
  const before = await say("heap");
  const sockets = await Promise.all(Array.from({ length: IDLE }, () => idle(port)));
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  const after = await say("heap");
  for (const socket of sockets) socket.destroy();
  return (after - before) / IDLE;
}

/** What was measured, in pairs: with, and without. */
const results = new Map<string, [on: number, off: number][]>();

function note(what: string, pair: [on: number, off: number]): void {
  results.set(what, [...(results.get(what) ?? []), pair]);
}

async function compare({ ports, say }: Running, inFlight: number): Promise<void> {
  const load = { connections: CONNECTIONS, inFlight, body: '{"n":1}' };
  const drivers = [
    await ClosedLoop.open(ports[0]!, prismDialect, load),
    await ClosedLoop.open(ports[1]!, without, load),
  ] as const;
  const turn = async (driver: ClosedLoop): Promise<[rate: number, cpu: number]> => {
    const [spent, count, began] = [await say("cpu"), driver.count, performance.now()];
    driver.go();
    await new Promise((resolve) => setTimeout(resolve, TURN));
    await driver.halt();
    const calls = driver.count - count;
    return [calls / ((performance.now() - began) / 1_000), ((await say("cpu")) - spent) / calls];
  };
  for (let pair = 0; pair < WARM + PAIRS; pair++) {
    const turns: [rate: number, cpu: number][] = [];
    for (const at of pair % 2 === 0 ? [0, 1] : [1, 0]) turns[at] = await turn(drivers[at]!);
    if (pair < WARM) continue;
    const [on, off] = turns as [[number, number], [number, number]];
    note(`CPU, ${inFlight} in flight`, [on[1], off[1]]);
    note(`calls, ${inFlight} in flight`, [on[0], off[0]]);
  }
  for (const driver of drivers) driver.close();
}

for (let round = 0; round < PROCESSES; round++) {
  const server = await start(["both"]);
  for (const inFlight of [1, 16]) await compare(server, inFlight);
  server.child.kill("SIGKILL");
  const heaps: number[] = [];
  for (const args of [[], ["resumeWithin=0"]]) {
    const quiet = await start(args);
    heaps.push(await weigh(quiet));
    quiet.child.kill("SIGKILL");
  }
  note("idle heap", heaps as [number, number]);
}

const median = (all: readonly number[]): number => all.toSorted((a, b) => a - b)[all.length >> 1]!;
const format = (value: number): string => Math.round(value).toLocaleString("en");
const units: ReadonlyMap<string, string> = new Map([
  ["CPU", "ns of the server's time a call"],
  ["calls", "a second, the generator's limits included"],
  ["idle heap", "bytes a connection"],
]);
for (const [what, pairs] of [...results].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
  const ratios = pairs.map(([on, off]) => on / off).toSorted((a, b) => a - b);
  const at = (share: number): string => ratios[Math.floor((ratios.length - 1) * share)]!.toFixed(2);
  const [on, off] = [median(pairs.map(([one]) => one)), median(pairs.map(([, one]) => one))];
  console.log(
    `${what.padEnd(20)} with ${format(on)}, without ${format(off)} ${units.get(what.split(",")[0]!)}: ${at(0.5)}, half of ` +
      `${ratios.length} pairs from ${at(0.25)} to ${at(0.75)}`,
  );
}
