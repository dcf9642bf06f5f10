/**
 * What this machine is doing, read for real: `/proc` where there is one, `node:os` everywhere else.
 *
 * The `parse…` functions are pure, so that tests can feed them text; `createSampler` reads, and turns counters that
 * only ever grow into rates by comparing each reading with the one before.
 */
import { readFile } from "node:fs/promises";
import os from "node:os";
import process from "node:process";

/** How long one core has been idle and how long it has existed, in ticks of any unit. */
export interface CoreTimes {
  readonly idle: number;
  readonly total: number;
}

/** Memory of the whole machine, in bytes. */
export interface Memory {
  readonly total: number;
  readonly used: number;
  readonly swapTotal: number;
  readonly swapUsed: number;
}

/** Bytes that one network interface has received and sent since it came up. */
export interface InterfaceBytes {
  readonly received: number;
  readonly sent: number;
}

/** Everything that is read at one moment. Counters, not rates. */
export interface Reading {
  /** Monotonic time, in ms. */
  readonly now: number;
  /** By the core's name, since cores can go offline and leave gaps. */
  readonly cores: ReadonlyMap<string, CoreTimes>;
  readonly memory: Memory;
  /** By the interface's name; `undefined` where the platform does not tell. */
  readonly network: ReadonlyMap<string, InterfaceBytes> | undefined;
}

/** One second of this machine. */
export interface MachineSample {
  /** Wall-clock time, in ms. */
  at: number;
  /** How busy each core was, in percent. */
  cores: number[];
  memory: Memory & { /** What this process holds, in bytes. */ process: number };
  /** Load averages over 1, 5 and 15 minutes; `null` where the platform has none. */
  load: [number, number, number] | null;
  /** Bytes per second; `null` where the platform does not tell. */
  network: { in: number; out: number } | null;
  /** How late this process's timers ran, in ms. */
  delay: { mean: number; max: number };
}

/**
 * Reads the cores out of `/proc/stat` (see proc(5)). Time waiting for a disk counts as idle. `guest` is left out of
 * the total because the kernel has already counted it under `user`.
 */
export function parseStat(text: string): Map<string, CoreTimes> {
  const cores = new Map<string, CoreTimes>();
  for (const [, name = "", columns = ""] of text.matchAll(/^(cpu\d+)\s+(.+)$/gm)) {
    const times = columns.trim().split(/\s+/, 8).map(Number);
    const [, , , idle = 0, iowait = 0] = times;
    cores.set(name, { idle: idle + iowait, total: times.reduce((sum, time) => sum + time, 0) });
  }
  return cores;
}

/** Reads `/proc/meminfo`. Kernels before 3.14 have no `MemAvailable`: there, free and reclaimable pages stand in. */
export function parseMeminfo(text: string): Memory {
  const bytes = new Map<string, number>();
  for (const [, name = "", amount = ""] of text.matchAll(/^([^:\n]+):\s+(\d+) kB$/gm)) {
    bytes.set(name, Number(amount) * 1024);
  }
  const of = (name: string): number => bytes.get(name) ?? 0;
  const total = of("MemTotal");
  const available = bytes.get("MemAvailable") ?? of("MemFree") + of("Buffers") + of("Cached");
  return {
    total,
    used: Math.max(0, total - available),
    swapTotal: of("SwapTotal"),
    swapUsed: Math.max(0, of("SwapTotal") - of("SwapFree")),
  };
}

/** Interfaces whose traffic never leaves the machine, or is counted a second time by the one that carries it. */
const virtual = /^(lo|veth|docker|br-|virbr|ifb|dummy|tun|tap|wg|cni|flannel|cali)/;

/** Reads the real interfaces out of `/proc/net/dev`. Old kernels leave no space after the colon. */
export function parseNetDev(text: string): Map<string, InterfaceBytes> {
  const interfaces = new Map<string, InterfaceBytes>();
  for (const [, name = "", columns = ""] of text.matchAll(/^\s*([^\s:|]+):\s*(\d.*)$/gm)) {
    if (virtual.test(name)) continue;
    const values = columns.trim().split(/\s+/).map(Number);
    interfaces.set(name, { received: values[0] ?? 0, sent: values[8] ?? 0 });
  }
  return interfaces;
}

/** How busy each core was between two readings, in percent. A core that has just appeared counts as idle. */
export function busy(before: Reading["cores"], after: Reading["cores"]): number[] {
  return [...after].map(([name, now]) => {
    const then = before.get(name);
    const total = then ? now.total - then.total : 0;
    // `idle` may step back a little on real machines (proc(5) says so), which must not show as more than 100.
    const idle = then ? Math.max(0, now.idle - then.idle) : 0;
    return total > 0 ? round(Math.min(100, Math.max(0, 100 * (1 - idle / total))), 1) : 0;
  });
}

