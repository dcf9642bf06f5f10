/*
 * A client that calls, and calls again a few milliseconds after its answer, in a process of its own: what happens to those
 * who are there while others come. Arguments: the port, and the name of the dialect. Asked for its `longest`, it says how
 * long it has waited at most since it was last asked, in µs.
 */
import process from "node:process";
import { Client, Known } from "./client.ts";
import { bare, type Dialect, prism, socketIo, toFrame } from "./dialect.ts";

const PAUSE = 3;
const dialects: Readonly<Record<string, Dialect>> = { bare, prism, socketIo };
const [port, name = ""] = process.argv.slice(2);
const dialect = dialects[name]!;
const known = new Known(dialect.separator);
known.learn(dialect.reply);
const client = new Client({ port: Number(port), dialect, room: false, place: 0, known });
await client.entered;

const frame = toFrame(dialect.call);
let longest = 0;
let asked = 0;
const ask = (): void => {
  asked = performance.now();
  client.socket.write(frame);
};
client.onunits = () => {
  longest = Math.max(longest, performance.now() - asked);
  setTimeout(ask, PAUSE);
};
process.stdin.on("data", () => {
  // One that still waits has waited, too.
  const now = client.received === 0 ? NaN : Math.max(longest, performance.now() - asked - PAUSE);
  console.log(`longest ${Math.round(now * 1_000)}`);
  longest = 0;
});
ask();
console.log("ready 0");
