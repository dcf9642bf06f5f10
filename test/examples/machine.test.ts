import { afterEach, expect, test, vi } from "vitest";
import { type App, createApp } from "../../examples/dashboard/app.ts";
import { type Sample, watchMachine } from "../../examples/dashboard/machine.ts";
import { pubsub } from "../../src/services/pubsub/client.ts";
import { rpc } from "../../src/services/rpc/client.ts";
import { connectInMemory, createNetwork } from "../../src/testing/testing.ts";

const services = { live: pubsub(), people: rpc(), tools: rpc() };

const sampleAt = (at: number): Sample => ({
  at,
  cores: [50],
  memory: { total: 2, used: 1, swapTotal: 0, swapUsed: 0, process: 1 },
  load: null,
  network: null,
  delay: { mean: 0, max: 0 },
  prism: { connections: 1, received: 0, sent: 0 },
});

const endings: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).toReversed()) await end();
});

/** A page and its server, with a network between them. */
function stage() {
  const network = createNetwork({ seed: 1, latency: [10, 30] });
  const { clock } = network;
  const app = createApp({ clock });
  let at = 0;
  /** Publishes a sample a second. */
  const pass = async (seconds: number): Promise<void> => {
    for (let i = 0; i < seconds; i++) {
      void app.services.live.publish("machine", sampleAt(++at));
      await clock.advance(1000);
    }
  };
  const open = () => {
    const client = connectInMemory<App>(app, { services, network });
    const machine = client.live.channel("machine");
    const seen: number[] = [];
    const outcomes: string[] = [];
    client.connection.on("resumed", () => outcomes.push("resumed"));
    machine.on("subscribed", ({ recovered, first }) => first || outcomes.push(recovered ? "recovered" : "missed"));
    void machine.subscribe({ last: 120 });
    machine.on((sample) => seen.push(sample.at));
    endings.push(async () => {
      client.connection.close();
      await clock.advance(100);
    });
    return { seen, outcomes };
  };
  endings.push(() => app.close());
  return { network, pass, open, now: () => at };
}

/** Each second from the first on, once. */
const secondsTo = (last: number, from = 1): number[] => Array.from({ length: last - from + 1 }, (_, i) => from + i);

test("a page that comes late sees the last two minutes at once", async () => {
  const { pass, open } = stage();
  await pass(150);
  const { seen } = open();
  await pass(3);
  expect(seen).toEqual(secondsTo(153, seen[0]));
  expect(seen.length).toBeGreaterThanOrEqual(120);
});

test("a page that was cut off sees each second once", async () => {
  const { network, pass, open, now } = stage();
  const { seen, outcomes } = open();
  await pass(10);
  network.reachable = false;
  network.lines.at(-1)?.cut();
  await pass(60);
  network.reachable = true;
  await pass(20);
  expect(outcomes).toEqual(["resumed"]);
  expect(seen).toEqual(secondsTo(now(), seen[0]));
});

test.each([
  { away: 300, outcome: "recovered" },
  { away: 700, outcome: "missed" },
])("of $away s without a connection all is $outcome", async ({ away, outcome }) => {
  const { network, pass, open, now } = stage();
  const { seen, outcomes } = open();
  await pass(10);
  network.reachable = false;
  network.lines.at(-1)?.cut();
  await pass(away);
  network.reachable = true;
  await pass(40);
  expect(outcomes).toEqual([outcome]);
  // What it goes on with, where some is missing.
  const again = outcome === "recovered" ? 11 : seen.find((at) => at > 10 + away);
  expect(seen).toEqual([...secondsTo(10, seen[0]), ...secondsTo(now(), again)]);
});

test("takes a sample each second, until it is stopped", async () => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  endings.push(() => vi.useRealTimers());
  const samples: Sample[] = [];
  const totals = { connections: 2, received: 10, sent: 100 };
  const stop = watchMachine(
    async (sample) => samples.push(sample),
    () => ({ ...totals }),
  );
  totals.received += 3;
  totals.sent += 5;
  vi.advanceTimersByTime(1000);
  await vi.waitFor(() => expect(samples).toHaveLength(1));
  expect(samples[0]).toMatchObject({ prism: { connections: 2, received: 3, sent: 5 } });
  stop();
  vi.advanceTimersByTime(5000);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(samples).toHaveLength(1);
});
