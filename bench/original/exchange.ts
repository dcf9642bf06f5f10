/*
 * One of the original's workloads, in a process of its own: so many messages through a client and an app that are joined in
 * memory, one count after another. Arguments: the workload, the messages of a count, the counts. The last line is the
 * messages a second of each count, the first of them cold.
 */
import * as v from "valibot";
import { defineService, prism } from "../../mod.ts";
import { serverClock } from "../../src/server/clock.ts";
import { createSocketPair } from "../../src/socket/pair.ts";
import { connectInMemory } from "../../src/testing/testing.ts";

/** How many are under way at once: as many as a server takes calls of one client. */
const UNDER_WAY = 1_000;
const TEXT = "Hello, world";
const VALUE = { text: TEXT, n: 1 };

const session = { secret: "s".repeat(32) };

interface Pump {
  /** Sends one message; what comes back for it is told to `back`. */
  send(): void;
  back: (reply: unknown) => void;
  readonly right: (reply: unknown) => boolean;
}

const isText = (reply: unknown): boolean => reply === TEXT;

const isValue = (reply: unknown): boolean => {
  const { text, n } = reply as typeof VALUE;
  return text === TEXT && n === 1;
};

/** What the carrier alone can do: the two sockets that are joined in memory, without a Prism at either end. */
async function sockets(): Promise<Pump> {
  const [near, far] = createSocketPair(serverClock);
  far.onmessage = (data) => far.send(data);
  const pump: Pump = { send: () => near.send(TEXT), back: () => {}, right: isText };
  near.onmessage = (data) => pump.back(data);
  return pump;
}

async function text(): Promise<Pump> {
  const echo = defineService({
    kind: "echo",
    codec: "text",
    client: (host) => host,
    server: (host) => host.onmessage((body, { connection }) => host.send(connection, body)),
  });
  const client = connectInMemory(prism({ session }).service("echo", echo), { services: { echo } });
  await client.connection.opened;
  const pump: Pump = { send: () => client.echo.send(TEXT), back: () => {}, right: isText };
  client.echo.onmessage((body) => pump.back(body));
  return pump;
}

async function json(): Promise<Pump> {
  const up = v.object({ text: v.string(), n: v.number() });
  const echo = defineService({
    kind: "echo",
    up,
    down: up,
    client: (host) => host,
    server: (host) => host.onmessage((body, { connection }) => host.send(connection, body)),
  });
  const client = connectInMemory(prism({ session }).service("echo", echo), { services: { echo } });
  await client.connection.opened;
  const pump: Pump = { send: () => client.echo.send(VALUE), back: () => {}, right: isValue };
  client.echo.onmessage((body) => pump.back(body));
  return pump;
}

async function callbacks(): Promise<Pump> {
  const echo = defineService({
    kind: "echo",
    codec: "text",
    client: (host) => host,
    server: (host) => host.oncall((body) => body),
  });
  const client = connectInMemory(prism({ session }).service("echo", echo), { services: { echo } });
  await client.connection.opened;
  const fail = (error: unknown): void => {
    throw error;
  };
  const pump: Pump = {
    send: () => void client.echo.call(TEXT).then((reply) => pump.back(reply), fail),
    back: () => {},
    right: isText,
  };
  return pump;
}

async function sessions(): Promise<Pump> {
  const echo = defineService.with<{ session: { text?: string } }>()({
    kind: "echo",
    codec: "text",
    client: (host) => host,
    // The first is kept, and all are answered with what is kept.
    server: (host) =>
      host.onmessage((body, { connection, session }) => {
        session.data.text ??= body;
        host.send(connection, session.data.text);
      }),
  });
  const client = connectInMemory(prism<{ session: { text?: string } }>({ session }).service("echo", echo), {
    services: { echo },
  });
  await client.connection.opened;
  const pump: Pump = { send: () => client.echo.send(TEXT), back: () => {}, right: isText };
  client.echo.onmessage((body) => pump.back(body));
  return pump;
}

/** Sends so many, never more than `UNDER_WAY` ahead of what came back; resolves with the messages a second. */
function count(pump: Pump, messages: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const began = performance.now();
    let sent = 0;
    let back = 0;
    pump.back = (reply) => {
      if (!pump.right(reply)) reject(new Error(`Wrong reply ${JSON.stringify(reply)}`));
      back++;
      if (sent < messages) {
        sent++;
        pump.send();
      } else if (back === messages) resolve((messages / (performance.now() - began)) * 1_000);
    };
    for (; sent < Math.min(UNDER_WAY, messages); sent++) pump.send();
  });
}

const pumps: Readonly<Record<string, () => Promise<Pump>>> = { sockets, text, json, callbacks, sessions };
const [name = "", messages = "100000", counts = "5"] = process.argv.slice(2);
const start = pumps[name];
if (start === undefined) throw new Error(`No workload ${name}`);
// Between counts nothing waits that would keep a process alive.
const alive = setInterval(() => {}, 1_000);
const pump = await start();
const rates: number[] = [];
for (let i = 0; i < Number(counts); i++) rates.push(await count(pump, Number(messages)));
clearInterval(alive);
console.log(JSON.stringify(rates));
process.exit(0);
