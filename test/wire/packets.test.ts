import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bodyText } from "../../src/wire/codecs.ts";
import { writeFrame, type Frame } from "../../src/wire/frames.ts";
import { MAX_FRAMES } from "../../src/wire/limits.ts";
import { checkPacketSize, readPacket, writePackets } from "../../src/wire/packets.ts";
import { toUtf8 } from "../../src/wire/utf8.ts";
import { anyParts, closeCodeOf, Collector, comparable, packetText, toFrame, type Parts } from "./support.ts";

type Packet = string | Uint8Array;

function write(frames: readonly Frame[], limit: number): Packet[] {
  const packets: Packet[] = [];
  writePackets(frames, limit, { send: (packet) => packets.push(packet) });
  return packets;
}

function read(packet: Packet): Parts[] {
  const sink = new Collector();
  readPacket(packet, sink);
  return sink.frames;
}

const byteLength = (packet: Packet): number => (typeof packet === "string" ? Buffer.byteLength(packet) : packet.length);
const binary = (...bytes: (number | string)[]): Uint8Array =>
  Uint8Array.from(bytes.flatMap((part) => (typeof part === "string" ? [...Buffer.from(part, "latin1")] : [part])));

const manyPings = (count: number): Uint8Array => binary(...Array.from({ length: count }, () => [1, "("]).flat());

/** Joins frames by the letter of PROTOCOL.md, "Packets and frames". */
function joinByTheBook(frames: readonly Frame[], asText: boolean): Packet {
  if (asText) return frames.join("\x1e");
  return Buffer.concat(
    frames.flatMap((frame) => {
      const bytes = typeof frame === "string" ? Buffer.from(frame) : frame;
      const length: number[] = [];
      let rest = bytes.length;
      do {
        length.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
        rest >>>= 7;
      } while (rest > 0);
      return [Uint8Array.from(length), bytes];
    }),
  );
}

describe("packets", () => {
  const lists = [
    ["text", anyParts(packetText)],
    ["mixed", anyParts()],
    ["bytes", anyParts(fc.uint8Array({ maxLength: 200 }))],
  ] as const;

  test.each(lists)("bring frames of every kind back in order, whatever the limit: %s", (_, parts) => {
    fc.assert(
      fc.property(
        fc.array(parts, { minLength: 1, maxLength: 60 }),
        fc.oneof(fc.integer({ min: 1, max: 400 }), fc.integer({ min: 400, max: 131_072 })),
        (sent, limit) => {
          const packets = write(sent.map(toFrame), limit);
          const received = packets.map(read);
          expect(received.flat().map((frame, i) => comparable(frame, sent[i]!))).toEqual(sent);
          let at = 0;
          packets.forEach((packet, i) => {
            const frames = sent.slice(at, (at += received[i]!.length)).map(toFrame);
            if (frames.length > 1) expect(byteLength(packet)).toBeLessThanOrEqual(limit);
            // It is binary only if it has to be, and just what the protocol says it is.
            const asText = frames.every((frame) => typeof frame === "string");
            expect(typeof packet === "string").toBe(asText);
            expect(Buffer.from(packet as string)).toEqual(Buffer.from(joinByTheBook(frames, asText) as string));
          });
        },
      ),
      { numRuns: 300 },
    );
  });

  test("are as few as one where all frames fit at their largest", () => {
    fc.assert(
      fc.property(fc.array(anyParts(), { minLength: 1, maxLength: 60 }), (sent) => {
        const frames = sent.map(toFrame);
        const most = frames.reduce((sum, frame) => sum + frame.length * 3 + 5, 0);
        expect(write(frames, most)).toHaveLength(1);
      }),
    );
  });

  test("keep to the limit in bytes where characters have several", () => {
    const frames = Array.from({ length: 100 }, () => "A" + "€".repeat(20));
    const packets = write(frames, 2000);
    expect(packets.flatMap(read)).toHaveLength(100);
    for (const packet of packets) expect(byteLength(packet)).toBeLessThanOrEqual(2000);
    expect(packets.length).toBeLessThanOrEqual(5);
  });

  test(`hold at most ${MAX_FRAMES} frames`, () => {
    const frames = Array.from({ length: 2 * MAX_FRAMES + 1 }, (_, i) => `A${i}`);
    for (const list of [frames, frames.map((frame) => toUtf8(frame))]) {
      const packets = write(list, 10_000_000);
      expect(packets.map((packet) => read(packet).length)).toEqual([MAX_FRAMES, MAX_FRAMES, 1]);
    }
  });

  test("hold at most as many frames as the receiver takes", () => {
    const packets: Packet[] = [];
    writePackets(["A1", "A2", "A3"], 1000, { send: (packet) => packets.push(packet) }, 2);
    writePackets(["A4", Uint8Array.of(0x41, 5)], 1000, { send: (packet) => packets.push(packet) }, 1);
    expect(packets).toEqual(["A1\x1eA2", "A3", "A4", Uint8Array.of(2, 0x41, 5)]);
  });

  test("take a frame of the limit's size alone, to the byte", () => {
    const small = "(";
    for (const large of ["A" + "x".repeat(199), "A" + "é".repeat(99) + "x"]) {
      expect(byteLength(large)).toBe(200);
      expect(write([small, large, small], 200)).toEqual([small, large, small]);
    }
    expect(write([writeFrame("A", new Uint8Array(10_000))], 200)).toHaveLength(1);
  });

  test.each([0, 1, 125, 126, 127, 128, 16_381, 16_382, 16_383, 16_384, 2_097_150, 2_097_151])(
    "write a length in its shortest form: body of %i bytes",
    (length) => {
      const [packet] = write([writeFrame("A", new Uint8Array(length)), "("], 10_000_000) as [Uint8Array];
      const prefix = length + 1 < 128 ? 1 : length + 1 < 16_384 ? 2 : length + 1 < 2_097_152 ? 3 : 4;
      expect(packet.length).toBe(prefix + length + 1 + 2);
      expect(packet[prefix]).toBe(0x41);
      expect(read(packet)).toHaveLength(2);
    },
  );

  test("have ASCII before a body of bytes", () => {
    fc.assert(
      fc.property(anyParts(fc.uint8Array()), (parts) => {
        const [packet] = write([toFrame(parts)], 1000) as [Packet];
        const bytes = typeof packet === "string" ? toUtf8(packet) : packet.subarray(bytesOfLength(packet));
        const header = bytes.subarray(0, bytes.length - (parts.body?.length ?? 0));
        expect(header.length).toBeGreaterThanOrEqual(1);
        expect(header.length).toBeLessThanOrEqual(15);
        expect(header.every((byte) => byte < 0x80)).toBe(true);
      }),
    );
  });

  test("are read no further once the sink says so", () => {
    for (const packet of ["A\x1eB\x1e\x00broken", binary(1, "A", 1, "B", 0)]) {
      const sink = new Collector(2);
      readPacket(packet, sink);
      expect(sink.frames.map(({ service }) => service)).toEqual([1, 2]);
    }
  });

  test("give what stands before a broken frame", () => {
    for (const packet of ["A\x1eB\x1e\x00", binary(1, "A", 1, "B", 0)]) {
      const sink = new Collector();
      expect(closeCodeOf(() => readPacket(packet, sink))).toBe(1002);
      expect(sink.frames).toHaveLength(2);
    }
  });
});

