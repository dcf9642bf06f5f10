import { Crowd } from "../crowd/crowd.ts";
import { type CrowdSystem, startCrowdServer } from "../crowd/systems.ts";
import type { Server } from "../harness/server.ts";

/** What so many connections cost. */
export interface ConnectionCosts {
  /** Bytes on the heap for each that is idle. */
  readonly memory: number;
  /** Time of the server's for each call, in ns, where each has one under way. */
  readonly call: number;
  /** Time of the server's for each delivery of a publication that goes to all, in ns, where one is under way. */
  readonly delivery: number;
}

/** Connections that there are before. */
const WARM = 200;

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** The server's time for each unit that a crowd receives, in ns. */
async function costOf(server: Server, crowd: Crowd, duration: number): Promise<number> {
  await wait(duration / 4);
  const [cpu, received] = [await server.ask("cpu"), crowd.received];
  await wait(duration);
  return ((await server.ask("cpu")) - cpu) / (crowd.received - received);
}

/**
 * Measures what connections cost, as there are more and more of them.
 *
 * @param system what they are connected to
 * @param sizes how many, upwards
 * @param duration how long each measurement takes, in ms
 * @returns the costs at each size
 */
export async function measureConnections(
  system: CrowdSystem,
  sizes: readonly number[],
  duration: number,
): Promise<ConnectionCosts[]> {
  const costs: { memory: number; call: number; delivery: number }[] = [];
  const plain = await startCrowdServer(system, false);
  const callers = new Crowd(plain.port, system.dialect, false);
  const others = new Crowd(plain.port, system.dialect, false);
  try {
    // What is compiled and made once is not the connections'. They stay, since what is let go would be missing below.
    await others.grow(WARM);
    const end = others.call();
    await wait(duration);
    await end();
    await wait(duration / 2);
    const before = await plain.ask("heap");
    for (const size of sizes) {
      await callers.grow(size);
      // Answers to the welcome are on their way.
      await wait(200);
      const memory = ((await plain.ask("heap")) - before) / size;
      const stop = callers.call();
      const call = await costOf(plain, callers, duration);
      await stop();
      costs.push({ memory, call, delivery: NaN });
    }
  } finally {
    callers.close();
    others.close();
    await plain.stop();
  }
  const server = await startCrowdServer(system, true);
  const room = new Crowd(server.port, system.dialect, true);
  try {
    for (const [i, size] of sizes.entries()) {
      await room.grow(size);
      const stop = await room.publish(1);
      if (i === 0) await wait(duration * 0.75);
      costs[i]!.delivery = await costOf(server, room, duration);
      await stop();
    }
  } finally {
    room.close();
    await server.stop();
  }
  return costs;
}
