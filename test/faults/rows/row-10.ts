import { lastingPort } from "../../support/ports.ts";
import { type Row, spread, toRuntime } from "../verdict.ts";

const sizes = { short: { connections: 1_000, crashes: 1 }, long: { connections: 5_000, crashes: 3 } };

/** The longest that the event loop may be busy at a stretch, in ms. */
const STALL = 100;
/** No more than this share may come back within any tenth of a second. */
const CROWD = 0.4;

/** The largest share of times that lie within so many ms. */
function crowd(times: readonly number[], ms: number): number {
  let [most, first] = [0, 0];
  times.forEach((time, last) => {
    while (time - times[first]! > ms) first++;
    most = Math.max(most, last - first + 1);
  });
  return most / times.length;
}

/** Row 10: thousands come at once; then the server is killed, and all of them come back. */
export const row10: Row = {
  number: 10,
  title: "connect storm and herd",
  lineups: ["node20", "nodeCurrent", "bun", "deno"],
  async run({ scene, lineup, size, verdict }) {
    const { connections, crashes } = sizes[size];
    const options = { name: "n", port: await lastingPort() };
    let node = await scene.node(toRuntime(lineup), options);
    const bystander = await scene.bystander(node.url);
    const quiet = await bystander.report();
    await node.stall();

    const load = await scene.load({ url: node.url, name: "c", connections, rate: 0, idle: true, storm: true });
    const busy = await bystander.report();
    verdict.same("open after the storm", (await load.state()).open, connections);
    verdict.same("what befell the bystander", busy.events, []);
    verdict.most("the bystander's p99", busy.p99, Math.max(2 * quiet.p99, 20));
    verdict.most("ms of a stall in the storm", await node.stall(), STALL);
    verdict.notes.push(`${connections} in ${load.ready.seconds} s; bystander p99 ${quiet.p99} to ${busy.p99} ms`);

    for (let crash = 1; crash <= crashes; crash++) {
      await load.events();
      node.signal("SIGKILL");
      await node.process.exited;
      node = await scene.node(toRuntime(lineup), options);
      const back = await load.until("reset", "=", connections * crash, 60_000);
      verdict.same("back after a crash", [back.reset, back.open], [connections * crash, connections]);
      const times = (await load.events()).filter(({ name }) => name === "reset").map(({ at }) => at);
      verdict.most("% of them within 100 ms", crowd(times, 100) * 100, CROWD * 100);
      verdict.most("ms of a stall in the herd", await node.stall(), STALL);
      const took = times.map((time) => Math.round(time - times[0]!));
      verdict.notes.push(`herd: half within ${spread(took).replace("/", " ms, all within ")} ms of the first`);
    }
    const own = await scene.bystander(node.url);
    verdict.same("what befell a bystander afterwards", (await own.report()).events, []);
    const { closed, outages, errors } = await load.finish();
    verdict.same("closed", closed, 0);
    verdict.same("errors", [...errors, ...(await node.state()).errors], []);
    verdict.outages = outages;
  },
};