/** Bytes per second between two readings. Interfaces that come, go or start again at zero add nothing. */
export function traffic(before: Reading, after: Reading): { in: number; out: number } | null {
  if (!after.network) return null;
  const seconds = (after.now - before.now) / 1000;
  let received = 0;
  let sent = 0;
  for (const [name, now] of after.network) {
    const then = before.network?.get(name);
    if (!then) continue;
    received += Math.max(0, now.received - then.received);
    sent += Math.max(0, now.sent - then.sent);
  }
  return seconds > 0 ? { in: Math.round(received / seconds), out: Math.round(sent / seconds) } : { in: 0, out: 0 };
}

/**
 * Measures how late timers run: what is left when a timer's own delay is taken away is the time that this process was
 * busy with something else. Written out because Deno and older Buns lack `monitorEventLoopDelay`.
 *
 * @param every How often to look, in ms.
 * @returns `read()`, the mean and the worst since it was last called, and `stop()`.
 */
export function watchEventLoop(every = 20): { read: () => MachineSample["delay"]; stop: () => void } {
  let sum = 0;
  let count = 0;
  let max = 0;
  let due = performance.now() + every;
  const look = (): void => {
    const now = performance.now();
    const late = Math.max(0, now - due);
    sum += late;
    count += 1;
    max = Math.max(max, late);
    due = now + every;
    timer = setTimeout(look, every);
  };
  let timer = setTimeout(look, every);
  return {
    read() {
      const delay = { mean: count ? round(sum / count, 2) : 0, max: round(max, 2) };
      sum = count = max = 0;
      return delay;
    },
    stop: () => clearTimeout(timer),
  };
}

/**
 * Watches this machine. The first sample covers the time since the sampler was created.
 *
 * @returns `sample()`, what happened since it was last called, and `stop()`.
 */
export function createSampler(): { sample: () => Promise<MachineSample>; stop: () => void } {
  const loop = watchEventLoop();
  let before = read();
  return {
    async sample() {
      const last = await before;
      before = read();
      const now = await before;
      return {
        at: Date.now(),
        cores: busy(last.cores, now.cores),
        memory: { ...now.memory, process: attempt(() => process.memoryUsage().rss) ?? 0 },
        load: readLoad(),
        network: traffic(last, now),
        delay: loop.read(),
      };
    },
    stop: loop.stop,
  };
}

async function read(): Promise<Reading> {
  const [stat, meminfo, netDev] = await Promise.all(["stat", "meminfo", "net/dev"].map(readProc));
  return {
    now: performance.now(),
    cores: stat ? parseStat(stat) : coresFromOs(),
    memory: meminfo ? parseMeminfo(meminfo) : memoryFromOs(),
    network: netDev ? parseNetDev(netDev) : undefined,
  };
}

/** Answers `undefined` where there is no `/proc`, and where Deno has not been allowed to read it. */
function readProc(name: string): Promise<string | undefined> {
  return readFile(`/proc/${name}`, "utf8").catch(() => undefined);
}

function coresFromOs(): Map<string, CoreTimes> {
  const cpus = attempt(() => os.cpus()) ?? [];
  return new Map(
    cpus.map(({ times }, index) => [
      `cpu${index}`,
      { idle: times.idle, total: times.user + times.nice + times.sys + times.idle + times.irq },
    ]),
  );
}

function memoryFromOs(): Memory {
  const total = attempt(() => os.totalmem()) ?? 0;
  const free = attempt(() => os.freemem()) ?? 0;
  return { total, used: total - free, swapTotal: 0, swapUsed: 0 };
}

/** Windows has no load average, and `node:os` answers zeros there. */
function readLoad(): MachineSample["load"] {
  if (attempt(() => os.platform()) === "win32") return null;
  const [one, five, fifteen] = attempt(() => os.loadavg()) ?? [];
  if (one === undefined || five === undefined || fifteen === undefined) return null;
  return [round(one, 2), round(five, 2), round(fifteen, 2)];
}

/** What a runtime lacks, or has been told not to reveal, is `undefined` here rather than the end of the server. */
export function attempt<T>(ask: () => T): T | undefined {
  try {
    return ask();
  } catch {
    return undefined;
  }
}

function round(value: number, digits: number): number {
  const factor = 10 ** digits;
  return Math.round(value * factor) / factor;
}
