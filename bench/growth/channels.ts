import { writeNumber } from "../../src/wire/numbers.ts";
import type { Client } from "../crowd/client.ts";
import { Crowd } from "../crowd/crowd.ts";
import { prism, TEXT, toFrame } from "../crowd/dialect.ts";
import { type Server, startServer } from "../harness/server.ts";

const SUBSCRIBERS = 100;
/** Subscriptions that one asks for at once: fewer than a server takes calls of one client. */
const AT_ONCE = 500;
const IN_FLIGHT = 16;
/** A subscription of which there are not as many. */
const SPARE = 5_000;

/** What so many channels cost. */
export interface ChannelCosts {
  /** Bytes on the heap for each channel and its first subscription. */
  readonly memory: number;
  /** Bytes on the heap for each further subscription of a channel. */
  readonly further: number;
  /** Time of the server's for each publication to one of them in turn, in ns: it comes from a client, and goes to one. */
  readonly publication: number;
}

/** Asks for subscriptions, and resolves when all of them are there. */
function subscribe(client: Client, channels: readonly string[], first = 0): Promise<void> {
  const count = channels.length;
  return new Promise((resolve, reject) => {
    let next = 0;
    let open = 0;
    const ask = (): void => {
      const frames: string[] = [];
      for (; frames.length < AT_ONCE && next < count; next++) {
        const [id, subscription] = [writeNumber(frames.length), writeNumber(first + next)];
        frames.push(`?@${id}+${subscription}{"c":"room/${channels[next]}"}`);
      }
      open = frames.length;
      client.socket.write(toFrame(frames.join("\x1e")));
    };
    client.onframe = (frame) => {
      if (frame.startsWith("!")) reject(new Error(`Not subscribed: ${frame}`));
      if (!frame.startsWith("=") || --open > 0) return;
      if (next < count) ask();
      else resolve();
    };
    ask();
  });
}

/** Publishes to all channels in turn, as fast as the server answers; what ends it says how many were published. */
function publish(publisher: Client, channels: number): () => Promise<number> {
  let running = true;
  let published = 0;
  let open = 0;
  let failure = "";
  const send = (id: string): void => {
    open++;
    publisher.socket.write(toFrame(`?@${id}>room/${published++ % channels} "${TEXT}"`));
  };
  publisher.onframe = (frame) => {
    if (frame.startsWith("!")) failure = frame;
    if (!frame.startsWith("=")) return;
    open--;
    if (running) send(frame.slice(1));
  };
  for (let i = 0; i < IN_FLIGHT; i++) send(writeNumber(i));
  return async () => {
    running = false;
    const isSettled = (): boolean => open === 0;
    for (let i = 0; i < 500 && !isSettled(); i++) await new Promise((resolve) => setTimeout(resolve, 20));
    if (!isSettled() || failure !== "") throw new Error(`${open} publications were not answered ${failure}`);
    return published;
  };
}

/**
 * Measures what channels cost that a hundred clients are subscribed to, each to others.
 *
 * @param channels how many
 * @param duration how long is published, in ms
 */
export async function measureChannels(channels: number, duration: number): Promise<ChannelCosts> {
  const server = await startServer({ runtime: "node20", file: "servers/growth.ts", flags: ["--expose-gc"] });
  const crowd = new Crowd(server.port, prism, false);
  try {
    await crowd.grow(SUBSCRIBERS + 1);
    const [publisher, ...all] = crowd.clients as [Client, ...Client[]];
    const subscribers = all.slice(0, channels);
    // What is compiled and made once is not the channels'.
    for (const client of subscribers) await subscribe(client, ["warm"], SPARE);
    const each = Math.ceil(channels / subscribers.length);
    const count = each * subscribers.length;
    const namesOf = (place: number): string[] => Array.from({ length: each }, (_, i) => String(place * each + i));
    const weigh = async (subscribeAll: (client: Client, place: number) => Promise<void>): Promise<number> => {
      const before = await server.ask("heap");
      await Promise.all(subscribers.map(subscribeAll));
      return ((await server.ask("heap")) - before) / count;
    };
    const memory = await weigh((client, place) => subscribe(client, namesOf(place)));
    const publication = await measurePublications(server, publisher, subscribers, duration, channels);
    // Each is subscribed to the next one's as well.
    const further = await weigh((client, place) => subscribe(client, namesOf((place + 1) % subscribers.length), each));
    return { memory, further, publication };
  } finally {
    crowd.close();
    await server.stop();
  }
}

async function measurePublications(
  server: Server,
  publisher: Client,
  subscribers: readonly Client[],
  duration: number,
  channels: number,
): Promise<number> {
  let delivered = 0;
  for (const client of subscribers) {
    client.onframe = (frame) => {
      if (frame.startsWith("@") && frame.endsWith(`"${TEXT}"`)) delivered++;
    };
  }
  const stop = publish(publisher, channels);
  await new Promise((resolve) => setTimeout(resolve, duration * 0.75));
  const [cpu, count] = [await server.ask("cpu"), delivered];
  await new Promise((resolve) => setTimeout(resolve, duration));
  const cost = ((await server.ask("cpu")) - cpu) / (delivered - count);
  const published = await stop();
  await new Promise((resolve) => setTimeout(resolve, 200));
  if (delivered !== published) throw new Error(`${published} were published, ${delivered} came`);
  return cost;
}
