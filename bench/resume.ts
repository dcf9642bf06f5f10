/*
 * What it costs that connections outlive their sockets: the same server with and without, in turns, so that a noisy
 * machine is noisy for both. `npm run bench:resume`.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { connect, type Socket } from "node:net";
import { echoProtocol } from "./echo-protocol.ts";
import { drive, type Protocol } from "./load.ts";

/** As many as it takes for the middle of them to be worth something on a machine that others use, too. */
const ROUNDS = 15;
/** Memory is the same each time. */
const HEAP_ROUNDS = 3;
const IDLE = 2_000;
const without: Protocol = { ...echoProtocol, acknowledge: undefined };
const systems = [
  { name: "with", args: [] as string[], protocol: echoProtocol },
  { name: "without", args: ["resumeWithin=0"], protocol: without },
];

interface Running {
  readonly child: ChildProcess;
  readonly port: number;
  say(word: string): Promise<number>;
}

async function start(args: readonly string[]): Promise<Running> {
  const path = new URL("./servers/prism.ts", import.meta.url).pathname;
  const node = [process.execPath, "--expose-gc", "--import", "tsx", path, ...args];
  const child = spawn("taskset", ["-c", "0", ...node], { stdio: ["pipe", "pipe", "inherit"] });
  const word = (name: string): Promise<number> =>
    new Promise((resolve) => {
      child.stdout.on("data", function hear(chunk: Buffer) {
        const found = new RegExp(`${name} (\\d+)`).exec(String(chunk))?.[1];
        if (found === undefined) return;
        child.stdout.off("data", hear);
        resolve(Number(found));
      });
    });
  const say = (name: string): Promise<number> => {
    const heard = word(name);
    child.stdin.write(`${name}\n`);
    return heard;
  };
  return { child, port: await word("ready"), say };
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
async function weigh({ port, say }: Running): Promise<number> {
  const before = await say("heap");
  const sockets = await Promise.all(Array.from({ length: IDLE }, () => idle(port)));
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  const after = await say("heap");
  for (const socket of sockets) socket.destroy();
  return (after - before) / IDLE;
}

function median(all: readonly number[]): number {
  return all.toSorted((a, b) => a - b)[all.length >> 1]!;
}

const results = new Map<string, number[]>();
for (let round = 0; round < ROUNDS; round++) {
  for (const { name, args, protocol } of round % 2 === 0 ? systems : systems.toReversed()) {
    const note = (what: string, value: number): void => {
      const key = `${what}, ${name}`;
      results.set(key, [...(results.get(key) ?? []), value]);
    };
    const server = await start(args);
    try {
      for (const inFlight of [1, 16]) {
        const meter = (): Promise<number> => server.say("cpu");
        const load = { connections: 64, inFlight, seconds: 2, meter };
        const { rate, metered } = await drive(server.port, protocol, load);
        note(`${inFlight} in flight`, rate);
        note(`CPU, ${inFlight} in flight`, metered);
      }
    } finally {
      server.child.kill("SIGKILL");
    }
    if (round >= HEAP_ROUNDS) continue;
    const quiet = await start(args);
    try {
      note("idle heap", await weigh(quiet));
    } finally {
      quiet.child.kill("SIGKILL");
    }
  }
}
const units: ReadonlyMap<string, string> = new Map([
  ["1 in flight", "calls a second, the generator's limits included"],
  ["16 in flight", "calls a second, the generator's limits included"],
  ["CPU, 1 in flight", "ns of the server's time a call"],
  ["CPU, 16 in flight", "ns of the server's time a call"],
  ["idle heap", "bytes a connection"],
]);
const format = (value: number): string => Math.round(value).toLocaleString("en");
for (const [what, unit] of units) {
  const [on, off] = [results.get(`${what}, with`)!, results.get(`${what}, without`)!];
  // Of the two of a round, which met the same weather.
  const ratios = on.map((value, round) => value / off[round]!).toSorted((a, b) => a - b);
  const at = (share: number): string => ratios[Math.floor((ratios.length - 1) * share)]!.toFixed(2);
  console.log(
    `${what.padEnd(18)} with ${format(median(on))}, without ${format(median(off))} ${unit}: ${at(0.5)}, ` +
      `half of ${ratios.length} rounds from ${at(0.25)} to ${at(0.75)}`,
  );
}
