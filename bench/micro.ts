// What single steps of a call cost: `npm run bench:micro`.
import { bench, group, run } from "mitata";
import { Ids } from "../src/connection/ids.ts";
import { compose, type Inbound } from "../src/service/middleware.ts";
import { readPacket, writePackets } from "../src/wire/packets.ts";
import { readNumber, writeNumber } from "../src/wire/numbers.ts";

const frames = Array.from({ length: 16 }, (_, id) => `?@${writeNumber(id)}@{"n":${id}}`);
const text = frames.join("\x1e");
let binary: Uint8Array = new Uint8Array();
writePackets([...frames, Uint8Array.of(0x40)], 131_072, { send: (packet) => void (binary = packet as Uint8Array) });
const sink = { frame: () => true };
const target = { send: () => {} };

group("wire", () => {
  bench("write a number", () => writeNumber(70_000));
  const cursor = { text: writeNumber(70_000), at: 0 };
  bench("read a number", () => {
    cursor.at = 0;
    return readNumber(cursor);
  });
  bench("read a text packet of 16 frames", () => readPacket(text, sink));
  bench("read a binary packet of 17 frames", () => readPacket(binary, sink));
  bench("write a text packet of 16 frames", () => writePackets(frames, 131_072, target));
});

group("calls", () => {
  const ids = new Ids();
  for (let i = 0; i < 100; i++) ids.take();
  bench("take and free an id", () => ids.free(ids.take()));
});

group("middleware", () => {
  const inbound = { body: "" } as Inbound;
  const chain = compose(
    Array.from({ length: 4 }, () => (message, next) => next(message)),
    () => undefined,
  );
  bench("four synchronous ones", () => chain(inbound));
});

await run();
