import type { Logger } from "../service/hosts.ts";
import { isThenable } from "../service/thenable.ts";

/** How much an entry of the log matters. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** What an entry of the log says. */
export interface LogFields {
  /** How much it matters. */
  readonly level: LogLevel;
  /** What happened, in a few words. */
  readonly message: string;
  /** The connection that it is about. */
  readonly connection?: string | undefined;
  /** The service that it is about. */
  readonly service?: string | undefined;
  /** Anything that helps: numbers, an error. */
  readonly data?: unknown;
}

/** An entry of the log. `console.log` and the like print it as one readable line. */
export interface LogEntry extends LogFields {
  /** When, in ms since 1970. */
  readonly time: number;
  /** The entry as one line; control characters are escaped, so that nothing in it can forge another. */
  toString(): string;
}

/** Takes the entries of an app's log. */
export type Log = (entry: LogEntry) => void;

/** No line of a log is of use beyond this. */
const MAX_LINE = 500;

class Entry implements LogEntry {
  readonly time: number;
  readonly level: LogLevel;
  readonly message: string;
  readonly connection: string | undefined;
  readonly service: string | undefined;
  readonly data: unknown;

  constructor(time: number, fields: LogFields) {
    this.time = time;
    this.level = fields.level;
    this.message = fields.message;
    this.connection = fields.connection;
    this.service = fields.service;
    this.data = fields.data;
  }

  toString(): string {
    const { level, message, connection, service, data } = this;
    const time = new Date(this.time).toISOString();
    const parts = [time, level.padEnd(5), connection, service, message, data === undefined ? undefined : toText(data)];
    return escape(parts.filter((part) => part !== undefined).join(" "));
  }

  // Node and Bun ask for the first when they print an object, Deno for the second.
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }

  [Symbol.for("Deno.customInspect")](): string {
    return this.toString();
  }
}

function toText(data: unknown): string {
  try {
    if (data instanceof Error) return String(data.stack ?? data);
    return typeof data === "string" ? data : (JSON.stringify(data) ?? String(data));
  } catch {
    // Anything may be thrown, also what has no text.
    return typeof data === "bigint" ? String(data) : toKind(data);
  }
}

/** Also of a proxy that throws when it is looked at. */
function toKind(data: unknown): string {
  try {
    return Object.prototype.toString.call(data);
  } catch {
    return `[${typeof data}]`;
  }
}

function escape(line: string): string {
  const short = line.length > MAX_LINE ? `${line.slice(0, MAX_LINE)}…` : line;
  // Everything that could end a line, steer a terminal, or turn its letters around.
  return short.replace(/[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu, (mark) =>
    mark === "\n" ? "\\n" : `\\u${mark.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Writes entries, or does nothing where nobody wants them. */
export class AppLog {
  /** Whether anybody wants entries; what is costly to make is not made otherwise. */
  readonly on: boolean;
  readonly #log: Log | undefined;
  readonly #wallClock: () => number;

  /**
   * @param log takes the entries
   * @param wallClock the time in ms since 1970
   */
  constructor(log: Log | undefined, wallClock: () => number) {
    this.on = log !== undefined;
    this.#log = log;
    this.#wallClock = wallClock;
  }

  /** Writes an entry. A log that throws is left alone. */
  write(level: LogLevel, message: string, about: Omit<LogFields, "level" | "message"> = {}): void {
    try {
      const late: unknown = this.#log?.(new Entry(this.#wallClock(), { level, message, ...about }));
      if (isThenable(late)) Promise.resolve(late).catch(() => {});
    } catch {
      // There is nowhere left to say so.
    }
  }

  /** The log of one service. */
  forService(service: string): Logger {
    return {
      debug: (message, data) => this.write("debug", message, { service, data }),
      info: (message, data) => this.write("info", message, { service, data }),
      warn: (message, data) => this.write("warn", message, { service, data }),
      error: (message, data) => this.write("error", message, { service, data }),
    };
  }
}
