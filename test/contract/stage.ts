import assert from "node:assert/strict";
import { connect as connectAnywhere, type ConnectOptions } from "../../src/client/connect.ts";
import { webSocketDial, type Dial, type WebSocketConstructor } from "../../src/client/dial.ts";
import { rpc } from "../../src/services/rpc/client.ts";
import type { ConnectionEvents } from "../../src/client/types.ts";
import type { Socket } from "../../src/socket/socket.ts";
import { isPrismError, type PrismError } from "../../src/wire/errors.ts";
import type { App } from "./app.ts";
import { courier, dates, points } from "./couriers.ts";
import { notes } from "./notes.ts";

const native = (globalThis as { WebSocket?: WebSocketConstructor }).WebSocket;
// As users do: the front door for Node before 22 only where there is no WebSocket.
const { connect } = native === undefined ? await import("../../src/client/node.ts") : { connect: connectAnywhere };
const WebSocket = native ?? (await import("ws")).WebSocket;

/** What a scenario may decide about its client. */
export type ClientOptions = Omit<ConnectOptions<object>, "services">;

/** What the server's questions are answered with. */
export interface Answers {
  confirm(input: { text: string }): boolean | Promise<boolean>;
  hang(key: string, context: { signal: AbortSignal }): boolean | Promise<boolean>;
}

const answers: Answers = {
  confirm: ({ text }) => text === "yes",
  hang: () => true,
};

function open(url: string, options: ClientOptions, { confirm, hang }: Answers) {
  return connect<App>(url, {
    reconnect: { min: 20, max: 100 },
    ...options,
    services: {
      calls: rpc(),
      json: courier<unknown>("json"),
      text: courier<string>("text"),
      bytes: courier<Uint8Array>("bytes"),
      dates: courier(dates),
      points: courier(points),
      walled: courier<string>("text"),
      muted: courier<string>("text"),
      shouted: courier<string>("text"),
      late: courier<string>("text"),
      notes,
      memos: notes,
      ui: rpc({ confirm, hang }),
      about: rpc(),
    },
  });
}

/** A client of the contract's app. */
export type ContractClient = ReturnType<typeof open>;

/** What a scenario has to work with. */
export interface Stage {
  readonly url: string;
  /** The app that tells of unexpected errors. */
  readonly exposedUrl: string;
  /** A client that is open, for scenarios that do nothing to it. */
  readonly client: ContractClient;
  /** Opens another; it is closed when the scenario is over. */
  open(options?: ClientOptions & { readonly url?: string }, own?: Partial<Answers>): ContractClient;
  /** Has the server's process killed and started again at the same port. */
  restart(): void;
}

/** A scenario: it throws where the contract does not hold. */
export type Scenario = (stage: Stage) => Promise<void>;

/** Runs a scenario with a stage of its own, and takes that down again. */
export async function perform(scenario: Scenario, given: Omit<Stage, "open" | "client">): Promise<void> {
  const clients: ContractClient[] = [];
  const opener: Stage["open"] = ({ url = given.url, ...options } = {}, own = {}) => {
    const client = open(url, options, { ...answers, ...own });
    clients.push(client);
    return client;
  };
  let shared: ContractClient | undefined;
  const stage: Stage = {
    ...given,
    open: opener,
    get client() {
      return (shared ??= opener());
    },
  };
  try {
    await within(15_000, scenario(stage));
  } finally {
    for (const client of clients) client.connection.close();
  }
}

/** Fails where something takes longer than anything here should. */
async function within(ms: number, promise: Promise<void>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Not done after ${ms} ms`)), ms);
  });
  try {
    await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** What something failed with. */
export async function failureOf(promise: PromiseLike<unknown>): Promise<PrismError> {
  let value: unknown;
  try {
    value = await promise;
  } catch (error) {
    if (isPrismError(error)) return error;
    throw error;
  }
  throw new Error(`It did not fail, but gave ${JSON.stringify(value)}`);
}

export async function assertFails(promise: PromiseLike<unknown>, code: string): Promise<void> {
  assert.equal((await failureOf(promise)).code, code);
}

/** The next event of a name. */
export function next<Name extends keyof ConnectionEvents>(
  client: ContractClient,
  name: Name,
): Promise<ConnectionEvents[Name]> {
  return new Promise((resolve) => {
    const off = client.connection.on(name, (value) => {
      off();
      resolve(value);
    });
  });
}

/** Resolves with a list when as many values were given to what it comes with. */
export function collect<Value>(count: number): {
  readonly take: (value: Value) => void;
  readonly all: Promise<Value[]>;
} {
  const values: Value[] = [];
  let done: (values: Value[]) => void;
  const all = new Promise<Value[]>((resolve) => (done = resolve));
  return {
    take: (value) => {
      if (values.push(value) === count) done(values);
    },
    all,
  };
}

/** Round trips: whatever the server was about to do of its own accord is done after some. */
export async function settle({ calls }: ContractClient): Promise<void> {
  for (let i = 0; i < 20; i++) await calls.echo(i);
}

/** A turn of the event loop. */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** Listens in on the sockets of a client. */
export interface Tap {
  readonly dial: Dial;
  /** The sockets that were opened, the present one last. */
  readonly sockets: Socket[];
  /** What the client sent over them. */
  readonly sent: (string | Uint8Array)[];
}

export function tap(): Tap {
  const plain = webSocketDial(WebSocket);
  const sockets: Socket[] = [];
  const sent: (string | Uint8Array)[] = [];
  return {
    sockets,
    sent,
    dial: async (url, protocols, signal) => {
      const socket = await plain(url, protocols, signal);
      const send = socket.send.bind(socket);
      socket.send = (data) => {
        sent.push(data);
        send(data);
      };
      sockets.push(socket);
      return socket;
    },
  };
}

let keys = 0;

/** A name for what one handler does. */
export function newKey(): string {
  return `key ${++keys} ${Math.random()}`;
}
