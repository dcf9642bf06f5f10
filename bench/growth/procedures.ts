import { writeNumber } from "../../src/wire/numbers.ts";
import { Crowd } from "../crowd/crowd.ts";
import { prism } from "../crowd/dialect.ts";
import { median } from "../harness/rounds.ts";
import { startServer } from "../harness/server.ts";

const CALLERS = 64;
/** How often calls of one procedure and calls of all take turns, so that a noisy machine is noisy for both. */
const TURNS = 5;

/** What calls cost in an app of so many procedures. */
export interface ProcedureCosts {
  /** Time of the server's for each call of one and the same procedure, in ns. */
  readonly one: number;
  /** The same where calls go to all of them in turn. */
  readonly all: number;
  /** Time to make and register each procedure, in ns, when the app starts. */
  readonly registration: number;
  /** How long the welcome is that names them, in characters. */
  readonly welcome: number;
}

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Measures calls in an app of services.
 *
 * @param services how many
 * @param procedures how many each of them has
 * @param duration how long each measurement takes, in ms
 */
export async function measureProcedures(
  services: number,
  procedures: number,
  duration: number,
): Promise<ProcedureCosts> {
  const args = [`services=${services}`, `procedures=${procedures}`];
  const server = await startServer({ runtime: "node20", file: "servers/growth.ts", args });
  const crowd = new Crowd(server.port, prism, false);
  try {
    await crowd.grow(CALLERS);
    const calls = Array.from({ length: services * procedures }, (_, i) => {
      // Service 0 is the channels'.
      const service = writeNumber(1 + (i % services));
      return `?${service}@${writeNumber(Math.floor(i / services))}{"n":1}`;
    });
    const measure = async (some: readonly string[]): Promise<number> => {
      const stop = crowd.call(some);
      await wait(duration / 8);
      const [cpu, received] = [await server.ask("cpu"), crowd.received];
      await wait(duration / TURNS);
      const cost = ((await server.ask("cpu")) - cpu) / (crowd.received - received);
      await stop();
      return cost;
    };
    const stop = crowd.call(calls);
    await wait(duration);
    await stop();
    const [one, all]: [number[], number[]] = [[], []];
    for (let turn = 0; turn < TURNS; turn++) {
      one.push(await measure(calls.slice(-1)));
      all.push(await measure(calls));
    }
    const registration = (await server.ask("registered")) / (services * procedures);
    return { one: median(one), all: median(all), registration, welcome: crowd.clients[0]!.opening.indexOf("\n") };
  } finally {
    crowd.close();
    await server.stop();
  }
}