function bytesOfLength(packet: Uint8Array): number {
  return packet.findIndex((byte) => byte < 0x80) + 1;
}

describe("a packet that breaks the protocol", () => {
  test.each<[string, Packet]>([
    ["empty text", ""],
    ["empty binary", binary()],
    ["separator alone", "\x1e"],
    ["separator first", "\x1e("],
    ["separator last", "(\x1e"],
    ["two separators", "(\x1e\x1e("],
    ["empty binary frame", binary(0)],
    ["empty binary frame after another", binary(1, "(", 0)],
    ...Array.from("\x00\n \"&'*,.0189:;\x80é\ufeff😀", (kind): [string, Packet] => [
      `unknown kind ${JSON.stringify(kind)}`,
      kind,
    ]),
    ["unknown kind beyond ASCII in a binary packet", binary(1, 0xc1)],
    ["call without a service", "?"],
    ["call without an id", "?@"],
    ["call whose id has no end", "?@a"],
    ["call whose service has a leading zero", "?`@@"],
    ["result without an id", "="],
    ["result with a malformed id", "=1"],
    ["failure without an id", "!{}"],
    ["item without an id", "<"],
    ["item up without an id", ">"],
    ["message whose service has no end", "a"],
    ["message whose service has a leading zero", "`@"],
    ["service of 2^31", "b`````@x"],
    ["id of 2^31", "?@b`````@x"],
    ["end of items with a body", "/@x"],
    ["end of items without an id", "/"],
    ["grant without a count", "+@"],
    ["grant with a body", "+@Ax"],
    ["grant up without a count", "-@"],
    ["grant up with a body", "-@A1"],
    ["grant of nothing", "+@@"],
    ["grant up of nothing", "-@@"],
    ["cancel with a body", "#@x"],
    ["cancel without an id", "#"],
    ["acknowledgement without a count", "%"],
    ["acknowledgement with a body", "%@@"],
    ["negative acknowledgement", "%-A"],
    ["ping with a body", "(x"],
    ["pong with a body", ")x"],
    ["number that goes on in the next frame", "?@a\x1eA"],
    ["length without a frame", binary(1)],
    ["length over the packet", binary(3, "A1")],
    ["length over what is left", binary(1, "(", 2, "(")],
    ["length without an end", binary(0x80)],
    ["length of five bytes without an end", binary(0x80, 0x80, 0x80, 0x80, 0x80)],
    ["length of six bytes", binary(0x81, 0x80, 0x80, 0x80, 0x80, 0x00, "(")],
    ["length of 2^35 − 1", binary(0xff, 0xff, 0xff, 0xff, 0x7f, "(")],
    ["length of 1 + 2^32, which 32-bit arithmetic would take for 1", binary(0x81, 0x80, 0x80, 0x80, 0x10, "(")],
    ["length with a zero too many", binary(0x81, 0x00, "(")],
    ["length with many zeros too many", binary(0x81, 0x80, 0x80, 0x80, 0x00, "(")],
    ["length 0 in two bytes", binary(0x80, 0x00)],
    ["number that goes on behind its binary frame", binary(1, "a", 1, "A")],
    ["text separator between binary frames", binary(3, "(\x1e(")],
    [
      "one frame too many",
      Array(MAX_FRAMES + 1)
        .fill("(")
        .join("\x1e"),
    ],
    ["one binary frame too many", manyPings(MAX_FRAMES + 1)],
  ])("is refused with 1002: %s", (_, packet) => {
    expect(closeCodeOf(() => readPacket(packet, new Collector()))).toBe(1002);
  });

  test("is refused with 1002 where it has more frames than this receiver takes, whose number are handed over", () => {
    for (const packet of ["(\x1e(\x1e(", manyPings(3)]) {
      const collector = new Collector();
      expect(closeCodeOf(() => readPacket(packet, collector, 2))).toBe(1002);
      expect(collector.frames).toHaveLength(2);
      expect(closeCodeOf(() => readPacket(packet, new Collector(), 3))).toBeUndefined();
    }
  });

  test("is not one that has the most frames allowed", () => {
    expect(read(Array(MAX_FRAMES).fill("(").join("\x1e"))).toHaveLength(MAX_FRAMES);
    expect(read(manyPings(MAX_FRAMES))).toHaveLength(MAX_FRAMES);
  });

  /** Takes a packet as a link does, bodies read as text: what is thrown is a WireError of a code that fits. */
  function take(packet: Packet, limit: number): void {
    const code = closeCodeOf(() => {
      checkPacketSize(packet, limit);
      for (const { body } of read(packet)) if (body !== undefined) bodyText(body);
    });
    expect([undefined, 1002, 1007, 1009]).toContain(code);
    if (byteLength(packet) > limit) expect(code).toBe(1009);
    if (code !== undefined) return;
    // What was taken says it in the one way that there is.
    const frames = read(packet).map(toFrame);
    const again = joinByTheBook(frames, typeof packet === "string");
    expect(Buffer.from(again as string)).toEqual(Buffer.from(packet as string));
  }

  test("never makes anything but a WireError: random packets", () => {
    const likely = fc.constantFrom(...Array.from("@A_a`?=!<>/+-#$%()\x1e{}1x"));
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: "binary" }), fc.string({ unit: likely }), fc.uint8Array(), grammarlessBinary()),
        fc.integer({ min: 1, max: 60 }),
        take,
      ),
      { numRuns: 5000 },
    );
  });

  test("never makes anything but a WireError: packets cut, changed and grown", () => {
    fc.assert(
      fc.property(
        fc.array(anyParts(), { minLength: 1, maxLength: 6 }),
        fc.boolean(),
        fc.array(fc.tuple(fc.nat(3), fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        (parts, forceBinary, changes) => {
          const frames = parts.map(toFrame);
          const asText = !forceBinary && frames.every((frame) => typeof frame === "string");
          const bytes = [...Buffer.from(joinByTheBook(frames, asText) as string)];
          for (const [how, where, byte] of changes) {
            const at = where % (bytes.length + 1);
            if (how === 0) bytes.splice(at, 1);
            else if (how === 1) bytes.splice(at, 0, byte);
            else if (how === 2) bytes[at] = byte;
            else bytes.length = at;
          }
          const packet = Buffer.from(bytes);
          take(asText ? packet.toString("utf8") : Uint8Array.from(packet), 1_000_000);
        },
      ),
      { numRuns: 5000 },
    );
  });
});

function grammarlessBinary(): fc.Arbitrary<Uint8Array> {
  const frame = fc.string({ unit: fc.constantFrom(...Array.from("@A_a`?=!<>/+-#$%()\xff")), maxLength: 6 });
  return fc.array(frame).map((frames) => binary(...frames.flatMap((text) => [text.length, text])));
}

describe("a packet's size", () => {
  test("is measured in bytes, and refused with 1009 when it is over the limit", () => {
    const texts = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.string({ unit: fc.constantFrom("a", "é", "€", "\ud83d", "\ude00") }),
    );
    fc.assert(
      fc.property(fc.oneof(texts, fc.uint8Array()), fc.nat(40), (packet, limit) => {
        const code = closeCodeOf(() => checkPacketSize(packet, limit));
        expect(code).toBe(byteLength(packet) > limit ? 1009 : undefined);
      }),
      { numRuns: 1000 },
    );
  });
});
