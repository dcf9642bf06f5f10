import { expect, test } from "vitest";
import type { BrokerSource } from "../../../src/broker/broker.ts";
import { memoryBroker } from "../../../src/broker/memory-broker.ts";
import { createRandom } from "../../../src/testing/random.ts";
import { Shim } from "../../broker/shim.ts";
import { Mortal } from "./mortal.ts";
import { createStage, hear, type TestApp, type TestClient } from "./stage.ts";

const SEEDS = Number(process.env["PRISM_SEEDS"] ?? 60);
const STEPS = 40;
const CHANNELS = ["kept/a", "kept/b", "plain/a"] as const;

interface Ear {
  readonly client: TestClient;
  readonly channel: (typeof CHANNELS)[number];
  readonly got: unknown[];
  subscribe(): void;
  leave(): void;
  on: boolean;
}

/** What is wrong with what somebody heard: a message twice, out of order, or missing where no gap was told. */
function judge({ channel, client, got, on }: Ear, last: number, exact: boolean): string[] {
  const wrong: string[] = [];
  let told = true;
  let fresh = true;
  let before = 0;
  for (const one of got) {
    if (typeof one !== "number") {
      if (one !== "recovered") told = true;
      // A subscription of its own begins where its node stands, which may be away and have heard less.
      if (one === "first") fresh = true;
      // What is kept is long enough for all that is published here.
      if (one === "gap" && channel.startsWith("kept")) wrong.push(`${client.name} ${channel} was told of a gap`);
      continue;
    }
    // What a node holds back for those before it, another may have told already, where there are no offsets.
    const late = told && !exact && (fresh || channel.startsWith("plain"));
    if (one <= before && !late) wrong.push(`${client.name} ${channel} heard ${one} after ${before}: ${got.join(" ")}`);
    if (one > before + 1 && !told)
      wrong.push(`${client.name} ${channel} heard ${one} after ${before}, and was told nothing`);
    told = fresh = false;
    before = one;
  }
  if (on && before !== last) wrong.push(`${client.name} ${channel} heard nothing after ${before} of ${last}`);
  return wrong;
}

/** Whether somebody lacks what is kept though nothing is in the way, and waits for the next message to find out. */
function isBehind({ channel, got, on }: Ear, last: number): boolean {
  const heard = got.slice(got.lastIndexOf("first")).findLast((one) => typeof one === "number");
  return on && channel.startsWith("kept") && heard !== undefined && heard !== last;
}

