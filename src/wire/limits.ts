// This file imports nothing: of such, bundlers write constants where they are used.

/** The most frames that a packet may hold (PROTOCOL.md, "Limits and errors"). */
export const MAX_FRAMES = 1024;
/** The most characters that a number has. */
export const MAX_DIGITS = 7;
/** No header is longer: a kind and two numbers of 7 characters. */
export const MAX_HEADER = 15;
/** Items that may be sent before the first grant (PROTOCOL.md, "Calls"). */
export const INITIAL_CREDIT = 16;
/** After how many items taken their credit is granted again: half, so that a busy sender does not run dry. */
export const GRANT_EVERY = 8;
/** After how many counted frames, or bytes, or ms, they are acknowledged at the latest (PROTOCOL.md, "Counting"). */
export const ACKNOWLEDGE_FRAMES = 64;
export const ACKNOWLEDGE_BYTES = 65_536;
export const ACKNOWLEDGE_WITHIN = 1_000;

/** Bounds on what a peer can make this end hold or do. Each end bounds what it receives. */
export interface Limits {
  /** The largest packet from a client, in bytes: 131,072. Larger ones are parsed at once and stall everybody else. */
  readonly packet: number;
  /** Frames in one packet from a client: 1,024, and no more, which is the protocol's. All of them run in one turn. */
  readonly frames: number;
  /**
   * Calls of one peer that may be in progress, and whose handlers may be at work though nobody waits for them any more:
   * 1,024. Each holds a handler and its context; one more is `busy`.
   */
  readonly calls: number;
  /**
   * Calls of one peer that may have items on their way, either way: 256. Each holds an iterator that runs, or a queue
   * that fills, far more than a call that only waits; one more is `busy`.
   */
  readonly streams: number;
  /**
   * What items of one peer may hold until handlers take them, and messages that wait for asynchronous middleware or
   * schemas, in bytes: 8 MiB, enough for four streams at full speed.
   */
  readonly held: number;
  /** How deep JSON from a client may be nested: 512. Writing a deeper value again stalls some runtimes. */
  readonly depth: number;
  /** Bytes that may wait for a peer that does not read: 4 MiB. Then it is closed with 4002, so that memory is bounded. */
  readonly sendLimit: number;
  /**
   * How long a connection lives without a socket, in ms: 120,000, enough for a lift, a tunnel or a closed lid. 0: it ends
   * with its socket, and nothing is kept or acknowledged.
   */
  readonly resumeWithin: number;
  /**
   * What is kept for a peer until it acknowledges, in bytes or characters: 1 MiB. At the bound what can wait waits; what
   * cannot ends a connection that has no socket. 0 as for `resumeWithin`.
   */
  readonly replayLimit: number;
  /**
   * How many frames are kept: 1,024, one full packet; more would be as much memory again for small ones. Clients acknowledge
   * 64 frames or 64 KiB at a time, or after a second: with less room than that they are served in bursts.
   */
  readonly replayFrames: number;
  /** An end that has sent nothing for this long shows that it lives, in ms: 25,000, under common proxies' 30 s. */
  readonly heartbeat: number;
  /** How long over `heartbeat` a silent peer is waited for, in ms: 10,000, enough for a slow mobile link. */
  readonly patience: number;
  /** How long a peer may take from the upgrade to its first frame, in ms: 10,000. */
  readonly handshake: number;
  /** Connections in all: 100,000. Each holds some kilobytes, so these fit into a gigabyte; one more is refused with 503. */
  readonly connections: number;
  /**
   * Connections from one address, or one IPv6 network of 64 bits: 1,024, as many as an office has. One more is refused
   * with 429. A private address is counted only behind trusted proxies: else it most likely is a proxy's.
   */
  readonly connectionsPerAddress: number;
  /** Upgrades a second: 10,000, more than one core can do. Those beyond are refused with 503 before they cost anything. */
  readonly upgrades: number;
  /** How long a call may take when its caller says nothing, in ms: 30,000. */
  readonly timeout: number;
}

/** See `Limits`; a client has these, too. */
export const PACKET = 131_072;
export const CALLS = 1024;
export const REPLAY_LIMIT = 1_048_576;
export const REPLAY_FRAMES = 1024;
export const PATIENCE = 10_000;
export const HANDSHAKE = 10_000;
export const TIMEOUT = 30_000;

/** The limits that hold where nothing else is said. */
export const defaultLimits: Limits = {
  packet: PACKET,
  frames: MAX_FRAMES,
  calls: CALLS,
  streams: 256,
  held: 8_388_608,
  depth: 512,
  sendLimit: 4_194_304,
  resumeWithin: 120_000,
  replayLimit: REPLAY_LIMIT,
  replayFrames: REPLAY_FRAMES,
  heartbeat: 25_000,
  patience: PATIENCE,
  handshake: HANDSHAKE,
  connections: 100_000,
  connectionsPerAddress: 1024,
  upgrades: 10_000,
  timeout: TIMEOUT,
};
