/*
 * The least that Node can spend on a fan-out: a TCP server that reads nothing of a publication but its length, and writes
 * to everybody, at one go, as many of them as have come.
 */
import { type AddressInfo, createServer, type Socket } from "node:net";
import { ready } from "./ready.ts";
import { upgrade } from "./upgrade.ts";

/** A frame's first two bytes and its mask. */
const HEADER = 6;
const all = new Set<Socket>();
/** What is written for so many publications, which are all alike. */
const packets: Buffer[] = [];

const server = createServer({ noDelay: true }, (socket) => {
  let open = false;
  let size = Infinity;
  let rest = 0;
  socket.on("error", () => {});
  socket.on("close", () => all.delete(socket));
  socket.on("data", (chunk) => {
    if (!open) {
      open = true;
      all.add(socket);
      return upgrade(socket, chunk.toString("latin1"));
    }
    if (size === Infinity) size = HEADER + (chunk[1]! & 127);
    const count = Math.floor((rest + chunk.length) / size);
    rest = (rest + chunk.length) % size;
    // The mask of these is of zeros.
    packets[1] ??= Buffer.concat([Buffer.from([0x81, size - HEADER]), chunk.subarray(HEADER, size)]);
    packets[count] ??= Buffer.concat(Array.from({ length: count }, () => packets[1]!));
    if (count > 0) for (const other of all) other.write(packets[count]);
  });
});
server.listen(0, () => ready((server.address() as AddressInfo).port));