async function play(seed: number): Promise<string[]> {
  const random = createRandom(seed);
  const pick = <One>(all: readonly One[]): One => all[Math.floor(random() * all.length)]!;
  const exact = seed % 2 === 0;
  const { open: openApp, join, clock, network, hub, failures } = createStage({ seed, exact });
  const done: string[] = [];
  const nodes = new Map<TestApp, { readonly mortal: Mortal; readonly shim: Shim | undefined }>();
  const open = (): TestApp => {
    let node!: { mortal: Mortal; shim: Shim | undefined };
    const broker = {
      open: (given: typeof clock): Mortal => {
        const inner = memoryBroker({ clock: given, hub });
        // An exact one is never away.
        const shim = exact ? undefined : new Shim(inner, given, random);
        node = { mortal: new Mortal(shim ?? inner), shim };
        return node.mortal;
      },
    };
    const app = openApp({ broker: broker as object as BrokerSource });
    nodes.set(app, node);
    return app;
  };
  let apps: TestApp[] = [open(), open()];
  const going: Promise<void>[] = [];
  const counts = new Map<string, number>();
  const publish = async (channel: (typeof CHANNELS)[number]): Promise<void> => {
    const n = (counts.get(channel) ?? 0) + 1;
    counts.set(channel, n);
    await pick(apps).services.rooms.publish(channel, n);
    // Where there are no offsets, what one node publishes may overtake what another does.
    if (channel.startsWith("plain")) await clock.advance(60);
  };
  for (const channel of CHANNELS) await publish(channel);

  const clients = [0, 1, 2, 3].map(() => {
    // A proxy keeps a client at its server while that is there.
    let at = pick(apps);
    return join(() => (apps.includes(at) && random() < 0.8 ? at : (at = pick(apps))));
  });
  const ears = clients.flatMap((client) =>
    CHANNELS.map((channel): Ear => {
      const [kind, name] = channel.split("/") as ["kept", string];
      const room = client.rooms.channel(`${kind}/:room`, { room: name });
      const heard = hear(room);
      const ear: Ear = {
        client,
        channel,
        got: heard.got,
        on: true,
        subscribe: () => {
          if (ear.on) return;
          ear.on = true;
          off = room.on((n) => void ear.got.push(n));
        },
        leave: () => {
          if (!ear.on) return;
          ear.on = false;
          ear.got.push("left");
          off();
        },
      };
      let off = heard.off;
      room.on("ended", () => {
        if (!ear.on) return;
        ear.on = false;
        off();
      });
      return ear;
    }),
  );

  const dead: TestApp[] = [];
  /** The engine is away for a node: it hears nothing, and can read nothing. */
  const deafen = (app: TestApp): void => {
    const { shim } = nodes.get(app)!;
    if (shim === undefined) return;
    shim.cut();
    shim.faults.fail = 1;
  };
  /** The engine is there again for all. */
  const heal = (): void => {
    for (const { shim } of nodes.values()) {
      if (shim === undefined) continue;
      shim.faults.fail = 0;
      shim.heal();
    }
  };
  const steps: Record<string, () => unknown> = {
    publish: () => publish(pick(CHANNELS)),
    burst: async () => {
      for (let n = 0; n < 5; n++) await publish(pick(CHANNELS));
    },
    cut: () => {
      const { lines } = network;
      if (lines.length > 0) pick(lines).cut({ within: random() < 0.5 ? 20 : 0 });
    },
    leave: () => pick(ears).leave(),
    subscribe: () => pick(ears).subscribe(),
    again: () => {
      const ear = pick(ears);
      ear.leave();
      ear.subscribe();
    },
    kick: () => {
      const [kind, room] = pick(CHANNELS).split("/") as ["kept", string];
      return pick(apps)
        .services.rooms.channel(`${kind}/:room`, { room })
        .kick({ user: pick(clients).name });
    },
    refuse: () => {
      network.reachable = !network.reachable;
    },
    crash: () => {
      const [gone, ...others] = apps;
      apps = [...others, open()];
      going.push(gone!.close());
    },
    kill: async () => {
      const [gone, ...others] = apps;
      apps = [...others, open()];
      nodes.get(gone!)!.mortal.kill();
      dead.push(gone!);
      // Whose server is there still goes on with another socket. And those who were just coming in are cut off as well.
      for (const wait of [0, 200]) {
        await clock.advance(wait);
        for (const line of network.lines) line.cut();
      }
    },
    deaf: () => deafen(pick(apps)),
    outage: async () => {
      for (const app of apps) deafen(app);
      await publish(pick(CHANNELS));
    },
    heal,
    drain: () => {
      const [gone, ...others] = apps;
      apps = [...others, open()];
      going.push(gone!.drain({ within: pick([0, 500, 3_000]) }));
    },
  };
  const names = [...Object.keys(steps), "publish", "publish", "burst", "cut", "cut"];
  for (let at = 0; at < STEPS; at++) {
    const name = pick(names);
    done.push(name);
    await steps[name]!();
    await clock.advance(random() < 0.3 ? 0 : random() * 400);
  }
  network.reachable = true;
  heal();
  await clock.advance(120_000);
  // What was missed while the engine was away is found out without a next message.
  await steps["outage"]!();
  heal();
  await clock.advance(10_000);
  const behind = ears.filter((ear) => isBehind(ear, counts.get(ear.channel)!));
  for (const ear of ears) ear.subscribe();
  await clock.advance(1_000);
  for (const channel of CHANNELS) await publish(channel);
  await clock.advance(1_000);

  const wrong = ears.flatMap((ear) => judge(ear, counts.get(ear.channel)!, exact));
  const there = await apps[0]!.services.rooms.channel("kept/:room", { room: "a" }).members();
  if (String([...there.keys()].toSorted()) !== String(clients.map(({ name }) => name).toSorted()))
    wrong.push(`Present: ${String([...there.keys()])}`);
  for (const { client, channel, got } of behind) wrong.push(`${client.name} ${channel} waits: ${got.join(" ")}`);
  wrong.push(...failures().map(String));
  // Nothing is left of anybody.
  for (const { connection } of clients) connection.close();
  await clock.advance(20_000);
  for (const app of [...apps, ...dead]) going.push(app.close());
  await clock.advance(1_000_000);
  await Promise.all(going);
  if (hub.size > 0) wrong.push(`${hub.size} channels are left`);
  return wrong.length === 0 ? [] : [`seed ${seed}: ${done.join(" ")}`, ...wrong];
}

test(
  `in ${SEEDS} schedules everybody hears everything once and in order, or is told of the gap`,
  { timeout: 120_000 + SEEDS * 200 },
  async () => {
    const first = Number(process.env["PRISM_SEED"] ?? 1);
    for (let seed = first; seed < first + SEEDS; seed++) expect(await play(seed)).toEqual([]);
  },
);
