import process from "node:process";
import type { RuntimeProcess } from "../support/runtimes.ts";
import type { Comparison, Controlled } from "./commands.ts";
import type { Memory } from "./process.ts";

/** How long anything is waited for, in ms: far longer than it takes, so that what is reported is what was seen. */
export const PATIENCE = 30_000;

/** A process of a run. */
export class Actor<Ready, Now> {
  readonly #controlled: Controlled<Ready>;

  constructor(controlled: Controlled<Ready>) {
    this.#controlled = controlled;
  }

  get process(): RuntimeProcess {
    return this.#controlled.process;
  }

  get ready(): Ready {
    return this.#controlled.ready;
  }

  ask<Answer>(name: string, ...args: readonly (string | number)[]): Promise<Answer> {
    return this.#controlled.ask(name, ...args);
  }

  state(): Promise<Now> {
    return this.ask("state");
  }

  /** Resolves when a number of its state is so, or `ms` later: with the state. */
  until(what: keyof Now & string, how: Comparison, value: number, ms: number = PATIENCE): Promise<Now> {
    return this.ask("until", what, how, value, ms);
  }

  memory(): Promise<Memory> {
    return this.ask("memory");
  }

  jump(ms: number): Promise<void> {
    return this.ask("jump", ms);
  }

  signal(signal: NodeJS.Signals): void {
    process.kill(this.process.pid, signal);
  }
}
