import type { Socket } from "../../src/socket/socket.ts";
import type { Packet } from "./grammar.ts";
import type { Wire, World } from "./world.ts";

/** Bugs that can be planted, to see whether they are found. */
export type Plant =
  | "acknowledgement"
  | "adapter"
  | "answer"
  | "credit"
  | "deaf"
  | "future"
  | "grammar"
  | "late"
  | "leak"
  | "prototype"
  | "rejection"
  | "replay"
  | "spent"
  | "takeover"
  | "throw"
  | "timer"
  | "trusting";

/** What takes what comes on a socket, by who watches it: an older socket's may be taken for that of a newer one. */
export const handlers = new WeakMap<object, (packet: Packet) => void>();

/** A socket of an adapter, or an app, that has a bug. */
export function planted(world: World, { tap, referee }: Pick<Wire, "tap" | "referee">): Socket {
  const { plant, random } = world;
  const now = (): boolean => random.chance(0.05);
  const { send, close } = tap;
  if (plant === "grammar") tap.send = (packet) => send.call(tap, now() ? `${String(packet)}\x1e` : packet);
  if (plant === "credit") tap.send = (packet) => send.call(tap, now() ? "<@1" : packet);
  if (plant === "acknowledgement") tap.send = (packet) => void (isCount(packet) || send.call(tap, packet));
  if (plant === "replay") {
    // What is sent again begins too late.
    const replays = (packet: Packet): boolean => !isLink(packet) && (referee.account?.replay.length ?? 0) > 0;
    tap.send = (packet) => void (replays(packet) || send.call(tap, packet));
  }
  if (plant === "takeover") tap.close = (code, reason) => void (code === 4001 || close.call(tap, code, reason));
  if (plant === "deaf") tap.close = (code, reason) => void (code === 1002 || close.call(tap, code, reason));
  if (plant === "leak" && now()) {
    // Another socket for the same client, which it does not know of and an intermediary keeps alive.
    void world.dial(["prism.1"]).then((forgotten) => {
      forgotten.onmessage = (packet) => {
        if (packet === "(") forgotten.send(")");
      };
    });
  }
  const inner = Object.getOwnPropertyDescriptor(tap, "onmessage")!.value as Socket["onmessage"];
  let handler = inner;
  handlers.set(referee, (packet) => handler.call(tap, packet));
  Object.defineProperty(tap, "onmessage", {
    get: () => (packet: string | Uint8Array) => {
      if (plant === "future" && isCount(packet) && referee.verdict === "breach") return undefined;
      if (plant === "adapter" && now()) return handler.call(tap, undefined as never);
      if (plant === "throw" && now()) throw new TypeError("Thrown in the receive path");
      if (plant === "rejection" && now()) void Promise.reject(new Error("Nobody catches this"));
      if (plant === "prototype" && now()) Object.assign(Object.prototype, { polluted: true });
      if (plant === "trusting" && typeof packet === "string" && now()) return handler.call(tap, "$[]");
      handler.call(tap, packet);
    },
    set: (given: Socket["onmessage"]) => {
      handler = given;
    },
  });
  return tap;
}

function isCount(packet: Packet): boolean {
  return typeof packet === "string" && packet.startsWith("%") && !packet.includes("\x1e");
}

function isLink(packet: Packet): boolean {
  return typeof packet === "string" && "$%()".includes(packet[0] ?? "x");
}
