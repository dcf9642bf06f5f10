import { connect, isPrismError, type ClientConnection, type Dial } from "../../src/client/connect.ts";
import { PrismError } from "../../mod.ts";
import type { ClientCallContext, ClientHost } from "../../mod.ts";
import { rpc, type UntypedRpcClient } from "../../src/services/rpc/client.ts";
import { halves, Planned, procedures, services, TOKENS, type ServiceName } from "./app.ts";
import { jsonValue } from "./bodies.ts";
import { Holder } from "./client-side.ts";
import { Crash } from "./crash.ts";
import type { World } from "./world.ts";

/** Entries of a client's log that tell of what others did. */
const CALM = [
  /^No socket to/,
  /^No token$/,
  /^The server wants a token/,
  /^No such service$/,
  /^Unreadable message$/,
  /^Message not sent$/,
];

/** What a client answers without a whim. */
const ANSWERS = {
  echo: (value: unknown) => value,
  later: async (value: unknown) => value,
};

/** What a call may reject with besides a `PrismError`: what its own items, or the tables of a server that lies, bring. */
const OWN_FAULTS = /^planned$|BigInt|is not a function|not iterable|of undefined|of null|U\+001E/;

/** A real client, with somebody who uses it in every way. */
export class User {
  readonly connection: ClientConnection;
  /** Whether it says who it is from now on. */
  honest = false;
  /** Calls that have not come to an end. */
  pending = 0;
  /** What is known of its connection. */
  readonly holder: Holder;
  readonly #world: World;
  readonly #calls: UntypedRpcClient;
  readonly #hosts: Readonly<Record<string, ClientHost>>;
  readonly #stops: AbortController[] = [];

  constructor(world: World, dial: Dial) {
    const { random } = world;
    this.#world = world;
    const replayLimit = random.pick([3_000, 1_048_576]);
    const keeps = { replayFrames: 1_024, replayLimit };
    this.holder = new Holder({ subject: "client", services: Infinity, rpc: -1, ...keeps });
    const client = connect("ws://localhost", {
      clock: world.clock,
      dial,
      auth: world.secured || random.chance(0.3) ? () => this.#token() as string : undefined,
      timeout: 3_000,
      queue: 8,
      replayLimit,
      reconnect: { min: 50, max: 400 },
      services: { ...halves, calls: rpc(this.#answers()) },
      log: ({ message, data }) => {
        const calm = CALM.some((pattern) => pattern.test(message)) || data instanceof Planned || this.#isOwnFault(data);
        if (!calm) world.report(new Crash("client log", message, data));
      },
    }) as unknown as { connection: ClientConnection; calls: UntypedRpcClient } & Record<string, ClientHost>;
    this.connection = client.connection;
    this.#calls = client.calls;
    this.#hosts = client;
    this.connection.on("closed", () => this.holder.end());
    for (const name of services) {
      if (name === "calls") continue;
      const host = client[name]!;
      host.onmessage(() => {
        if (random.chance(0.02)) throw new Planned();
      });
      host.oncall((body, context) => (name === "blob" ? body : this.#serve(body, context)));
      host.onreset(() => void host.status);
    }
  }

  #token(): unknown {
    const { random } = this.#world;
    if (this.honest || random.chance(0.6)) return "good";
    if (random.chance(0.1)) throw new Planned();
    if (random.chance(0.1)) return Promise.reject(new PrismError("unauthorized", "Nobody"));
    if (random.chance(0.1)) return new Promise(() => {});
    return random.chance(0.1) ? 5 : Promise.resolve(random.pick(TOKENS));
  }

  /** What the server can call. */
  #answers(): Record<string, (input: never, context: ClientCallContext) => unknown> {
    const serve = (input: unknown, context: ClientCallContext): unknown => this.#serve(input, context);
    const names = procedures.filter((name) => !["echo", "sum", "nothing"].includes(name));
    return { ...Object.fromEntries(names.map((name) => [name, serve])), ...ANSWERS };
  }

  #serve(body: unknown, { items, signal }: ClientCallContext): unknown {
    const { random } = this.#world;
    switch (random.below(8)) {
      case 0:
        throw new Planned();
      case 1:
        throw new PrismError("refused", "No", body);
      case 2:
        return (async function* () {
          for await (const item of items) yield item;
          return body;
        })();
      case 3:
        return (async function* () {
          for (let i = 0; i < 40; i++) yield i;
        })();
      case 4:
        return (async () => {
          for await (const _ of items) if (random.chance(0.1)) break;
          return true;
        })();
      case 5:
        return new Promise<void>((resolve) => {
          if (signal.aborted) resolve();
          else signal.addEventListener("abort", () => resolve());
        });
      default:
        return true;
    }
  }

  #isOwnFault(error: unknown): boolean {
    return error instanceof Error && OWN_FAULTS.test(error.message);
  }

