import { connect, isPrismError, type ClientConnection } from "../../src/client/connect.ts";
import { rpc, type UntypedRpcClient } from "../../src/services/rpc/client.ts";
import { halves } from "./app.ts";
import { Crash } from "./crash.ts";
import type { World } from "./world.ts";

/** A client that does nothing wrong, and must not notice what others do. */
export class Bystander {
  readonly connection: ClientConnection;
  readonly #calls: UntypedRpcClient;
  readonly #world: World;
  #count = 0;
  #open = 0;

  constructor(world: World) {
    this.#world = world;
    const client = connect("ws://localhost", {
      clock: world.clock,
      auth: world.secured ? "good" : undefined,
      dial: (_, protocols) => world.dial(protocols),
      services: { ...halves, calls: rpc({ confirm: () => true }) },
      log: ({ message, data }) => world.report(new Crash("bystander", `its log says ${message}`, data)),
    }) as unknown as { connection: ClientConnection; calls: UntypedRpcClient };
    this.connection = client.connection;
    this.#calls = client.calls;
    client.connection.on("open", () => this.#open++);
    client.connection.on("suspended", ({ code, reason }) => {
      world.report(new Crash("bystander", `loses its socket by ${code} ${reason}`));
    });
  }

  /** Asks the app something, and has the answer once all is quiet. */
  async check(): Promise<void> {
    const { random } = this.#world;
    const n = ++this.#count;
    const answers: unknown[] = [];
    const wanted: unknown[] = [];
    const ask = (call: PromiseLike<unknown>, right: unknown): void => {
      wanted.push(right);
      call.then(
        (answer) => answers.push(answer),
        (error: unknown) => answers.push(isPrismError(error) ? error.code : String(error)),
      );
    };
    ask(this.#calls.echo!({ n, text: "x\u001e€" }), { n, text: "x\u001e€" });
    if (random.chance(0.3)) ask(this.#calls.sum!({ a: n, b: 1 }), n + 1);
    if (random.chance(0.2)) ask(this.#calls.add!(undefined, [1, 2, 3]), 6);
    if (random.chance(0.2)) ask(this.#calls.ask!("x"), true);
    if (random.chance(0.2)) ask(this.#calls.count!(20), "done");
    if (this.#world.plant === "answer" && random.chance(0.1)) wanted.push("another");
    await this.#world.settle();
    const sort = (values: unknown[]): string =>
      values
        .map((value) => JSON.stringify(value))
        .toSorted()
        .join();
    // What the app keeps for a client is little here: the rest waits for an acknowledgement, a second at most.
    for (let i = 0; i < 5 && answers.length < wanted.length; i++) await this.#world.advance(1_000);
    if (sort(answers) !== sort(wanted)) throw new Crash("bystander", `hears ${sort(answers)}, not ${sort(wanted)}`);
    if (this.connection.status !== "open" || this.#open !== 1) {
      throw new Crash("bystander", `${this.connection.status}, opened ${this.#open} times`);
    }
  }
}
