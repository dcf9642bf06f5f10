import { Acknowledgements, remindAll } from "./acknowledgements.ts";
import { type Connection, type Listener, openAll } from "./connection.ts";
import type { Body, Dialect } from "./dialect.ts";
import { Histogram } from "./histogram.ts";
import { Replies } from "./replies.ts";
import { Requests } from "./requests.ts";

/** How many calls may wait for their answer on one connection, below what any system allows: one more is not asked. */
const WAITING = 1_000;
/** The time that is not measured at the beginning, at most, and that is given to the last answers, in ms. */
const WARM = 500;
const LAST = 1_000;

/** What is asked of a system, whatever it answers. */
export interface OpenLoad {
  readonly connections: number;
  /** Calls a second, over all connections. */
  readonly rate: number;
  readonly body: Body;
  /** Of the measurement, in ms. */
  readonly duration: number;
}

/** What came of an open loop. */
export interface Served {
  /** Answers in the time measured for each call that was due in it: below 1 where ever more calls wait. */
  readonly answered: number;
  /** From the moment that a call was due to its answer, in ms. One that was never answered counts as the longest. */
  readonly p50: number;
  readonly p99: number;
  /** How much of its core the server was at work, from 0 to 1 and more. */
  readonly cpu: number;
}

/** One connection, and when each of its calls was due. */
class Lane implements Listener {
  readonly #connection: Connection;
  readonly #ordered: boolean;
  readonly #replies: Replies;
  readonly #requests: Requests;
  readonly #acknowledgements: Acknowledgements | undefined;
  readonly #heard: (due: number) => void;
  readonly onfailure: (error: Error) => void;
  readonly #due: Float64Array = new Float64Array(WAITING);
  readonly #free: number[] = Array.from({ length: WAITING }, (_, i) => WAITING - 1 - i);
  /** Of the oldest call, where answers come in order. */
  #oldest = 0;
  #open = 0;
  #answered = 0;
  #bytes = 0;

  constructor(
    connection: Connection,
    parts: {
      readonly ordered: boolean;
      readonly replies: Replies;
      readonly requests: Requests;
      readonly acknowledgements: Acknowledgements | undefined;
      heard(due: number): void;
      failed(error: Error): void;
    },
  ) {
    this.#connection = connection;
    this.#ordered = parts.ordered;
    this.#replies = parts.replies;
    this.#requests = parts.requests;
    this.#acknowledgements = parts.acknowledgements;
    this.#heard = parts.heard;
    this.onfailure = parts.failed;
    connection.listener = this;
  }

  /** @returns false where too many wait already */
  ask(due: number): boolean {
    if (this.#open === WAITING) return false;
    const id = this.#ordered ? 0 : this.#free.pop()!;
    this.#due[this.#ordered ? (this.#oldest + this.#open) % WAITING : id] = due;
    this.#open++;
    this.#connection.socket.write(this.#requests.of([id]));
    return true;
  }

  onmessage(buffered: Buffer, start: number, end: number, binary: boolean): void {
    const ids = this.#replies.read(buffered, start, end, binary);
    this.#bytes += end - start;
    for (let i = 0; i < ids.length; i++) {
      this.#answered++;
      this.#open--;
      if (this.#ordered) {
        this.#heard(this.#due[this.#oldest]!);
        this.#oldest = (this.#oldest + 1) % WAITING;
      } else {
        const id = ids[i]!;
        this.#heard(this.#due[id]!);
        this.#free.push(id);
      }
    }
  }

  onturn(): void {
    const told = this.#answered > 0 ? this.#acknowledgements?.take(this.#answered, this.#bytes) : undefined;
    if (told !== undefined) this.#connection.socket.write(told);
    this.#answered = this.#bytes = 0;
  }
}

/**
 * Asks at a fixed rate, spread evenly over time and connections, and measures each answer from the moment that its call was
 * due: so a stall counts for all calls that were due meanwhile.
 */
export async function driveOpen(
  server: { readonly port: number; cpu(): number },
  dialect: Dialect,
  { connections, rate, body, duration }: OpenLoad,
): Promise<Served> {
  const rpc = dialect.rpc?.(body);
  if (rpc === undefined) throw new Error(`No such calls at ${dialect.path}`);
  const all = await openAll(server.port, dialect, connections);
  const histogram = new Histogram();
  let began = performance.now() + 10;
  let answers = 0;
  const warm = Math.min(WARM, duration / 2);
  const measured = (time: number): boolean => time >= began + warm && time < began + warm + duration;
  let fail!: (error: Error) => void;
  const failed = new Promise<never>((_, reject) => (fail = reject));
  const replies = new Replies(rpc);
  const requests = new Requests(rpc);
  const { acknowledge } = dialect;
  const acknowledgements = all.map((one) => acknowledge && new Acknowledgements(one, acknowledge));
  const lanes = all.map(
    (connection, i) =>
      new Lane(connection, {
        ordered: rpc.ordered ?? false,
        replies,
        requests,
        acknowledgements: acknowledgements[i],
        heard: (due) => {
          const now = performance.now();
          if (measured(now)) answers++;
          if (measured(due)) histogram.add(now - due);
        },
        failed: fail,
      }),
  );
  const stop = remindAll(acknowledgements, dialect);
  try {
    began = performance.now() + 10;
    const [spent, from] = [server.cpu(), performance.now()];
    let due = 0;
    const asked = keepAsking(() => {
      const now = performance.now();
      for (;;) {
        const at = began + (due * 1_000) / rate;
        if (at >= began + warm + duration) return false;
        if (at > now) return true;
        lanes[due % lanes.length]!.ask(at);
        due++;
      }
    });
    await Promise.race([asked, failed]);
    const cpu = (server.cpu() - spent) / (performance.now() - from);
    const wanted = due - Math.ceil((warm * rate) / 1_000);
    const patience = performance.now() + LAST;
    while (histogram.total < wanted && performance.now() < patience) {
      await Promise.race([new Promise((resolve) => setTimeout(resolve, 20)), failed]);
    }
    while (histogram.total < wanted) histogram.add(duration + LAST);
    return {
      answered: Math.min(1, answers / wanted),
      p50: histogram.quantile(0.5),
      p99: histogram.quantile(0.99),
      cpu,
    };
  } finally {
    stop();
    for (const connection of all) connection.close();
  }
}

/** Looks again in each turn of the event loop, since a timer comes up to a ms late, and the core is the generator's own. */
function keepAsking(ask: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => void (ask() ? setImmediate(look) : resolve());
    look();
  });
}
