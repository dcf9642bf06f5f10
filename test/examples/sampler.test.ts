import { expect, test } from "vitest";
import {
  busy,
  createSampler,
  parseMeminfo,
  parseNetDev,
  parseStat,
  type Reading,
  traffic,
  watchEventLoop,
} from "../../examples/dashboard/sampler.ts";

const stat = `cpu  3097 10 1796 127707 61 5 28 26 7 0
cpu0 1375 4 855 64112 2 3 4 12 5 0
cpu3 1721 6 940 63594 58 2 23 14 2 0
intr 88371 0 9 0 0
ctxt 181204
btime 1700000000
`;

test("reads each core of /proc/stat, waiting for a disk as idle and guests once", () => {
  expect([...parseStat(stat)]).toEqual([
    ["cpu0", { idle: 64_114, total: 66_367 }],
    ["cpu3", { idle: 63_652, total: 66_358 }],
  ]);
});

test("reads /proc/stat of a kernel that tells four columns only", () => {
  expect([...parseStat("cpu0 10 20 30 40\n")]).toEqual([["cpu0", { idle: 40, total: 100 }]]);
});

test("finds no core in other text", () => {
  expect(parseStat("").size).toBe(0);
  expect(parseStat("cpufreq 12\nnothing here\n").size).toBe(0);
});

test("reads /proc/meminfo in bytes", () => {
  const text = `MemTotal:       16384 kB
MemFree:         1024 kB
MemAvailable:    8192 kB
Buffers:          512 kB
Cached:          4096 kB
SwapTotal:       2048 kB
SwapFree:        1536 kB
HugePages_Total:       0
`;
  expect(parseMeminfo(text)).toEqual({
    total: 16_384 * 1024,
    used: 8192 * 1024,
    swapTotal: 2048 * 1024,
    swapUsed: 512 * 1024,
  });
});

test("estimates what is available where /proc/meminfo does not say", () => {
  const text = "MemTotal: 1000 kB\nMemFree: 100 kB\nBuffers: 50 kB\nCached: 250 kB\n";
  expect(parseMeminfo(text)).toEqual({ total: 1_024_000, used: 614_400, swapTotal: 0, swapUsed: 0 });
});

test("reads the real interfaces of /proc/net/dev", () => {
  const text = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:    3193      29    0    0    0     0          0         0     3193      29    0    0    0     0       0          0
docker0:   9999       9    0    0    0     0          0         0     9999       9    0    0    0     0       0          0
  eth0: 476725738   11842    0    0    0     0          0         0   744183    7060    0    0    0     0       0          0
enp3s0:77 1 0 0 0 0 0 0 88 1 0 0 0 0 0 0
`;
  expect([...parseNetDev(text)]).toEqual([
    ["eth0", { received: 476_725_738, sent: 744_183 }],
    ["enp3s0", { received: 77, sent: 88 }],
  ]);
});

test("tells how busy each core was between two readings", () => {
  const before = new Map([
    ["cpu0", { idle: 100, total: 200 }],
    ["cpu1", { idle: 100, total: 200 }],
    ["cpu2", { idle: 100, total: 200 }],
  ]);
  const after = new Map([
    ["cpu0", { idle: 175, total: 300 }],
    // Idle time that steps back, which real kernels do.
    ["cpu1", { idle: 90, total: 300 }],
    // No time has passed.
    ["cpu2", { idle: 100, total: 200 }],
    // Has just come online.
    ["cpu3", { idle: 5, total: 10 }],
  ]);
  expect(busy(before, after)).toEqual([25, 100, 0, 0]);
});

const reading = (now: number, network: Reading["network"]): Reading => ({
  now,
  cores: new Map(),
  memory: { total: 0, used: 0, swapTotal: 0, swapUsed: 0 },
  network,
});

test("tells bytes per second, whatever interfaces do", () => {
  const before = reading(
    1000,
    new Map([
      ["eth0", { received: 1000, sent: 500 }],
      ["wlan0", { received: 5000, sent: 5000 }],
      ["gone", { received: 7, sent: 7 }],
    ]),
  );
  const after = reading(
    3000,
    new Map([
      ["eth0", { received: 3000, sent: 600 }],
      // Started again at zero.
      ["wlan0", { received: 10, sent: 10 }],
      // Has just appeared, with a past of its own.
      ["eth1", { received: 999_999, sent: 999_999 }],
    ]),
  );
  expect(traffic(before, after)).toEqual({ in: 1000, out: 50 });
  expect(traffic(before, { ...after, now: before.now })).toEqual({ in: 0, out: 0 });
  expect(traffic(before, reading(2000, undefined))).toBeNull();
});

test("sees a blocked event loop", async () => {
  const loop = watchEventLoop(5);
  await new Promise((resolve) => setTimeout(resolve, 20));
  loop.read();
  const until = performance.now() + 60;
  while (performance.now() < until);
  await new Promise((resolve) => setTimeout(resolve, 20));
  const { mean, max } = loop.read();
  loop.stop();
  expect(max).toBeGreaterThan(40);
  expect(mean).toBeLessThan(max);
});

test("samples the machine that the test runs on", async () => {
  const sampler = createSampler();
  await new Promise((resolve) => setTimeout(resolve, 100));
  const sample = await sampler.sample();
  sampler.stop();
  expect(sample.cores.length).toBeGreaterThan(0);
  for (const core of sample.cores) {
    expect(core).toBeGreaterThanOrEqual(0);
    expect(core).toBeLessThanOrEqual(100);
  }
  expect(sample.memory.total).toBeGreaterThan(sample.memory.used);
  expect(sample.memory.process).toBeGreaterThan(0);
});
