import process from "node:process";
import { PrismError, type LogEntry } from "../../../mod.ts";

/** Places in the apps' code where those who come by can be made to wait. */
export class Barriers {
  readonly #closed = new Map<string, { readonly open: Promise<void>; release(): void; waiting: number }>();
  readonly #look = new Set<() => void>();

  close(name: string): void {
    let release = (): void => {};
    const open = new Promise<void>((resolve) => (release = resolve));
    this.#closed.set(name, { open, release, waiting: 0 });
  }

  /** Lets go of all who wait, and of all who come. */
  open(name: string): void {
    this.#closed.get(name)?.release();
    this.#closed.delete(name);
  }

  /** Lets those go on who come; those who wait do so for ever. */
  forget(name: string): void {
    this.#closed.delete(name);
  }

  async pass(name: string): Promise<void> {
    const barrier = this.#closed.get(name);
    if (barrier === undefined) return;
    barrier.waiting++;
    for (const look of this.#look) look();
    await barrier.open;
  }

  /** Resolves when as many wait. */
  async full(name: string, count: number): Promise<void> {
    while ((this.#closed.get(name)?.waiting ?? 0) < count) {
      await new Promise<void>((resolve) => {
        const look = (): void => {
          this.#look.delete(look);
          resolve();
        };
        this.#look.add(look);
      });
    }
  }
}

/** How often the event loop is looked at, in ms. */
const TICK = 10;

/**
 * Measures for how long the process kept its own event loop busy: of each gap between two ticks as much as it had the
 * processor, so that what other processes take is not counted.
 */
export class StallMeter {
  #worst = 0;

  start(): void {
    let then = performance.now();
    let used = process.cpuUsage();
    setInterval(() => {
      const now = performance.now();
      const { user, system } = process.cpuUsage(used);
      used = process.cpuUsage();
      this.#worst = Math.max(this.#worst, Math.min(now - then - TICK, (user + system) / 1_000));
      then = now;
    }, TICK);
  }

  /** The longest stall since it was last asked, in ms. */
  take(): number {
    const worst = this.#worst;
    this.#worst = 0;
    return Math.round(worst);
  }
}

function toDetail(data: unknown): string {
  try {
    if (data instanceof Error) return `${data.name}: ${data.message}`;
    const { reason, code, toAllow } = (data ?? {}) as { reason?: string; code?: string; toAllow?: string };
    return reason ?? code ?? toAllow ?? "";
  } catch {
    return "what cannot be read";
  }
}

/** What an app's log says, as far as somebody has to look at it. */
export class Notices {
  #lines: string[] = [];

  /** A log for the app of a name. */
  of(app: string): (entry: LogEntry) => void {
    return ({ level, message, data }) => {
      if (level !== "error" && level !== "warn") return;
      const detail = toDetail(data);
      this.#lines.push(`${app} ${level} ${message}${detail === "" ? "" : ` (${detail})`}`);
    };
  }

  /** The lines since it was last asked. */
  take(): string[] {
    const lines = this.#lines;
    this.#lines = [];
    return lines;
  }
}

/** Follows values that somebody should let go of. */
export class Remains {
  readonly #refs = new Map<string, WeakRef<object>[]>();

  add(key: string, value: object): void {
    const refs = this.#refs.get(key);
    if (refs) refs.push(new WeakRef(value));
    else this.#refs.set(key, [new WeakRef(value)]);
  }

  /** How many of a key are still there, after a collection. */
  async count(key: string): Promise<number> {
    const { gc, Bun } = globalThis as { gc?: () => void; Bun?: { gc(now: boolean): void } };
    for (let i = 0; i < 3; i++) {
      // What a WeakRef was made in, or read in, holds it: that turn has to be over.
      await new Promise((resolve) => setTimeout(resolve, 1));
      if (Bun !== undefined) Bun.gc(true);
      else if (gc !== undefined) gc();
      else throw new PrismError("no_gc", "This process cannot collect");
    }
    return (this.#refs.get(key) ?? []).filter((ref) => ref.deref() !== undefined).length;
  }
}
