import type { RuntimeName } from "../support/runtimes.ts";

/** What a platform does by itself, for better or worse; docs/security.md tells of it. */
export interface Platform {
  /** The codes for what the WebSocket protocol forbids; none where TCP is just closed. */
  readonly invalidText: number | undefined;
  readonly protocolError: number | undefined;
  /** The code for a frame that claims 2^40 bytes. */
  readonly hugeFrame: number | undefined;
  /** The code for a message in 20,000 fragments; none where it is taken. */
  readonly fragments: number | undefined;
  /** Whether it can compress messages, and so be sent what inflates. */
  readonly compresses: boolean;
  /** Whether TCP is closed under a peer whose pings come faster than they are answered. */
  readonly cutsPingFloods: boolean;
  /** The status of a request with 2,000 short headers. */
  readonly manyHeaders: number;
  /** The status of a request with a header of 100,000 characters. */
  readonly longHeader: number;
  /** The status of an upgrade with a cookie of 16 KiB. */
  readonly longCookie: number;
  /** The status of an upgrade to version 12 of the WebSocket protocol. */
  readonly otherVersion: number;
  /** Whether who goes on sending after the close may see a reset, and never its code. */
  readonly resetsBusyPeers: boolean;
  /** Whether clients for whom there is no descriptor are turned away; else they wait until there is one. */
  readonly turnsAwayWithoutDescriptors: boolean;
  /** Whether a request that never comes to its end is cut when the handshake has had its time. */
  readonly cutsSlowRequests: boolean;
}

const node: Platform = {
  invalidText: 1007,
  protocolError: 1002,
  hugeFrame: 1009,
  fragments: 1008,
  compresses: true,
  cutsPingFloods: true,
  manyHeaders: 101,
  longHeader: 431,
  longCookie: 431,
  otherVersion: 400,
  resetsBusyPeers: false,
  turnsAwayWithoutDescriptors: true,
  cutsSlowRequests: true,
};

export const platforms: Readonly<Record<RuntimeName, Platform>> = {
  node20: node,
  nodeCurrent: { ...node, manyHeaders: 431 },
  bun: {
    ...node,
    fragments: undefined,
    cutsPingFloods: false,
    manyHeaders: 431,
    otherVersion: 426,
    turnsAwayWithoutDescriptors: false,
    cutsSlowRequests: false,
  },
  deno: {
    invalidText: undefined,
    protocolError: undefined,
    hugeFrame: undefined,
    fragments: undefined,
    compresses: false,
    cutsPingFloods: false,
    manyHeaders: 400,
    longHeader: 400,
    longCookie: 101,
    otherVersion: 101,
    resetsBusyPeers: true,
    turnsAwayWithoutDescriptors: true,
    cutsSlowRequests: false,
  },
};
