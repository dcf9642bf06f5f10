/** How the processes of a run are asked things: a line `id name arguments` in, a line `answer-id json` out. */
import process from "node:process";
import { createInterface } from "node:readline";
import { type RuntimeProcess } from "../support/runtimes.ts";

export type Comparison = "=" | ">=" | "<=";

/** Numbers that can be waited for. */
export class Watch<State extends object> {
  readonly #read: () => State;
  readonly #waiting = new Set<() => void>();

  /** @param read what holds now */
  constructor(read: () => State) {
    this.#read = read;
  }

  /** Has those who wait look again. */
  poke(): void {
    for (const look of this.#waiting) look();
  }

  /** Resolves with the state when a number of it is as wanted, or after a time, in ms, with what it is then. */
  until(what: string, how: Comparison, value: number, ms: number): Promise<State> {
    return new Promise((resolve) => {
      const met = (): boolean => {
        const now = (this.#read() as Record<string, number>)[what]!;
        return how === "=" ? now === value : how === ">=" ? now >= value : now <= value;
      };
      const done = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(look);
        resolve(this.#read());
      };
      const look = (): void => {
        if (met()) done();
      };
      const timer = setTimeout(done, ms);
      this.#waiting.add(look);
      look();
    });
  }
}

export type Commands = Readonly<Record<string, (...args: string[]) => unknown>>;

/** Answers commands until standard input ends. */
export function answerCommands(commands: Commands): void {
  createInterface({ input: process.stdin }).on("line", async (line) => {
    const [id, name = "", ...args] = line.split(" ");
    try {
      console.log(`answer-${id} ${JSON.stringify({ value: await commands[name]!(...args) })}`);
    } catch (error) {
      console.log(`answer-${id} ${JSON.stringify({ error: (error as Error).stack })}`);
    }
  });
}

interface Pending {
  resolve(value: never): void;
  reject(error: Error): void;
}

/** As long as a timer may be, in ms: whoever asks has a time of its own. */
const FOR_EVER = 2_000_000_000;

/** A process that answers commands. */
export class Controlled<Ready> {
  readonly process: RuntimeProcess;
  readonly ready: Ready;
  readonly #pending = new Map<string, Pending>();
  #asked = 0;

  private constructor(process: RuntimeProcess, ready: Ready) {
    this.process = process;
    this.ready = ready;
    void this.#read();
  }

  /** Waits until the process says that it is ready. */
  static async over<Ready>(process: RuntimeProcess, timeout = 30_000): Promise<Controlled<Ready>> {
    return new Controlled(process, await process.ready<Ready>(timeout));
  }

  ask<Answer>(name: string, ...args: readonly (string | number)[]): Promise<Answer> {
    const id = String(++this.#asked);
    return new Promise<Answer>((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.process.write([id, name, ...args].join(" "));
    });
  }

  async #read(): Promise<void> {
    try {
      for (;;) {
        const line = await this.process.line("answer-", FOR_EVER);
        const [, id = "", json = ""] = /^answer-(\d+) (.*)$/.exec(line) ?? [];
        const { value, error } = JSON.parse(json) as { value: never; error?: string };
        const pending = this.#pending.get(id);
        this.#pending.delete(id);
        if (error === undefined) pending?.resolve(value);
        else pending?.reject(new Error(error));
      }
    } catch (error) {
      for (const { reject } of this.#pending.values()) reject(error as Error);
      this.#pending.clear();
    }
  }
}