  /** Follows a call to its end. */
  #follow(call: PromiseLike<unknown>): void {
    this.pending++;
    call.then(
      () => void this.pending--,
      (error: unknown) => {
        this.pending--;
        if (isPrismError(error, "cancelled")) return;
        if (!isPrismError(error) && !this.#isOwnFault(error)) {
          this.#world.report(new Crash("client error", `a call fails with ${String(error)}`, error));
        }
      },
    );
  }

  act(): void {
    const { random } = this.#world;
    const options = {
      timeout: random.pick([50, 1_000, undefined]),
      signal: random.chance(0.2) ? this.#stop() : undefined,
    };
    switch (random.below(12)) {
      case 0:
      case 1:
        return this.#follow(this.#calls.echo!(jsonValue(random), options));
      case 2: {
        const items = this.#items();
        return this.#follow(this.#calls[random.pick(["add", "taste", "exchange", "hoard"])]!(5, items, options));
      }
      case 3:
      case 4: {
        const name = random.pick(["count", "bytes", "exchange", "broken"]);
        const call =
          name === "exchange"
            ? this.#calls.exchange!(1, this.#items(), options)
            : this.#calls[name]!(random.below(60), options);
        const leave = random.chance(0.3) ? random.below(20) : Infinity;
        return this.#follow(
          (async () => {
            let taken = 0;
            for await (const _ of call) {
              if (++taken > leave) break;
              // It may be this end that is slow.
              if (taken === 1 && options.timeout === 1_000) await this.#sleep(4_000);
            }
          })(),
        );
      }
      case 5: {
        const name = random.pick(procedures.filter((one) => one !== "kick" && one !== "confirm"));
        return this.#follow(this.#calls[name]!(jsonValue(random), options));
      }
      case 6:
      case 7:
        return this.#send();
      case 8: {
        const service = random.pick<ServiceName>(["notes", "words", "own", "late", "mute", "duplex"]);
        const items = service === "duplex" ? this.#items() : undefined;
        return this.#follow(this.#hosts[service]!.call(this.#body(service), { ...options, items }));
      }
      case 9:
        this.#stops.shift()?.abort(random.chance(0.5) ? new Planned() : undefined);
        return;
      case 10:
        if (random.chance(0.3)) wake();
        // More than one word of ids has room for.
        if (random.chance(0.2)) for (let i = 0; i < 40; i++) this.#follow(this.#calls.echo!(i));
        return;
      default:
        if (random.chance(0.1)) this.connection.close();
        else if (random.chance(0.3)) this.connection.open();
    }
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#world.clock.setTimer(resolve, ms));
  }

  #send(): void {
    const service = this.#world.random.pick(services.filter((name) => name !== "calls"));
    try {
      this.#hosts[service]!.send(this.#body(service));
    } catch (error) {
      if (!isPrismError(error) && !this.#isOwnFault(error)) throw error;
    }
  }

  #body(service: ServiceName): unknown {
    const { random } = this.#world;
    // One that no packet takes.
    const text = random.chance(0.05)
      ? "x".repeat(150_000)
      : random.pick(["x", "\u001b\u001e", "€".repeat(400), "\ud800"]);
    switch (service) {
      case "notes":
        return { text, how: random.pick(["self", undefined, "group", "volatile"]) };
      case "late":
        return { n: random.below(5) };
      case "blob":
        return random.chance(0.05) ? new Uint8Array(150_000) : random.bytes(random.below(2_000));
      case "duplex":
        return { items: random.pick([0, 3, 30]), body: random.pick(["await", 1]) };
      default:
        return random.chance(0.9) ? text : 1n;
    }
  }

  #items(): AsyncIterable<unknown> | Iterable<unknown> | ReadableStream {
    const { random } = this.#world;
    const length = random.pick([0, 1, 8, 20, 70]);
    const list = Array.from({ length }, (_, i) => i);
    switch (random.below(5)) {
      case 0:
        return (async function* () {
          yield* list;
          throw new Planned();
        })();
      case 1:
        return new ReadableStream({
          start: (controller) => {
            for (const item of list) controller.enqueue(item);
            controller.close();
          },
        });
      case 2:
        return [1, 2n];
      case 3:
        return (async function* () {
          yield* list;
        })();
      default:
        return list;
    }
  }

  #stop(): AbortSignal {
    const controller = new AbortController();
    this.#stops.push(controller);
    if (this.#world.random.chance(0.1)) controller.abort();
    return controller.signal;
  }

  /** Has an echo, which nothing stands in the way of. */
  async checkEcho(): Promise<void> {
    const world = this.#world;
    let echoed: unknown = "nothing";
    this.#calls.echo!("well").then(
      (value) => (echoed = value),
      (error: unknown) => (echoed = error),
    );
    await world.settle();
    if (echoed !== "well") throw new Crash("recovery", `${this.connection.status}, and hears ${String(echoed)}`);
  }

  end(): void {
    this.connection.close();
  }
}

const listeners = new Set<() => void>();

/** Gives the client a page whose network can come back, as a browser has it. */
export function installPage(): () => void {
  const page = globalThis as unknown as Record<string, unknown>;
  page["addEventListener"] = (type: string, listener: () => void) => {
    if (type === "online") listeners.add(listener);
  };
  page["removeEventListener"] = (_: string, listener: () => void) => listeners.delete(listener);
  return () => {
    delete page["addEventListener"];
    delete page["removeEventListener"];
    listeners.clear();
  };
}

/** The network comes back, for all clients that there are. */
export function wake(): void {
  for (const listener of listeners) listener();
}
