import { Crowd } from "../crowd/crowd.ts";
import { type CrowdSystem, startCrowdServer, systems as all } from "../crowd/systems.ts";
import { inRounds, median, quantile, ratios } from "../harness/rounds.ts";
import type { Table, Workload } from "../harness/section.ts";
import { toSamples } from "../report/systems.ts";

const { socketIoNode20: peer } = all;
const systems: readonly CrowdSystem[] = [
  all.prismNode20,
  all.prismNode26,
  all.prismBun,
  all.prismDeno,
  all.wsNode20,
  all.wsCorkedNode20,
  all.tcpNode20,
  all.plainBun,
  peer,
  all.socketIoNode26,
  all.crossws,
];
const IN_FLIGHT = [1, 16] as const;
/** Turns of each system at most: thousands take long to come in. */
const ROUNDS = 3;

/** One measurement. */
interface Fanned {
  readonly subscribers: number;
  readonly inFlight: number;
  /** Deliveries a second. */
  readonly rate: number;
  /** The server's time for each, in ns. */
  readonly cpu: number;
  /** The generator's time for each, in ns. */
  readonly load: number;
}

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const format = (value: number): string => Math.round(value).toLocaleString("en");

async function measure(system: CrowdSystem, sizes: readonly number[], duration: number): Promise<Fanned[]> {
  const server = await startCrowdServer(system, true);
  const crowd = new Crowd(server.port, system.dialect, true);
  const measured: Fanned[] = [];
  try {
    for (const subscribers of sizes) {
      await crowd.grow(subscribers);
      for (const inFlight of IN_FLIGHT) {
        const stop = await crowd.publish(inFlight);
        await wait(measured.length === 0 ? duration / 2 : duration / 4);
        const [cpu, load, received, began] = [server.cpu(), process.cpuUsage(), crowd.received, performance.now()];
        await wait(duration);
        const deliveries = crowd.received - received;
        const seconds = (performance.now() - began) / 1_000;
        const { user, system: kernel } = process.cpuUsage(load);
        measured.push({
          subscribers,
          inFlight,
          rate: deliveries / seconds,
          cpu: ((server.cpu() - cpu) * 1_000_000) / deliveries,
          load: ((user + kernel) * 1_000) / deliveries,
        });
        await stop();
      }
    }
  } finally {
    crowd.close();
    await server.stop();
  }
  return measured;
}

/** Publications to many: how many deliveries a second, beside what the platforms and peers do. */
export const workload: Workload = {
  id: "fan-out",
  async run({ rounds, duration, smoke }) {
    const sizes = smoke ? [10] : [100, 1_000, 10_000];
    const samples = await inRounds(systems, Math.min(rounds, ROUNDS), (system) => measure(system, sizes, duration / 2));
    const tables = sizes.flatMap((subscribers) =>
      IN_FLIGHT.map((inFlight): Table => {
        const of = (system: CrowdSystem, key: "rate" | "cpu" | "load"): number[] =>
          samples
            .get(system)!
            .map((round) => round.find((one) => one.subscribers === subscribers && one.inFlight === inFlight)![key]);
        return {
          caption: `${format(subscribers)} subscribers, ${inFlight === 1 ? "one publication" : `${inFlight} publications`} in flight`,
          columns: ["", "deliveries a second", "from, to", "beside Socket.IO", "CPU, ns each", "generator's, ns each"],
          rows: systems.map((system) => {
            const rates = of(system, "rate");
            const beside = ratios(rates, of(peer, "rate"));
            return [
              system.name,
              format(median(rates)),
              `${format(quantile(rates, 0))} to ${format(quantile(rates, 1))}`,
              `${median(beside).toFixed(2)} (${quantile(beside, 0).toFixed(2)} to ${quantile(beside, 1).toFixed(2)})`,
              format(median(of(system, "cpu"))),
              format(median(of(system, "load"))),
            ];
          }),
          data: {
            // A smoke run stands for the whole one.
            subscribers: smoke ? 1_000 : subscribers,
            inFlight,
            rates: toSamples(systems.map((system) => [system.name, of(system, "rate")])),
            x: systems.map(({ name }) => name),
            y: systems.map((system) => median(of(system, "rate"))),
          },
        };
      }),
    );
    return {
      title: "Fan-out",
      text:
        "Everybody is in one room, the publisher included; it keeps so many publications of 18 characters in flight, and publishes the next " +
        "when its own has come to it. Every byte is compared with what is due, and when it is over all subscribers have " +
        "been sent exactly as many as were published, or the run fails. Prism validates each publication with a schema, " +
        "counts it for each subscriber, and keeps it until it is acknowledged; the controls do none of it. With one in flight a " +
        "delivery is a packet in all systems. With 16, Prism joins what goes to a subscriber in one turn into one packet, and the " +
        "corked control writes it at one go, as Bun's own publish does: this is what batching alone gains. `TCP alone` knows no " +
        "WebSocket: it writes to each subscriber, at one go, bytes that are there already, and is sent nothing by any of them. No server on " +
        "Node can do less, so where Socket.IO writes once for each delivery, the most that 16 at one go can be ahead of it stands there. Where " +
        "the generator's time for a delivery comes near the server's, the server could do more.",
      tables,
    };
  },
};
