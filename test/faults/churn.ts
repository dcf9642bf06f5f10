/** Comes and goes: connections that end in each of the ways in which connections end, as fast as it can. */
import { Buffer } from "node:buffer";
import { connect, type Socket } from "node:net";
import process from "node:process";
import { upgradeRequest } from "../adapters/raw-client.ts";
import { text } from "../hostile/enemy.ts";
import { answerCommands } from "./commands.ts";

export interface ChurnOptions {
  readonly port: number;
  /** How many at a time. */
  readonly parallel: number;
}

/** How many went in which way. */
export type Ways = Readonly<Record<(typeof ways)[number], number>>;

const ways = ["closed", "cut", "reset", "resumed", "cut before the welcome was answered"] as const;

const { port, parallel } = JSON.parse(process.argv[2]!) as ChurnOptions;
const goodbye = Buffer.from([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8]);
const hello = text("%@");

/** Comes, up to the welcome: its token, and its cookie. */
function come(offer: string, cookie: string): Promise<{ tcp: Socket; token: string; cookie: string }> {
  return new Promise((resolve, reject) => {
    // A new address now and then: each has ports of its own to close.
    const localAddress = `127.0.0.${2 + (++came % 200)}`;
    const tcp = connect({ port, host: "127.0.0.1", localAddress, noDelay: true });
    let got = "";
    tcp.setEncoding("latin1").on("data", (chunk: string) => {
      if (got === "done") return;
      got += chunk;
      const token = /"resume":"([\w-]+)"/.exec(got)?.[1];
      if (token === undefined || !got.endsWith("}")) return;
      const own = /^set-cookie: ([^;]*)/im.exec(got)?.[1];
      got = "done";
      resolve({ tcp, token, cookie: own ?? cookie });
    });
    tcp.once("error", reject).once("close", () => reject(new Error(`No welcome but ${got.slice(0, 200)}`)));
    const headers = [`Sec-WebSocket-Protocol: prism.1${offer}`];
    if (cookie !== "") headers.push(`Cookie: ${cookie}`);
    tcp.write(upgradeRequest({ target: "/prism", headers }));
  });
}

let came = 0;

async function cycle(way: (typeof ways)[number]): Promise<void> {
  let { tcp, token, cookie } = await come("", "");
  if (way !== "cut before the welcome was answered") tcp.write(hello);
  if (way === "resumed") {
    tcp.destroy();
    ({ tcp, token } = await come(`, prism.resume.${token}.0`, cookie));
    tcp.write(hello);
  }
  tcp.on("error", () => {});
  const closed = new Promise((resolve) => tcp.once("close", resolve));
  if (way === "closed" || way === "resumed") tcp.end(goodbye);
  else if (way === "reset") tcp.resetAndDestroy();
  else tcp.end();
  await closed;
}

/** As many as are asked for. */
async function run(total: number): Promise<Ways> {
  const counts = Object.fromEntries(ways.map((way) => [way, 0])) as Record<(typeof ways)[number], number>;
  let started = 0;
  const worker = async (): Promise<void> => {
    while (started < total) {
      const way = ways[started++ % ways.length]!;
      await cycle(way);
      counts[way]++;
    }
  };
  await Promise.all(Array.from({ length: parallel }, worker));
  return counts;
}

answerCommands({ run: (total) => run(Number(total)), end: () => process.stdin.destroy() });
console.log("ready {}");
