import { DONE } from "../../src/wire/close-codes.ts";
import type { World } from "./world.ts";

/** Shows a server a token that its client has spent: that must be good for nothing. */
export async function steal(world: World, b: number, c: number): Promise<void> {
  const known = [...world.wiretap.all.values()].filter(({ spent }) => spent.length > 0);
  const victim = known[Math.floor(b * known.length)];
  if (victim === undefined || world.open.length === 0) return;
  const server = world.open[Math.floor(c * world.open.length)]!;
  const token = victim.spent[Math.floor(c * victim.spent.length)]!;
  const { taken } = victim.down;
  try {
    const offers = ["prism.1", `prism.resume.${token}.${taken}`];
    const near = await world.knock(server, offers, "thief", ({ wired }) => {
      if (wired === victim) world.fail(`${victim.id} is resumed with a token that is spent`);
      near.close(DONE);
    });
  } catch {
    // A server that goes away lets nobody in.
  }
}
