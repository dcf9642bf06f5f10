import { readNumber, writeNumber } from "../../src/wire/numbers.ts";
import { readPacket, writePackets } from "../../src/wire/packets.ts";
import { type Group, must, type Step, TOGETHER } from "./step.ts";

const LIMIT = 131_072;
const NUMBER = 70_000;

const createFrames = (): string[] => Array.from({ length: TOGETHER }, (_, id) => `?@${writeNumber(id)}@{"n":${id}}`);

/** Writes frames as one packet. A list that was written last is not written again, so there are two that are alike. */
function writing(name: string, create: () => readonly (string | Uint8Array)[]): Step {
  const lists = [create(), create()];
  let turn = 0;
  let packets = 0;
  const target = { send: (packet: string | Uint8Array): void => void (packets += packet.length > 0 ? 1 : 0) };
  return {
    name,
    operations: 1,
    run() {
      packets = 0;
      writePackets(lists[turn++ & 1]!, LIMIT, target);
      must(packets === 1, "No packet was written");
    },
  };
}

function reading(name: string, packet: string | Uint8Array): Step {
  let frames = 0;
  const sink = {
    frame: (): boolean => {
      frames++;
      return true;
    },
  };
  return {
    name,
    operations: 1,
    run() {
      frames = 0;
      readPacket(packet, sink);
      must(frames === TOGETHER, `${frames} frames were read`);
    },
  };
}

/** Numbers and packets. */
export const wire: Group = {
  name: "wire",
  async prepare() {
    const cursor = { text: writeNumber(NUMBER), at: 0 };
    const withBytes = (): (string | Uint8Array)[] => [...createFrames().slice(1), Uint8Array.of(0x40, 1, 2, 3)];
    let binary: string | Uint8Array = "";
    writePackets(withBytes(), LIMIT, { send: (packet) => void (binary = packet) });
    return [
      {
        name: "write a number",
        operations: 1,
        run: () => must(writeNumber(NUMBER).length === 4, "Not as many digits"),
      },
      {
        name: "read a number",
        operations: 1,
        run() {
          cursor.at = 0;
          must(readNumber(cursor) === NUMBER, "Another number");
        },
      },
      writing(`write a text packet of ${TOGETHER} frames`, createFrames),
      writing(`write a binary packet of ${TOGETHER} frames`, withBytes),
      reading(`read a text packet of ${TOGETHER} frames`, createFrames().join("\x1e")),
      reading(`read a binary packet of ${TOGETHER} frames`, binary),
    ];
  },
};
