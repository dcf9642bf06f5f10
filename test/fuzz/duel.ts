import { Buffer } from "node:buffer";
import type { Answering, Asking } from "../../src/connection/exchange.ts";
import { createSocketPair } from "../../src/socket/pair.ts";
import { isPrismError, PrismError } from "../../src/wire/errors.ts";
import { End, TestAnswering, TestAsking } from "../connection/ends.ts";
import type { Session } from "./enemy.ts";
import { Crash } from "./referee.ts";
import type { World } from "./world.ts";

/** How long the messages are at most that are counted off, so that a lost one shows. */
const SHORT = 12;

/**
 * Two bare ends of a connection, with nothing above them: their users do all that they may, in any order and also too
 * late, and each end must understand the other.
 */
export class Duel implements Session {
  readonly #world: World;
  readonly #ends: readonly [End, End];
  readonly #sent: [string[], string[]] = [[], []];
  #over = false;

  constructor(world: World) {
    this.#world = world;
    const { clock } = world;
    const limits = { frameOut: 2_000, packetOut: 2_000, asked: 40, calls: 50, interval: 1_000, patience: 500 };
    this.#ends = [new End(clock, { client: true, ...limits }), new End(clock, limits)];
    for (const end of this.#ends) {
      end.take = (_, id, body) => {
        const answer = new TestAnswering();
        answer.takes = world.random.chance(0.7);
        // Somebody may end it all before the call is taken up.
        if (world.random.chance(0.002)) this.#finish(end);
        if (world.random.chance(0.1)) return end.connection.refuse(id, '{"code":"not_found"}');
        end.answers.push(answer);
        end.connection.answer(id, answer);
        if (world.random.chance(0.3)) answer.result(body);
      };
    }
    this.#join();
  }

  get over(): boolean {
    return this.#over;
  }

  /** Gives both a new pair of sockets. What waits goes over the new one. */
  #join(): void {
    const sockets = createSocketPair(this.#world.clock);
    for (const [at, end] of this.#ends.entries()) {
      // The old link may have nothing to say any more, and not know it yet.
      if (end.link !== undefined) {
        const { link } = end;
        end.heartbeat.delete(link);
        if (this.#world.random.chance(0.5)) link.post(")");
      }
      end.open(sockets[at]!);
    }
  }

  #finish(end: End): void {
    this.#over = true;
    end.link.close(1000, "");
    end.link.post("(");
    end.connection.end(new PrismError("lost"));
    end.connection.end(new PrismError("lost"));
    end.connection.send("@late");
    end.ask("late");
  }

  async act(): Promise<void> {
    for (let i = this.#world.random.between(1, 10); i > 0; i--) this.#try(this.#world.random.below(2));
  }

  /** Does one thing at one end. It may be refused. */
  #try(at: number): void {
    try {
      this.#step(this.#ends[at]!, this.#sent[at]!);
    } catch (error) {
      if (!isPrismError(error)) throw error;
    }
  }

  #step(end: End, sent: string[]): void {
    const { random } = this.#world;
    const asking = random.pick<Asking | undefined>(end.asked);
    const answering = random.pick<Answering | undefined>(end.answers);
    const body = random.chance(0.8) ? "x".repeat(random.below(50)) : random.bytes(random.below(50));
    switch (random.below(16)) {
      case 0: {
        const text = `${sent.length} ${"y".repeat(random.below(SHORT))}`;
        end.connection.send(`@${text}`);
        return void sent.push(`0 ${text}`);
      }
      case 1:
        // No packet holds it.
        if (random.chance(0.5)) return end.connection.send(`@${"x".repeat(3_000)}`);
        return void end.ask("x".repeat(3_000));
      case 2:
      case 3:
      case 4:
        return void end.ask(body, this.#world.clock.now() + random.pick([100, 5_000, Infinity]));
      case 5:
        return asking?.cancel();
      case 6:
      case 7:
        return asking !== undefined && asking.credit > 0 && !this.#finished.has(asking) ? asking.item(body) : undefined;
      case 8:
        if (asking === undefined || this.#finished.has(asking)) return undefined;
        this.#finished.add(asking);
        return asking.finish();
      case 9:
      case 10:
        return answering !== undefined && answering.credit > 0 ? answering.item(body) : undefined;
      case 11:
        return answering?.result(body);
      case 12:
        return answering?.failure('{"code":"no"}');
      case 13:
        if (random.chance(0.5)) end.link.probe();
        else void new TestAsking().turn();
        return undefined;
      case 14:
        if (random.chance(0.02)) this.#finish(end);
        return undefined;
      default:
        if (answering instanceof TestAnswering && answering.waiting) answering.took();
        return undefined;
    }
  }

  readonly #finished = new WeakSet<Asking>();

  loosen(): void {}

  judge(): void {
    for (const [at, end] of this.#ends.entries()) {
      if (end.broken.length > 0) throw new Crash("duel", "an end is broken", end.broken[0]);
      if (this.#over) continue;
      const closed = end.closed.at(-1);
      if (closed !== undefined) throw new Crash("duel", `closed with ${closed.code} ${closed.reason}`);
      // What came in a binary packet is shown as bytes.
      const heard = end.heard
        .map((one) =>
          one.replace(/<(.*)>$/, (_, hex: string) => Buffer.from(hex.replaceAll(" ", ""), "hex").toString()),
        )
        .join();
      const sent = this.#sent[1 - at]!.join();
      if (heard !== sent) throw new Crash("duel", `hears ${heard.slice(-200)}, not ${sent.slice(-200)}`);
    }
    // All that was sent has been heard, so that nothing is lost with the sockets.
    if (!this.#over && this.#world.random.chance(0.1)) {
      this.#try(0);
      this.#join();
    }
  }

  end(): void {
    if (!this.#over) this.#finish(this.#ends[0]);
    this.#ends[1].link.close(1000, "");
    this.#ends[1].connection.end(new PrismError("lost"));
  }
}
