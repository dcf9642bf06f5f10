import type { Label } from "./nats-format.ts";

/** How a stream keeps things. Made with the same words by all nodes, or kept as the first of them has made it. */
export interface StreamConfig {
  readonly name: string;
  readonly subjects: readonly string[];
  /** How many of each subject, all where nothing is said. */
  readonly size?: number;
  /** For how long, in ms; for ever where nothing is said. */
  readonly ttl?: number;
  /** Where: what comes to be known again by itself needs no disk. */
  readonly storage: "file" | "memory";
  /** Where what is stored is sent to those who listen. */
  readonly live?: string;
}

/** The messages of one subject of a stream. */
export interface Log {
  readonly stream: StreamConfig;
  readonly subject: string;
}

/** Something to be stored. */
export interface Append {
  readonly label?: Label;
  readonly data?: Uint8Array;
  /** Where the log's last message must stand, 0 for none. */
  readonly expected?: number;
  /** Under which it is stored once only. */
  readonly id?: string;
}

/** What became of it: without `seq` the last message stands at `last`, and `unsure` is whether it was tried before. */
export interface Appended {
  readonly seq: number | undefined;
  readonly last: number | undefined;
  readonly unsure: boolean;
}
