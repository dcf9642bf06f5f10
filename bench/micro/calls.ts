import * as v from "valibot";
import { prism } from "../../mod.ts";
import type { PrismOptions } from "../../src/server/options.ts";
import { procedure, rpc } from "../../src/services/rpc/server.ts";
import { writeNumber } from "../../src/wire/numbers.ts";
import { enter, HandClock, type Line } from "./line.ts";
import { must, type Step, TOGETHER } from "./step.ts";

const Value = v.object({ n: v.number() });

/** The same procedures for every step, in their order on the wire. */
const procedures = {
  echo: procedure(Value, (value) => value),
  ping: procedure(() => true),
  whoami: procedure(({ session }) => (session.data as { user?: string }).user ?? "nobody"),
  login: procedure(async ({ session }) => {
    (session.data as { user?: string }).user = "Ada";
    await session.save();
    return true;
  }),
};
/** After so many frames a client acknowledges. */
const AS_CLIENTS_DO = 64;

export type Procedure = keyof typeof procedures;
const places = Object.keys(procedures);

/** A connection to an app of its own. */
export interface Caller {
  readonly line: Line;
  readonly clock: HandClock;
}

/** Opens an app of its own and a connection to it. */
export async function createCaller(options: PrismOptions): Promise<Caller> {
  const clock = new HandClock();
  const app = prism({ ...options, clock }).service("it", rpc(procedures));
  return { line: await enter(app, clock), clock };
}

/** A packet of so many calls. */
export function writeCalls(procedure: Procedure, count: number, input: (at: number) => string = () => ""): string {
  const place = writeNumber(places.indexOf(procedure));
  return Array.from({ length: count }, (_, id) => `?@${writeNumber(id)}${place}${input(id)}`).join("\x1e");
}

/** Lets what takes promises come to its end. */
export async function settle({ line, clock }: Caller, frames: number): Promise<void> {
  for (let i = 0; line.frames < frames; i++) {
    must(i < 1_000, `${frames - line.frames} replies are missing`);
    clock.turn();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Calls that come in one packet and are answered in one turn, through the whole server; a client acknowledges, too. */
export function calling(name: string, caller: Caller, packet: string): Step {
  const { line, clock } = caller;
  return {
    name,
    operations: TOGETHER,
    run() {
      const { frames, writes } = line;
      line.receive(packet);
      clock.turn();
      must(line.frames === frames + TOGETHER && line.writes === writes + 1, "Not all were answered at once");
      line.acknowledge(AS_CLIENTS_DO);
    },
  };
}

/** The same where answers take promises. */
export function callingLate(name: string, caller: Caller, packet: string): Step {
  const { line } = caller;
  return {
    name,
    operations: TOGETHER,
    async run() {
      const frames = line.frames + TOGETHER;
      line.receive(packet);
      await settle(caller, frames);
      line.acknowledge(AS_CLIENTS_DO);
    },
  };
}
