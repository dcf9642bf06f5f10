import { MAX_NUMBER, writeNumber } from "../src/wire/numbers.ts";
import type { Protocol } from "./load.ts";

const value = '{"n":1}';

/** Calls of a procedure that gives back what it is given, the first of the first service. */
export const echoProtocol: Protocol = {
  path: "/prism",
  subprotocol: "prism.1",
  acknowledge: (count) => `%${writeNumber(count & MAX_NUMBER)}`,
  requests: (ids) => [ids.map((id) => `?@${String.fromCharCode(0x40 + id)}@${value}`).join("\x1e")],
  replies: (message) => {
    if (message.startsWith("$") || message.startsWith("%")) return [];
    return message.split("\x1e").map((frame) => {
      if (frame[0] !== "=" || frame.slice(2) !== value) throw new Error(`Wrong reply ${frame}`);
      return frame.charCodeAt(1) - 0x40;
    });
  },
};
