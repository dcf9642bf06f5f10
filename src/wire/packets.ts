import { PROTOCOL_ERROR, TOO_BIG } from "./close-codes.ts";
import { PrismError, WireError } from "./errors.ts";
import { createHeader, headerText, readHeader, type Body, type Frame, type Header } from "./frames.ts";
import { MAX_FRAMES, MAX_HEADER } from "./limits.ts";
import { toUtf8, utf8Length } from "./utf8.ts";

const SEPARATOR = "\x1e";
/** The most that a frame's length takes in a binary packet, and more than a separator in a text one. */
const MAX_OVERHEAD = 5;

/** Takes the frames of a packet, one after the other. */
export interface FrameSink {
  /**
   * Takes one frame.
   *
   * @param header valid during the call only
   * @param body what follows the header
   * @returns false to pass over the rest of the packet
   */
  frame(header: Header, body: Body): boolean;
}

/** Takes whole packets: a socket, say. */
export interface PacketTarget {
  /** Takes one packet. */
  send(packet: string | Uint8Array): void;
}

/**
 * Reads a packet and hands each frame to the sink (PROTOCOL.md, "Packets and frames").
 *
 * @param packet one transport message
 * @param sink who takes the frames
 * @param most how many frames it may hold
 * @throws {WireError} 1002 at the first frame that breaks the protocol; those before it have been handed over
 */
export function readPacket(packet: string | Uint8Array, sink: FrameSink, most: number = MAX_FRAMES): void {
  if (typeof packet === "string") readText(packet, sink, most);
  else readBinary(packet, sink, most);
}

function readText(packet: string, sink: FrameSink, most: number): void {
  const header = createHeader();
  header.text = packet;
  for (let start = 0, left = most; start <= packet.length; left--) {
    let end = packet.indexOf(SEPARATOR, start);
    if (end < 0) end = packet.length;
    header.at = start;
    const hasBody = start < end && readHeader(header);
    checkFrame(left, start, header.at, end, hasBody);
    if (!sink.frame(header, hasBody ? packet.slice(header.at, end) : "")) return;
    start = end + 1;
  }
}

function readBinary(packet: Uint8Array, sink: FrameSink, most: number): void {
  const header = createHeader();
  let at = 0;
  let left = most;
  do {
    let length = 0;
    let byte = 0x80;
    for (let shift = 0; byte & 0x80; shift += 7) {
      byte = packet[at++] ?? 0x80;
      length += (byte & 0x7f) * 2 ** shift;
      // Too long, cut off, or not in its shortest form.
      const bad = shift > 28 || at > packet.length || (byte === 0 && shift > 0);
      if (bad) throw new WireError(PROTOCOL_ERROR, "Malformed length");
    }
    const end = at + length;
    if (end > packet.length) throw new WireError(PROTOCOL_ERROR, "Malformed length");
    header.text = headerText(packet, at, Math.min(length, MAX_HEADER));
    header.at = 0;
    const hasBody = length > 0 && readHeader(header);
    const body = at + header.at;
    checkFrame(left--, at, body, end, hasBody);
    if (!sink.frame(header, hasBody ? packet.subarray(body, end) : "")) return;
    at = end;
  } while (at < packet.length);
}

function checkFrame(left: number, start: number, body: number, end: number, hasBody: boolean): void {
  if (left < 1) throw new WireError(PROTOCOL_ERROR, "Too many frames in a packet");
  if (start === end || (!hasBody && body !== end)) throw new WireError(PROTOCOL_ERROR, "Malformed frame");
}

/**
 * Joins frames into as few packets as the limits allow, in order. One text frame, or several, become a text packet; a
 * packet that holds bytes becomes a binary one.
 *
 * @param frames at least one frame, and nobody's to change
 * @param limit the most bytes a packet may have; a longer frame goes alone
 * @param target takes each packet
 * @param most how many frames a packet may hold
 * @returns the packet, where there is only one
 */
export function writePackets(
  frames: readonly Frame[],
  limit: number,
  target: PacketTarget,
  most: number = MAX_FRAMES,
): string | Uint8Array | undefined {
  let from = 0;
  let bytes = 0;
  for (let i = 0; i < frames.length; i++) {
    // One that is alone goes whatever its size, and to count a long text's bytes takes time.
    const size = frames.length === 1 ? 0 : frameLength(frames[i]!, limit) + MAX_OVERHEAD;
    if (i > from && (bytes + size > limit || i - from >= most)) {
      target.send(writePacket(frames.slice(from, i)));
      from = i;
      bytes = 0;
    }
    bytes += size;
  }
  const packet = writePacket(from === 0 ? frames : frames.slice(from));
  target.send(packet);
  return from === 0 ? packet : undefined;
}

function writePacket(frames: readonly Frame[]): string | Uint8Array {
  const first = frames[0]!;
  if (frames.length === 1 && typeof first === "string") return first;
  for (const frame of frames) if (typeof frame !== "string") return writeBinary(frames);
  return frames.join(SEPARATOR);
}

function writeBinary(frames: readonly Frame[]): Uint8Array {
  const parts = frames.map((frame) => (typeof frame === "string" ? toUtf8(frame) : frame));
  const packet = new Uint8Array(parts.reduce((sum, part) => sum + part.length + MAX_OVERHEAD, 0));
  let at = 0;
  for (const part of parts) {
    let length = part.length;
    for (; length > 0x7f; length >>>= 7) packet[at++] = (length & 0x7f) | 0x80;
    packet[at++] = length;
    packet.set(part, at);
    at += part.length;
  }
  return packet.subarray(0, at);
}

/**
 * How many bytes a frame takes; exact where it matters, that is near the limit, and never too small.
 *
 * @param frame the frame
 * @param limit below a small part of this, the length is estimated from above without looking at each character
 * @returns bytes
 */
export function frameLength(frame: Frame, limit: number): number {
  if (typeof frame !== "string") return frame.length;
  // Those that are not short are written in less time than their characters can be counted.
  return frame.length * 64 < limit ? frame.length * 3 : toUtf8(frame).length;
}

/**
 * Refuses a frame that no packet can hold.
 *
 * @param frame the frame
 * @param limit the most bytes that a packet may have
 * @throws {PrismError} `too_large` if it is longer
 */
export function checkFrameSize(frame: Frame, limit: number): void {
  if (frame.length * 3 + MAX_OVERHEAD <= limit) return;
  const size = frameLength(frame, 0) + (typeof frame === "string" ? 0 : MAX_OVERHEAD);
  if (size > limit) throw new PrismError("too_large", `${size} bytes, over ${limit}`);
}

/**
 * Refuses a packet that is over the limit; for transports that have no limit of their own.
 *
 * @param packet one transport message
 * @param limit the most bytes that it may have
 * @throws {WireError} 1009 if it has more
 */
export function checkPacketSize(packet: string | Uint8Array, limit: number): void {
  const { length } = packet;
  if (length > limit || (typeof packet === "string" && length * 3 > limit && utf8Length(packet) > limit)) {
    throw new WireError(TOO_BIG, "Packet over the limit");
  }
}
