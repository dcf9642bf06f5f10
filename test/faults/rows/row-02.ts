import { lastingPort } from "../../support/ports.ts";
import type { RuntimeName } from "../../support/runtimes.ts";
import type { Node } from "../scene.ts";
import { type Lineup, type Row, toRuntime } from "../verdict.ts";

const sizes = {
  short: { connections: 50, deploys: 2, renewed: 1 },
  long: { connections: 100, deploys: 20, renewed: 7 },
};

/** Messages a second, each way on each connection. */
const RATE = 10;
/** How long a node may take to go, in ms. */
const DRAIN = 4_000;
/** How long calls take that are under way when a node is told to go, in ms. */
const CALL = 300;
/** The longest that anybody may have to wait for a message, in ms. */
const GAP = 1_000;

const turns: readonly RuntimeName[] = ["node20", "bun", "deno", "nodeCurrent"];
const runtimeOf = (lineup: Lineup, started: number): RuntimeName =>
  lineup === "mixed" ? turns[started % turns.length]! : toRuntime(lineup);

/** Row 2: two nodes behind a load balancer, each told to go in turn, and its successor started in its place. */
export const row02: Row = {
  number: 2,
  title: "rolling deploy",
  lineups: ["mixed", "node20", "nodeCurrent", "bun", "deno"],
  tested: ["mixed"],
  async run({ scene, lineup, size, verdict }) {
    const { connections, deploys, renewed } = sizes[size];
    const redis = await scene.redis();
    const ports = [await lastingPort(), await lastingPort()];
    let started = 0;
    const start = (place: number, release: "first" | "second" = "first"): Promise<Node> => {
      const name = `n${started}`;
      const runtime = runtimeOf(lineup, started++);
      return scene.node(runtime, { name, port: ports[place]!, handover: redis.url, drain: DRAIN, release });
    };
    const nodes = [await start(0), await start(1)];
    const haproxy = await scene.haproxy({ backends: ports });
    const load = await scene.load({ url: haproxy.url, name: "c", connections, rate: RATE });

    let handedOver = 0;
    const drains: number[] = [];
    for (let deploy = 1; deploy <= deploys; deploy++) {
      for (const place of [0, 1]) {
        await load.until("received", ">=", connections * RATE * deploy);
        const old = nodes[place]!;
        const calls = load.ask<string[]>("slow", CALL);
        // A round trip behind them: they are under way.
        await load.ask("sessions");
        const errors = (await old.state()).errors;
        const began = performance.now();
        old.signal("SIGTERM");
        const who = `${old.process.name} in deploy ${deploy}`;
        verdict.same(`the exit of ${who}`, await old.process.exited, 0);
        drains.push(Math.round(performance.now() - began));
        verdict.same(`what ${who} wrote`, [...errors, old.process.errors()], [""]);
        const answers = await calls;
        verdict.same(`calls that failed`, answers.filter((one) => !/^n\d+$/.test(one)).slice(0, 3), []);
        await haproxy.until(place, "DOWN");
        nodes[place] = await start(place, deploy === renewed ? "second" : "first");
        await haproxy.until(place, "UP");
      }
    }
    await load.until("open", "=", connections);
    const report = await load.finish();
    for (const node of nodes) {
      const { errors, unparked, stray } = await node.state();
      handedOver += unparked;
      verdict.same("errors and strays of a node", [errors, stray], [[], 0]);
    }

    verdict.whole(report.totals);
    verdict.same("resets and closings", [report.reset, report.closed], [0, 0]);
    verdict.same("errors", report.errors, []);
    verdict.most("ms without a message", Math.max(report.gaps.down, report.gaps.up), GAP);
    verdict.most("ms until a node was gone", Math.max(...drains), DRAIN + 1_000);
    verdict.outages = report.outages;
    verdict.cuts = drains.length;
    verdict.notes.push(
      `longest gap ${report.gaps.down} ms down, ${report.gaps.up} ms up; a connection was on up to ${report.nodes} nodes; ` +
        `${report.resumed} resumed, ${handedOver} handed over to the last two; drained in ${drains.join(", ")} ms`,
    );
  },
};
