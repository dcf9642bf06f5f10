import { Socket } from "node:net";
import * as v from "valibot";
import { afterAll, beforeAll, expect, test } from "vitest";
import { serve } from "../../adapters/node.ts";
import { prism } from "../../mod.ts";
import { clientClock } from "../../src/client/clock.ts";
import { connect } from "../../src/client/node.ts";
import { pubsub as pubsubHalf } from "../../src/services/pubsub/client.ts";
import { channel, pubsub } from "../../src/services/pubsub/server.ts";
import { serverClock } from "../../src/server/clock.ts";
import { rpc as rpcHalf } from "../../src/services/rpc/client.ts";
import { procedure, rpc } from "../../src/services/rpc/server.ts";

/* What is handed to the network, counted where Node hands it over: each is a system call. */

const TOGETHER = 16;
const Text = v.string();
/** Has turns, but no timers: acknowledgements and heartbeats that are due by then would be writes of their own. */
const clock = { ...serverClock, setTimer: () => ({ cancel: () => {} }) };
const app = prism({ clock })
  .service("calls", rpc({ echo: procedure(v.object({ n: v.number() }), (value) => value) }))
  .service("rooms", pubsub({ news: channel({ message: Text, subscribe: true }) }));

interface Handed {
  /** How often. */
  writes: number;
  bytes: number;
}
type Write = (chunk: Uint8Array, encoding: string, done: () => void) => void;
type WriteAll = (chunks: readonly { readonly chunk: Uint8Array }[], done: () => void) => void;
interface Writable {
  _write: Write;
  _writev: WriteAll;
}

let port = 0;
let close = (): Promise<void> => Promise.resolve();
const server: Handed = { writes: 0, bytes: 0 };
const client: Handed = { writes: 0, bytes: 0 };
const { _write, _writev } = Socket.prototype as unknown as Writable;

function note(socket: Socket, chunks: readonly Uint8Array[]): void {
  const handed = socket.localPort === port ? server : socket.remotePort === port ? client : undefined;
  const bytes = chunks.reduce((sum, { length }) => sum + length, 0);
  // An empty write asks to be told when what stands before it is written, and sends nothing.
  if (handed === undefined || bytes === 0) return;
  handed.writes++;
  handed.bytes += bytes;
}

beforeAll(async () => {
  Object.assign(Socket.prototype, {
    _write(this: Socket, chunk: Uint8Array, encoding: string, done: () => void) {
      note(this, [chunk]);
      _write.call(this, chunk, encoding, done);
    },
    _writev(this: Socket, chunks: readonly { readonly chunk: Uint8Array }[], done: () => void) {
      note(
        this,
        chunks.map(({ chunk }) => chunk),
      );
      _writev.call(this, chunks, done);
    },
  } satisfies ThisType<Socket> & Writable);
  const running = await serve(app, { port: 0 });
  port = running.port;
  close = () => running.close();
});
afterAll(async () => {
  Object.assign(Socket.prototype, { _write, _writev });
  await close();
});

const open = () => {
  const services = { calls: rpcHalf(), rooms: pubsubHalf() };
  return connect<typeof app>(`ws://127.0.0.1:${port}`, {
    services,
    clock: { ...clientClock, setTimer: clock.setTimer },
  });
};

function reset(): void {
  Object.assign(server, { writes: 0, bytes: 0 });
  Object.assign(client, { writes: 0, bytes: 0 });
}

test(`${TOGETHER} calls made in one turn are one write, and so are their results`, async () => {
  const one = open();
  await one.calls.echo({ n: 0 });
  reset();
  const results = await Promise.all(Array.from({ length: TOGETHER }, (_, n) => one.calls.echo({ n })));
  expect(results).toHaveLength(TOGETHER);
  expect(client.writes).toBe(1);
  expect(server.writes).toBe(1);
  one.connection.close();
});

test("what is published in one turn is one write for each subscriber", async () => {
  const all = Array.from({ length: 5 }, open);
  const heard: string[][] = all.map(() => []);
  for (const [at, { rooms }] of all.entries()) {
    const news = rooms.channel("news");
    news.on((text) => heard[at]!.push(text));
    await news.subscribe();
  }
  const came = (count: number) =>
    expect.poll(() => heard.map(({ length }) => length), { timeout: 20_000 }).toEqual(all.map(() => count));
  // The first has everybody's acknowledgements behind it.
  await app.services.rooms.publish("news", "first");
  await came(1);
  reset();
  const texts = Array.from({ length: TOGETHER }, (_, n) => `text ${n}`);
  await Promise.all(texts.map((text) => app.services.rooms.publish("news", text)));
  await came(1 + TOGETHER);
  expect(heard).toEqual(all.map(() => ["first", ...texts]));
  expect(server.writes).toBe(all.length);
  reset();
  // 20 bytes with its quotes. The budget is 25, headers included.
  await app.services.rooms.publish("news", "x".repeat(18));
  await came(2 + TOGETHER);
  expect(server).toEqual({ writes: all.length, bytes: all.length * 24 });
  for (const { connection } of all) connection.close();
});
