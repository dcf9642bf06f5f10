// Counts what a message makes on the server's heap, from the socket and back; test/bench/allocation.test.ts says what it may.
import process from "node:process";
import { countBytes } from "./allocation.ts";
import { enter, HandClock, type Line } from "./line.ts";
import { must, type Step, TOGETHER } from "./step.ts";
import { prism } from "../../mod.ts";
import type { Middleware } from "../../src/service/middleware.ts";
import type { StandardSchema } from "../../src/service/schema.ts";
import { defineService } from "../../src/service/service.ts";
import { procedure, rpc } from "../../src/services/rpc/server.ts";
import { writeNumber } from "../../src/wire/numbers.ts";

/** What it makes is its own, and not a library's. */
const schema: StandardSchema<{ n: number }> = {
  "~standard": { version: 1, vendor: "none", validate: (value) => ({ value: value as { n: number } }) },
};
/** Makes an object for each message that it sees: what the count must notice. */
let last: unknown;
const careless: Middleware = (inbound, next) => {
  last = { body: inbound.body };
  return next(inbound);
};

/** Calls that come in one packet and are answered in one turn. */
async function call(planted: boolean): Promise<Step> {
  const clock = new HandClock();
  const app = prism({ clock, session: false })
    .use(planted ? careless : (inbound, next) => next(inbound))
    .service("it", rpc({ echo: procedure(schema, (value) => value) }));
  const line = await enter(app, clock);
  const packet = Array.from({ length: TOGETHER }, (_, id) => `?@${writeNumber(id)}@{"n":${id}}`).join("\x1e");
  return {
    name: "a call",
    operations: TOGETHER,
    run() {
      const { frames, writes } = line;
      line.receive(packet);
      clock.turn();
      must(line.frames === frames + TOGETHER && line.writes === writes + 1, "Not all were answered at once");
      line.acknowledge(64);
    },
  };
}

/** A message of one connection that goes to many. */
async function delivery(planted: boolean): Promise<Step> {
  const many = 64;
  const clock = new HandClock();
  const room = defineService({
    kind: "room",
    codec: "text",
    client: () => ({}),
    server: (host) => host.onmessage((body) => host.broadcast(body)),
  });
  const app = prism({ clock, session: false }).service("it", room);
  const lines: Line[] = [];
  while (lines.length < many) lines.push(await enter(app, clock));
  if (planted) for (const line of lines) sendCarelessly(line);
  let sent = 0;
  return {
    name: "a delivery",
    operations: many,
    run() {
      lines[0]!.receive("@twenty bytes of text");
      clock.turn();
      sent++;
      for (const line of lines) {
        must(line.frames === sent, "Not all were sent it");
        line.acknowledge(64);
      }
    },
  };
}

function sendCarelessly(line: Line): void {
  const send = line.send.bind(line);
  line.send = (data, more) => {
    last = { body: data };
    send(data, more);
  };
}

async function main([what, chain]: readonly string[]): Promise<void> {
  const planted = chain === "planted";
  const step = await (what === "call" ? call(planted) : delivery(planted));
  const bytes = await countBytes(step, 500);
  must(planted === (last !== undefined), "Nothing was planted, or something was");
  console.log(JSON.stringify({ bytes }));
}

void main(process.argv.slice(2));
