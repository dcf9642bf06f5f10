import { MAX_NUMBER, writeNumber } from "../../src/wire/numbers.ts";

/** What a client says on its way in. */
export interface Step {
  readonly say?: readonly string[];
  /** Whether it is in: connected, and in the room where it wants to be. */
  readonly entered: boolean;
}

/** How the clients of a crowd talk to a system: what must be known to bring them in, and to tell what they receive. */
export interface Dialect {
  readonly path: string;
  readonly subprotocol?: string;
  /** Whether it is in as soon as the socket is open. */
  readonly silent?: boolean;
  /**
   * What a client answers before it is in.
   *
   * @param message what the server says
   * @param room whether the client wants to be in the room
   * @param claim what it comes back with, if it comes back
   */
  enter(message: string, room: boolean, claim: string | undefined): Step;
  /**
   * What a client comes back with that has lost its socket, where a system knows such a thing.
   *
   * @param opening the first messages that it was sent, a line each
   * @param frames how many counted frames it has received
   */
  claim?(opening: string, frames: number): string;
  /** Whether a claim is a subprotocol. */
  readonly claimsEarly?: boolean;
  /** Whether those who came with a claim are who they were, by the first messages that they were sent before and since. */
  isBack?(before: string, since: string): boolean;
  /** Messages that publish to the room; where calls have numbers, there are some for those under way. */
  readonly publish: readonly string[];
  /** Whether a frame is a publication. */
  isPublication(frame: string): boolean;
  /** A call that gives back what it is given, and what comes back. */
  readonly call: string;
  readonly reply: string;
  /** What stands between two frames in a message, where one may hold several. */
  readonly separator?: string;
  /** Whether a frame counts among those that are acknowledged. */
  isCounted?(frame: string): boolean;
  readonly acknowledge?: (count: number) => string;
  /** The answer to a heartbeat. */
  readonly ping: string;
  readonly pong: string;
}

export const TEXT: string = "x".repeat(18);
const publication = JSON.stringify(TEXT);
const value = '{"n":1}';

/** A server that gives back what it is given, or sends it to everybody. */
export const bare: Dialect = {
  path: "/",
  silent: true,
  enter: () => ({ entered: true }),
  publish: [publication],
  isPublication: (frame) => frame === publication,
  call: value,
  reply: value,
  ping: "",
  pong: "",
};

/** Service 0 of `servers/crowd-prism.ts` is rpc, service 1 pubsub; channel numbers come with announcements. */
export const prism: Dialect = {
  path: "/prism",
  subprotocol: "prism.1",
  enter(message, room) {
    if (message.startsWith("$")) return { say: room ? ["%@", '?A@+@{"c":"room"}'] : ["%@"], entered: !room };
    return { entered: message.includes("=@") };
  },
  claim: (opening, frames) => `prism.resume.${/"resume":"([\w-]+)"/.exec(opening)![1]}.${frames}`,
  claimsEarly: true,
  isBack: (_, since) => since.includes('"resumed":true'),
  publish: Array.from({ length: 32 }, (_, id) => `?A${writeNumber(id)}@${publication}`),
  isPublication: (frame) => frame.startsWith("A") && frame.endsWith(publication),
  call: `?@@@${value}`,
  reply: `=@${value}`,
  separator: "\x1e",
  isCounted: (frame) => !/^[$%()]/.test(frame),
  acknowledge: (count) => `%${writeNumber(count & MAX_NUMBER)}`,
  ping: "(",
  pong: ")",
};

/** Everybody who connects to `peers/socket-io.js` is in its room. */
export const socketIo: Dialect = {
  path: "/socket.io/?EIO=4&transport=websocket",
  enter(message, _, claim = "") {
    if (message.startsWith("0")) return { say: [`40${claim}`], entered: false };
    return { entered: message.startsWith("40") };
  },
  publish: [`42["publish",${publication}]`],
  isPublication: (frame) => frame === `42["message",${publication}]`,
  call: `420["echo",${value}]`,
  reply: `430[${value}]`,
  ping: "2",
  pong: "3",
};

/** Clients of `peers/recovering-socket-io.js`: each is sent one event at first, with the offset that it needs to come back. */
export const recoveringSocketIo: Dialect = {
  ...socketIo,
  enter: (message, room, claim) =>
    message.startsWith("0") || claim !== undefined
      ? socketIo.enter(message, room, claim)
      : { entered: message.startsWith('42["hello"') },
  claim: (opening) => {
    const [, pid] = /"pid":"([^"]+)"/.exec(opening)!;
    const [, offset] = /42\["hello","([^"]+)"\]/.exec(opening)!;
    return JSON.stringify({ pid, offset });
  },
  isBack: (before, since) => sidOf(before) === sidOf(since),
};

function sidOf(opening: string): string {
  return /^40\{"sid":"([^"]+)"/m.exec(opening)![1]!;
}

/**
 * A text message of a client as a WebSocket frame.
 *
 * @param text at most 65,535 bytes
 */
export function toFrame(text: string): Buffer {
  const payload = Buffer.from(text);
  const length = payload.length < 126 ? [0x80 | payload.length] : [0xfe, payload.length >> 8, payload.length & 255];
  // A mask of zeros is a mask.
  return Buffer.concat([Buffer.from([0x81, ...length, 0, 0, 0, 0]), payload]);
}
