import { inRounds, median, quantile, ratios } from "../harness/rounds.ts";
import type { Effort } from "../harness/section.ts";
import { type Server, startServer } from "../harness/server.ts";
import { label } from "./labels.ts";
import type { System } from "./system.ts";

/** What was measured of one system: samples by what they are of, in the order of the rounds. */
export type Measures = Readonly<Record<string, readonly number[]>>;

/** How many systems run at once where only whether they work is asked. */
const AT_ONCE = 8;

/**
 * Measures systems in turns, each in a process of its own, started anew for each turn.
 *
 * @param systems what is measured
 * @param effort how many rounds; a smoke run goes through all at once, and its figures mean nothing
 * @param measure measures one of them once: the same names each time
 * @throws {Error} One of them failed; the message names it
 */
export async function measureAll(
  systems: readonly System[],
  effort: Effort,
  measure: (system: System, server: Server) => Promise<Readonly<Record<string, number>>>,
): Promise<Map<System, Measures>> {
  const samples = new Map<System, Record<string, number[]>>(systems.map((system) => [system, {}]));
  const once = async (system: System): Promise<number> => {
    let server: Server | undefined;
    try {
      server = await startServer(system);
      const all = samples.get(system)!;
      for (const [name, value] of Object.entries(await measure(system, server))) (all[name] ??= []).push(value);
    } catch (error) {
      throw new Error(`${label(system)} failed`, { cause: error });
    } finally {
      await server?.stop();
    }
    return 0;
  };
  if (effort.smoke) {
    for (let at = 0; at < systems.length; at += AT_ONCE) await Promise.all(systems.slice(at, at + AT_ONCE).map(once));
  } else await inRounds(systems, effort.rounds, once);
  return samples;
}

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

/** A number as tables have it: whole and with separators from 100 on, with so many digits below. */
export function format(value: number, digits = 1): string {
  return Math.abs(value) >= 100 ? whole.format(value) : value.toFixed(digits);
}

/** The median, or a dash where it could not be measured. */
export function formatMedian(samples: readonly number[] | undefined, digits?: number): string {
  return samples === undefined ? "–" : format(median(samples), digits);
}

/** The median of the ratios within each round, and between what half of them lie. */
export function formatRatio(samples: readonly number[] | undefined, beside: readonly number[] | undefined): string {
  if (samples === undefined || beside === undefined) return "–";
  const all = ratios(samples, beside);
  return `${median(all).toFixed(2)} (${quantile(all, 0.25).toFixed(2)}–${quantile(all, 0.75).toFixed(2)})`;
}

/** Finds the system of that name on the same Node; for what runs on Bun and Deno, on the newer Node. */
export function besideOn(systems: readonly System[], name: string, { runtime }: System): System {
  const wanted = runtime === "node20" ? "node20" : "nodeCurrent";
  const found = systems.find((one) => one.name === name && one.runtime === wanted && one.schema !== true);
  if (found === undefined) throw new Error(`There is no ${name} on ${wanted}`);
  return found;
}
