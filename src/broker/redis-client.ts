/** What an argument of a command may be. */
export type RedisArgument = string | number | Uint8Array;

/** What is used of a Redis client: ioredis' `Redis` and `Cluster` fit. */
export interface RedisClient {
  /** `ready` where it takes commands; `wait` where it connects for the first of them. */
  readonly status: string;
  /** PUBLISH. */
  publish(channel: string, message: string | Uint8Array): Promise<unknown>;
  /** Any command, which answers in bytes. */
  callBuffer(command: string, ...parts: RedisArgument[]): Promise<unknown>;
  /** Makes another client like it. */
  duplicate(...overrides: never[]): object;
  /** The clients of a cluster's nodes. */
  nodes?(role: "master"): readonly object[];
  /** Hears of it when it is connected, and again when it is connected again. */
  on(event: "ready", listener: () => void): unknown;
  /** Hears no more. */
  off(event: "ready", listener: () => void): unknown;
}

/** A connection for what is published, as ioredis makes it. */
export interface RedisConnection {
  connect(): Promise<unknown>;
  disconnect(): void;
  subscribe(...channels: string[]): Promise<unknown>;
  unsubscribe(...channels: string[]): Promise<unknown>;
  on(event: "close" | "connect", listener: () => void): unknown;
  on(event: "error", listener: (error: unknown) => void): unknown;
  on(event: "messageBuffer", listener: (channel: Uint8Array, message: Uint8Array) => void): unknown;
  /** The socket, which on servers keeps the process alive if it is let. */
  readonly stream?: { unref?(): unknown } | undefined;
}

/** What is heard of a cluster when its nodes come and go. */
interface ClusterEvents {
  on(event: "+node" | "-node", listener: () => void): unknown;
  off(event: "+node" | "-node", listener: () => void): unknown;
}

/**
 * Makes a connection of a client's kind: to the server that the client has, or to any node of its cluster, since each of them
 * brings what is published on all.
 *
 * @param client the client
 * @param random a number from 0 up to 1
 * @returns a connection that is not open yet and connects once; `undefined` while no node of the cluster is known
 */
export function duplicate(client: RedisClient, random: number): RedisConnection | undefined {
  let model: object = client;
  if (client.nodes) {
    const nodes = client.nodes("master");
    const one = nodes[Math.floor(random * nodes.length)];
    if (!one) return undefined;
    model = one;
  }
  const { duplicate } = model as { duplicate(overrides: object): RedisConnection };
  return duplicate.call(model, {
    lazyConnect: true,
    retryStrategy: null,
    autoResubscribe: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    commandTimeout: undefined,
    keyPrefix: "",
  });
}

/**
 * Hears of it when what a client is connected to may not be what it was.
 *
 * @param client the client
 * @param back it is connected again
 * @param moved nodes of its cluster have come or gone
 * @returns hears no more
 */
export function watch(client: RedisClient, back: () => void, moved: () => void): () => void {
  client.on("ready", back);
  const cluster = client.nodes ? (client as unknown as ClusterEvents) : undefined;
  cluster?.on("+node", moved);
  cluster?.on("-node", moved);
  return () => {
    client.off("ready", back);
    cluster?.off("+node", moved);
    cluster?.off("-node", moved);
  };
}
