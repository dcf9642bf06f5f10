import type { LogEntry } from "../../mod.ts";

/** How a connection ended. */
export interface Ending {
  readonly code: number;
  readonly reason: string;
}

/** Reads the app's log as its operator would: frames and endings by connection, failures by what they say. */
export class Journal {
  readonly #frames = new Map<string, number>();
  readonly #endings = new Map<string, Ending>();
  readonly #failures: string[] = [];
  readonly #waiting = new Map<string, (ending: Ending) => void>();

  readonly write = ({ level, message, connection = "", data }: LogEntry): void => {
    if (message === "Frame") this.#frames.set(connection, this.frames(connection) + 1);
    if (level === "error") this.#failures.push(`${message}: ${String(data)}`);
    if (message !== "Disconnected") return;
    this.#frames.delete(connection);
    this.#endings.set(connection, data as Ending);
    this.#waiting.get(connection)?.(data as Ending);
    this.#waiting.delete(connection);
  };

  /** Frames that came from a connection. */
  frames(connection: string): number {
    return this.#frames.get(connection) ?? 0;
  }

  /** Resolves when a connection has ended. */
  ended(connection: string): Promise<Ending> {
    const ending = this.#endings.get(connection);
    return ending ? Promise.resolve(ending) : new Promise((resolve) => this.#waiting.set(connection, resolve));
  }

  failures(): readonly string[] {
    return this.#failures;
  }
}
