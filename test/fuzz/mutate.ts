import { Buffer } from "node:buffer";
import { joinPacket, MAX_FRAMES, readPacket, writeLength, type Body, type Packet } from "./grammar.ts";
import type { Random } from "./random.ts";

/** The frames of a packet as they stand in it, as far as it can be cut. */
function framesOf(packet: Packet): Body[] {
  if (typeof packet === "string") return packet.split("\x1e");
  // Only the lengths matter here.
  const frames: Body[] = [];
  let at = 0;
  const { frames: read } = readPacket(packet, MAX_FRAMES);
  for (let i = 0; i < read.length; i++) {
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = packet[at++]!;
      length += (byte & 127) * 2 ** shift;
      if (byte < 128) break;
    }
    frames.push(packet.subarray(at, at + length));
    at += length;
  }
  return frames;
}

/** Changes a packet in one of the ways in which packets come to harm, or are brought to it. */
export function mutate(random: Random, packet: Packet, other: Packet): Packet {
  switch (random.below(8)) {
    case 0:
      return flip(random, packet);
    case 1:
      return packet.slice(0, random.below(packet.length + 1));
    case 2:
      return packet.slice(random.below(packet.length + 1));
    case 3: {
      // The beginning of one, and the end of the other.
      const [head, tail] = [random.below(packet.length + 1), random.below(other.length + 1)];
      if (typeof packet === "string" && typeof other === "string") return packet.slice(0, head) + other.slice(tail);
      const [first, second] = [Buffer.from(packet as string), Buffer.from(other as string)];
      return Uint8Array.from(Buffer.concat([first.subarray(0, head), second.subarray(tail)]));
    }
    case 4: {
      const frames = [...framesOf(packet), ...framesOf(other)];
      for (let i = frames.length - 1; i > 0; i--) {
        const j = random.below(i + 1);
        [frames[i], frames[j]] = [frames[j]!, frames[i]!];
      }
      return joinPacket(frames, random.chance(0.3));
    }
    case 5: {
      const frames = framesOf(packet);
      const twice = random.below(frames.length + 1);
      return joinPacket([...frames.slice(0, twice), ...frames.slice(Math.max(0, twice - 1))], random.chance(0.3));
    }
    case 6: {
      const at = random.below(packet.length + 1);
      const odd = random.pick(["\x1e", "\x1b", "\0", "\x7f", "`", "@", "é", "\ud800", "\ufeff", "a".repeat(50)]);
      if (typeof packet === "string") return packet.slice(0, at) + odd + packet.slice(at);
      return Uint8Array.from(Buffer.concat([packet.subarray(0, at), Buffer.from(odd), packet.subarray(at)]));
    }
    default:
      // The same in the other kind of packet, perhaps without the length that it should have there.
      if (typeof packet !== "string") return Buffer.from(packet).toString("latin1");
      return random.chance(0.5)
        ? joinPacket(packet.split("\x1e"), true)
        : Uint8Array.from(Buffer.concat([Buffer.from(writeLength(packet.length)), Buffer.from(packet)]));
  }
}

function flip(random: Random, packet: Packet): Packet {
  if (packet.length === 0) return packet;
  const at = random.below(packet.length);
  const bit = 1 << random.below(8);
  if (typeof packet !== "string") return packet.map((byte, i) => (i === at ? byte ^ bit : byte));
  return packet.slice(0, at) + String.fromCharCode(packet.charCodeAt(at) ^ bit) + packet.slice(at + 1);
}
