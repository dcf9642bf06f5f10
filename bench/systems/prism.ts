import type { RuntimeName } from "../../test/support/runtimes.ts";
import { MAX_NUMBER, writeNumber } from "../../src/wire/numbers.ts";
import { writePackets } from "../../src/wire/packets.ts";
import { isList } from "../load/bodies.ts";
import type { Body, Dialect, Rpc } from "../load/dialect.ts";
import type { Message } from "../load/frames.ts";
import type { System } from "./system.ts";

const SEPARATOR = "\x1e";
/** What a packet of a client's holds at most, in bytes: the server says so in its welcome. */
const PACKET = 131_072;
/** The only service, and the places of its procedures: see bench/servers/prism.ts. */
const SERVICE = writeNumber(0);
const ECHO = 0;
const LIST = 1;
const BYTES = 2;
const LOGIN = 1;

const opening = [{ until: (message: string) => message.startsWith("$") }, { say: ["%@"] }];

/** Frames joined into packets, as a client's outbox joins those of one turn. */
function join(frames: readonly (string | Uint8Array)[]): Message[] {
  const messages: Message[] = [];
  writePackets(frames, PACKET, { send: (packet) => void messages.push(packet) });
  return messages;
}

const isOfLink = (frame: string): boolean => "$%()".includes(frame[0]!);

/** Reads the id of a result, which stands behind `=`, and what follows it. */
function readResult(frame: string): [id: number, value: string] {
  let id = 0;
  for (let at = 1; at < frame.length; at++) {
    const code = frame.charCodeAt(at);
    id = id * 32 + (code & 31);
    if (code < 0x60) return [id, frame.slice(at + 1)];
  }
  throw new Error(`Wrong reply ${frame}`);
}

function callsOfText(place: number, body: string): Rpc {
  return {
    requests: (ids) => join(ids.map((id) => `?${SERVICE}${writeNumber(id)}${writeNumber(place)}${body}`)),
    replies: (message) =>
      (message as string)
        .split(SEPARATOR)
        .filter((frame) => !isOfLink(frame))
        .map((frame) => {
          const [id, value] = frame.startsWith("=") ? readResult(frame) : [];
          if (id === undefined || value !== body) throw new Error(`Wrong reply ${frame.slice(0, 200)}`);
          return id;
        }),
  };
}

/** Bytes travel behind 0x00, in a packet whose frames stand behind their lengths. */
function callsOfBytes(body: Uint8Array): Rpc {
  const value = Buffer.concat([Buffer.of(0), body]);
  return {
    requests: (ids) =>
      join(ids.map((id) => Buffer.concat([Buffer.from(`?${SERVICE}${writeNumber(id)}${writeNumber(BYTES)}`), value]))),
    replies(message) {
      // An acknowledgement travels alone, and as text.
      if (typeof message === "string" && isOfLink(message)) return [];
      return readBinary(message as Uint8Array).map((frame) => {
        const [id, rest] = readResult(frame.toString("latin1", 0, 16));
        const header = Math.min(frame.length, 16) - rest.length;
        if (frame[0] !== 0x3d || !frame.subarray(header).equals(value)) throw new Error("Wrong bytes in a reply");
        return id;
      });
    },
  };
}

function readBinary(packet: Uint8Array): Buffer[] {
  const bytes = Buffer.from(packet.buffer, packet.byteOffset, packet.byteLength);
  const frames: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++]!;
      length |= (byte & 127) << shift;
      if (byte < 128) break;
    }
    frames.push(bytes.subarray(at, at + length));
    at += length;
  }
  return frames;
}

/** What Prism's clients say. */
export const prismDialect: Dialect = {
  path: "/prism",
  subprotocol: "prism.1",
  hello: opening,
  pong: (message) => (message === "(" ? ")" : undefined),
  acknowledge: (count) => `%${writeNumber(count & MAX_NUMBER)}`,
  rpc: (body: Body) => (typeof body === "string" ? callsOfText(isList(body) ? LIST : ECHO, body) : callsOfBytes(body)),
  pubsub: {
    join: [{ say: [`?${SERVICE}@+@{"c":"room"}`], until: (message) => message.split(SEPARATOR).includes("=@") }],
    publish: (text) => join([`?${SERVICE}@@${JSON.stringify(text)}`]),
    deliveries: (message, text) => {
      const value = JSON.stringify(text);
      // A result has nothing behind its id, and a publication its text behind the numbers of service and channel.
      return (message as string).split(SEPARATOR).filter((frame) => frame.startsWith("@") && frame.endsWith(value))
        .length;
    },
    separator: SEPARATOR,
  },
};

/** Signs in at first, so that there is a session to look at. */
const signedIn: Dialect = {
  ...prismDialect,
  // What looks at a session is `echo` alone.
  rpc: (body) => (typeof body === "string" && !isList(body) ? callsOfText(ECHO, body) : undefined),
  hello: [...opening, { say: [`?${SERVICE}@${writeNumber(LOGIN)}`], until: (message) => message.includes("=@") }],
};

const FILE = "servers/prism.ts";
const allRuntimes: readonly RuntimeName[] = ["node20", "nodeCurrent", "bun", "deno"];

/** @returns Prism on each runtime, with a schema and without sessions */
export function prismSystems(runtimes: readonly RuntimeName[] = allRuntimes): System[] {
  const shared = { name: "Prism", family: "prism", file: FILE, dialect: prismDialect, schema: true } as const;
  return runtimes.map((runtime) => ({ ...shared, runtime }));
}

/** @returns Prism on each runtime, with a schema, and handlers that look at their session in the cache */
export function prismSessionSystems(runtimes: readonly RuntimeName[] = allRuntimes): System[] {
  return prismSystems(runtimes).map((system) => ({
    ...system,
    name: "Prism, session from cache",
    args: ["session"],
    dialect: signedIn,
  }));
}

/** @returns Prism with a session that is read from the store, in memory, for each call */
export function prismStoredSessionSystems(runtimes: readonly RuntimeName[] = allRuntimes): System[] {
  return prismSystems(runtimes).map((system) => ({
    ...system,
    name: "Prism, session with `cache: false`",
    args: ["session=stored"],
    dialect: signedIn,
  }));
}

/** Prism's fan-out on each runtime. */
export const prismPubsubSystems: readonly System[] = prismSystems().map((system) => ({
  ...system,
  name: "Prism pubsub",
  file: "servers/prism-pubsub.ts",
}));
