/*
 * What answers Prism's calls at the least cost there is: a TCP server that looks a packet up among those it has seen, and
 * writes what it wrote then. What the generator reaches against it is what the generator reaches.
 */
import { type AddressInfo, createServer } from "node:net";
import { ready } from "./ready.ts";
import { upgrade } from "./upgrade.ts";

/** What is written for a packet, by the packet as it came, under its mask. */
const answers = new Map<string, Buffer>();

function answer(masked: Buffer, mask: Buffer): Buffer {
  const packet = Buffer.from(masked.map((byte, at) => byte ^ mask[at & 3]!)).toString("latin1");
  if (packet.startsWith("%")) return Buffer.alloc(0);
  // `?`, the service, an id of one digit, the procedure; `=` and the id.
  const reply = packet.replace(/(^|\x1e)\?.(.)./g, (_, before: string, id: string) => `${before}=${id}`);
  const { length } = reply;
  const head = length < 126 ? [0x81, length] : [0x81, 126, length >> 8, length & 255];
  return Buffer.concat([Buffer.from(head), Buffer.from(reply, "latin1")]);
}

const server = createServer({ noDelay: true }, (socket) => {
  let open = false;
  let rest = Buffer.alloc(0);
  socket.on("error", () => {});
  socket.on("data", (chunk) => {
    if (!open) {
      open = true;
      return upgrade(socket, chunk.toString("latin1"));
    }
    const bytes = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
    const writes: Buffer[] = [];
    let at = 0;
    while (bytes.length >= at + 2) {
      const short = bytes[at + 1]! & 127;
      const start = at + (short < 126 ? 6 : 8);
      if (bytes.length < start) break;
      const end = start + (short < 126 ? short : bytes.readUInt16BE(at + 2));
      if (bytes.length < end) break;
      const seen = bytes.toString("latin1", start, end);
      let written = answers.get(seen);
      if (written === undefined) {
        written = answer(bytes.subarray(start, end), bytes.subarray(start - 4, start));
        answers.set(seen, written);
      }
      if (written.length > 0) writes.push(written);
      at = end;
    }
    rest = bytes.subarray(at);
    if (writes.length > 0) socket.write(writes.length === 1 ? writes[0]! : Buffer.concat(writes));
  });
});
server.listen(0, () => ready((server.address() as AddressInfo).port));
