/** Bounds on what a peer can make this end hold or do. Each end bounds what it receives. */
export interface Limits {
  /** The largest packet from a client, in bytes: 131,072. Larger ones are parsed at once and stall everybody else. */
  readonly packet: number;
  /** Calls of one peer that may be in progress: 1,024. Each holds a handler and its context; one more is `busy`. */
  readonly calls: number;
  /** What items of one peer may hold until handlers take them, in bytes: 8 MiB, enough for four streams at full speed. */
  readonly held: number;
  /** How deep JSON from a client may be nested: 512. Writing a deeper value again stalls some runtimes. */
  readonly depth: number;
  /** Bytes that may wait for a peer that does not read: 4 MiB. Then it is closed with 4002, so that memory is bounded. */
  readonly sendLimit: number;
  /** An end that has sent nothing for this long shows that it lives, in ms: 25,000, under common proxies' 30 s. */
  readonly heartbeat: number;
  /** How long over `heartbeat` a silent peer is waited for, in ms: 10,000, enough for a slow mobile link. */
  readonly patience: number;
  /** How long a peer may take from the upgrade to its first frame, in ms: 10,000. */
  readonly handshake: number;
  /** How long a call may take when its caller says nothing, in ms: 30,000. */
  readonly timeout: number;
}

/** The limits that hold where nothing else is said. */
export const defaultLimits: Limits = {
  packet: 131_072,
  calls: 1024,
  held: 8_388_608,
  depth: 512,
  sendLimit: 4_194_304,
  heartbeat: 25_000,
  patience: 10_000,
  handshake: 10_000,
  timeout: 30_000,
};
