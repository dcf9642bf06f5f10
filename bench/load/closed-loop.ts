import { Acknowledgements, remindAll } from "./acknowledgements.ts";
import { type Connection, type Listener, openAll } from "./connection.ts";
import type { Body, Dialect } from "./dialect.ts";
import { Replies } from "./replies.ts";
import { Requests } from "./requests.ts";

/** How hard a closed loop works. */
export interface Load {
  readonly connections: number;
  /** Calls that each connection has under way. */
  readonly inFlight: number;
  readonly body: Body;
}

/** Connections that ask, and ask again for each reply, while they are let. */
export class ClosedLoop {
  /** Replies so far. */
  count = 0;
  /** Rejects when a connection fails, and never resolves. */
  readonly failed: Promise<never>;
  #fail!: (error: Error) => void;
  readonly #connections: readonly Connection[];
  readonly #requests: Requests;
  readonly #first: readonly number[];
  readonly #stop: () => void;
  #running = false;
  /** Asked and not answered. */
  #open = 0;
  #settled = (): void => {};

  private constructor(connections: readonly Connection[], dialect: Dialect, { inFlight, body }: Load) {
    const rpc = dialect.rpc?.(body);
    if (rpc === undefined) throw new Error(`No such calls at ${dialect.path}`);
    this.failed = new Promise((_, reject) => (this.#fail = reject));
    this.#connections = connections;
    this.#requests = new Requests(rpc);
    this.#first = Array.from({ length: inFlight }, (_, id) => (rpc.ordered ? 0 : id));
    const replies = new Replies(rpc);
    const acknowledgements = connections.map((connection) => {
      const { acknowledge } = dialect;
      const own = acknowledge === undefined ? undefined : new Acknowledgements(connection, acknowledge);
      connection.listener = this.#listen(connection, replies, own);
      return own;
    });
    this.#stop = remindAll(acknowledgements, dialect);
  }

  static async open(port: number, dialect: Dialect, load: Load): Promise<ClosedLoop> {
    return new ClosedLoop(await openAll(port, dialect, load.connections), dialect, load);
  }

  /** Begins, or goes on. */
  go(): void {
    this.#running = true;
    this.#open = this.#first.length * this.#connections.length;
    for (const { socket } of this.#connections) socket.write(this.#requests.of(this.#first));
  }

  /** Asks no more; resolves when all is answered. */
  halt(): Promise<void> {
    this.#running = false;
    return new Promise((resolve) => (this.#settled = resolve));
  }

  close(): void {
    this.#running = false;
    this.#stop();
    for (const connection of this.#connections) connection.close();
  }

  #listen(connection: Connection, replies: Replies, acknowledgements: Acknowledgements | undefined): Listener {
    const { socket } = connection;
    let answered: number[] = [];
    let bytes = 0;
    return {
      onmessage(buffered, start, end, binary) {
        const ids = replies.read(buffered, start, end, binary);
        for (let i = 0; i < ids.length; i++) answered.push(ids[i]!);
        bytes += end - start;
      },
      onturn: () => {
        if (answered.length === 0) return;
        this.count += answered.length;
        const told = acknowledgements?.take(answered.length, bytes);
        if (this.#running) {
          const asked = this.#requests.of(answered);
          socket.write(told === undefined ? asked : Buffer.concat([told, asked]));
        } else {
          if (told !== undefined) socket.write(told);
          if ((this.#open -= answered.length) === 0) this.#settled();
        }
        answered = [];
        bytes = 0;
      },
      onfailure: this.#fail,
    };
  }
}

/** What came of a closed loop. */
export interface Driven {
  /** Replies a second. */
  readonly rate: number;
  /** The server's time for each reply, in µs. */
  readonly cpu: number;
  /** The generator's own, in µs: where that is the greater one, the rate is the generator's. */
  readonly own: number;
}

/** How long everything is warmed up, as a share of the measurement, and at most, in ms. */
const WARM_SHARE = 0.5;
const WARM = 1_000;
/** How many times as long a first reply is waited for. */
const TURNS = 50;

/**
 * Drives a server and counts replies.
 *
 * @param server its port, and how long it has been at work, in ms
 * @param duration of the measurement, in ms
 */
export async function driveClosed(
  server: { readonly port: number; cpu(): number },
  dialect: Dialect,
  load: Load,
  duration: number,
): Promise<Driven> {
  const loop = await ClosedLoop.open(server.port, dialect, load);
  try {
    loop.go();
    await Promise.race([sleep(Math.min(WARM, duration * WARM_SHARE)), loop.failed]);
    const [spent, own, before, began] = [server.cpu(), process.cpuUsage(), loop.count, performance.now()];
    // Longer only where not one reply came: so slow is nobody whose figures are kept.
    for (let turn = 0; turn < TURNS && (turn === 0 || loop.count === before); turn++) {
      await Promise.race([sleep(duration), loop.failed]);
    }
    const [cpu, replies, elapsed] = [server.cpu() - spent, loop.count - before, performance.now() - began];
    const { user, system } = process.cpuUsage(own);
    if (replies === 0) throw new Error(`Not one reply at ${dialect.path}`);
    return { rate: replies / (elapsed / 1_000), cpu: (cpu * 1_000) / replies, own: (user + system) / replies };
  } finally {
    loop.close();
  }
}

function sleep(time: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, time));
}
