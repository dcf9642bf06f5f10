import { type CrowdSystem, systems } from "../crowd/systems.ts";
import { type ChannelCosts, measureChannels } from "../growth/channels.ts";
import { type ConnectionCosts, measureConnections } from "../growth/connections.ts";
import { measureProcedures, type ProcedureCosts } from "../growth/procedures.ts";
import { inRounds, median } from "../harness/rounds.ts";
import type { Effort, Table, Workload } from "../harness/section.ts";

const format = (value: number): string => Math.round(value).toLocaleString("en");
const toMicroseconds = (ns: number): string => (ns / 1_000).toFixed(1);

/** How much more the last costs than the first. */
const growthOf = (costs: readonly number[]): string => (costs.at(-1)! / costs[0]!).toFixed(2);

/** Turns of each at most: thousands take long to come in. */
const ROUNDS = 3;

/** With fewer channels, what the heap holds besides is more than what they weigh. */
const WEIGHABLE = 1_000;

async function tabulateConnections({ rounds, duration, smoke }: Effort): Promise<Table[]> {
  const { prismNode20, wsNode20 } = systems;
  const sizes = smoke ? [10, 100] : [100, 1_000, 10_000];
  const samples = await inRounds<CrowdSystem, ConnectionCosts[]>([prismNode20, wsNode20], rounds, (system) =>
    measureConnections(system, sizes, duration),
  );
  const medians = (system: CrowdSystem, cost: keyof ConnectionCosts): number[] =>
    sizes.map((_, i) => median(samples.get(system)!.map((round) => round[i]![cost])));
  const table = (caption: string, cost: keyof ConnectionCosts, show: (value: number) => string): Table => {
    const [own, floor] = [medians(prismNode20, cost), medians(wsNode20, cost)];
    return {
      caption,
      columns: ["connections", "Prism", "ws alone", "ratio"],
      rows: [
        ...sizes.map((size, i) => [format(size), show(own[i]!), show(floor[i]!), (own[i]! / floor[i]!).toFixed(2)]),
        ["last to first", growthOf(own), growthOf(floor), ""],
      ],
      data: { x: sizes, y: own, floor },
    };
  };
  return [
    table("CPU for each call, in µs: each connection has one under way", "call", toMicroseconds),
    table("Heap for each idle connection, in bytes", "memory", format),
    table("CPU for each delivery, in µs: one publication at a time goes to all", "delivery", toMicroseconds),
  ];
}

async function tabulateChannels({ rounds, duration, smoke }: Effort): Promise<Table[]> {
  const sizes = smoke ? [10, 1_000] : [10, 1_000, 10_000, 100_000];
  const samples = await inRounds(sizes, rounds, (size) => measureChannels(size, duration));
  const medians = (cost: keyof ChannelCosts): number[] =>
    sizes.map((size) => median(samples.get(size)!.map((round) => round[cost])));
  const weighed = (costs: readonly number[]): number[] => costs.filter((_, i) => sizes[i]! >= WEIGHABLE);
  const [publications, memory, further] = [medians("publication"), medians("memory"), medians("further")];
  return [
    {
      caption: "Channels: a hundred clients are subscribed, each to others; publications go to all channels in turn",
      columns: [
        "channels",
        "CPU for each publication, in µs",
        "heap for each channel and its first subscription, in bytes",
        "for each further one",
      ],
      rows: [
        ...sizes.map((size, i) => [
          format(size),
          toMicroseconds(publications[i]!),
          size < WEIGHABLE ? "" : format(memory[i]!),
          size < WEIGHABLE ? "" : format(further[i]!),
        ]),
        ["last to first", growthOf(publications), growthOf(weighed(memory)), growthOf(weighed(further))],
      ],
      data: {
        x: sizes,
        y: publications,
        weighed: sizes.filter((size) => size >= WEIGHABLE),
        memory: weighed(memory),
        further: weighed(further),
      },
    },
  ];
}

const SERVICES = [1, 10, 50] as const;
const PROCEDURES = [10, 100, 1_000] as const;

async function tabulateProcedures({ rounds, duration, smoke }: Effort): Promise<Table[]> {
  const apps = [
    ...SERVICES.map((services) => ({ services, procedures: 10 })),
    ...PROCEDURES.map((procedures) => ({ services: 1, procedures })),
  ].filter(({ services, procedures }) => !smoke || services * procedures === 10);
  const samples = await inRounds(apps, rounds, ({ services, procedures }) =>
    measureProcedures(services, procedures, duration),
  );
  const table = (caption: string, name: "services" | "procedures", some: readonly (typeof apps)[number][]): Table => {
    const medians = (cost: keyof ProcedureCosts): number[] =>
      some.map((app) => median(samples.get(app)!.map((round) => round[cost])));
    const [one, all, registration, welcome] = [
      medians("one"),
      medians("all"),
      medians("registration"),
      medians("welcome"),
    ];
    return {
      caption,
      columns: [
        name,
        "CPU, calls of one, in µs",
        "CPU, calls of all in turn, in µs",
        "start, µs each",
        "welcome, bytes",
      ],
      rows: [
        ...some.map((app, i) => [
          format(app[name]),
          toMicroseconds(one[i]!),
          toMicroseconds(all[i]!),
          toMicroseconds(registration[i]!),
          format(welcome[i]!),
        ]),
        ["last to first", growthOf(one), growthOf(all), growthOf(registration), growthOf(welcome)],
      ],
      data: { x: some.map((app) => app[name]), y: all, one, registration, welcome },
    };
  };
  const [few, many] = [apps.slice(0, smoke ? 1 : SERVICES.length), apps.slice(smoke ? 1 : SERVICES.length)];
  return [
    table("Services, each of ten procedures", "services", few),
    table("Procedures, all in one service", "procedures", many),
  ];
}

/** How cost grows with connections, channels, services and procedures: flat for each is the goal. */
export const workload: Workload = {
  id: "growth",
  async run({ rounds, duration, smoke }) {
    const effort = { rounds: Math.min(rounds, ROUNDS), duration: duration / 2, smoke };
    const connections = await tabulateConnections(effort);
    const channels = await tabulateChannels(effort);
    const procedures = await tabulateProcedures(effort);
    return {
      title: "How cost grows",
      text:
        "Cost for each unit, as there are more and more of them, on Node 20: flat is the goal, and *last to first* says how flat it is. CPU is the " +
        "server's alone. With connections, `ws` alone is beside it, which echoes, or loops over everybody: where both rise, it is the kernel's part and the " +
        "processor's caches, which ten thousand connections do not fit into; where the ratio rises, it is Prism. " +
        "A publication to one of many channels comes from a client as a call with a name, is validated, and goes to one subscriber; most of " +
        "its cost is the packet for that one and the publisher's own result. A channel is paid for with its first subscription; that is what the last " +
        "columns tell apart. Calls of one procedure and of all in turn differ by what the processor and the compiler can remember of the way to one " +
        "handler. What is not flat by design is the welcome: it names every procedure, so each adds its name and three characters; a client that " +
        "was generated from the app has the names already and is not sent them. The time to start falls for each procedure as there are " +
        "more of them, since the first are made by code that is not compiled yet.",
      tables: [...connections, ...channels, ...procedures],
    };
  },
};
