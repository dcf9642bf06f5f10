import { Buffer } from "node:buffer";
import type { Answering, Asking } from "../../src/connection/exchange.ts";
import { createSocketPair } from "../../src/socket/pair.ts";
import { isPrismError, PrismError } from "../../src/wire/errors.ts";
import { TAKEN_OVER } from "../../src/wire/close-codes.ts";
import { MAX_NUMBER, writeNumber } from "../../src/wire/numbers.ts";
import { End, TestAnswering, TestAsking, type EndOptions } from "../connection/ends.ts";
import type { Session } from "./session.ts";
import { Crash } from "./crash.ts";
import type { World } from "./world.ts";

/** How long the messages are at most that are counted off, so that a lost one shows. */
const SHORT = 12;

/**
 * Two bare ends of a connection, with nothing above them: their users do all that they may, in any order and also too
 * late, and each end must understand the other.
 */
export class Duel implements Session {
  readonly #world: World;
  /** Whether it outlives its sockets. */
  readonly #lasting: boolean;
  readonly #ends: [client: End, server: End];
  readonly #limits: EndOptions;
  readonly #sent: [string[], string[]] = [[], []];
  #over = false;

  constructor(world: World) {
    this.#world = world;
    const { clock, random } = world;
    this.#lasting = random.chance(0.7);
    const sizes = { frameOut: 2_000, packetOut: 2_000, asked: 40, calls: 50, interval: 1_000, patience: 500 };
    const keeps = { replayFrames: random.pick([8, 200]), replayLimit: random.pick([400, 100_000]) };
    const limits = (this.#limits = { ...sizes, ...keeps, lasting: this.#lasting });
    this.#ends = [new End(clock, { client: true, ...limits }), new End(clock, limits)];
    for (const end of this.#ends) this.#prepare(end);
    // Counts that are about to begin anew.
    const [up, down] = [random.pick([0, MAX_NUMBER - 20]), random.pick([0, MAX_NUMBER - 20])];
    if (random.chance(0.5)) {
      this.#ends[0].count(up, down);
      this.#ends[1].count(down, up);
    }
    this.#join();
  }

  #prepare(end: End): void {
    const { random } = this.#world;
    end.take = (_, id, body) => {
      const answer = new TestAnswering();
      answer.takes = random.chance(0.7);
      // Somebody may end it all before the call is taken up.
      if (random.chance(0.002)) this.#finish(end);
      if (random.chance(0.1)) return end.connection.refuse(id, "not_found");
      end.answers.push(answer);
      end.connection.answer(id, answer);
      if (random.chance(0.3)) answer.result(body);
    };
  }

  /** Another server goes on. */
  #handOver(): void {
    const [, older] = this.#ends;
    const parked = older.connection.park();
    const newer = new End(this.#world.clock, this.#limits);
    this.#prepare(newer);
    newer.connection.unpark(parked);
    newer.heard.push(...older.heard);
    newer.link = older.link;
    newer.heartbeat.delete(older.link);
    this.#ends[1] = newer;
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

  /** Both lose their sockets, and all that is on its way, perhaps for a while. */
  #cut(): void {
    if (this.#world.random.chance(0.3)) this.#handOver();
    for (const end of this.#ends) {
      end.link.close(TAKEN_OVER, "");
      end.connection.detach();
    }
  }

  /** Both go on over new sockets; where one of them cannot, that is the end. */
  #resume(): void {
    const [client, server] = this.#ends;
    const { received } = client.connection;
    const from = server.connection.offered(received);
    if (from === undefined) {
      // Only who does not know that its peer acknowledges may forget.
      return this.#finish(server);
    }
    const [left, right] = createSocketPair(this.#world.clock);
    server.connection.resume(server.open(right, false), from, server.connection.received);
    client.connection.acknowledge(server.connection.received);
    client.connection.resume(client.open(left, false), server.connection.received, from);
    // Its socket may have been lost with what it acknowledged last.
    client.link.post(`%${writeNumber(client.connection.received)}`);
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
        const { waiting } = end.connection;
        end.connection.send(`@${text}`);
        // Where too much waits it is not sent.
        return end.connection.waiting > waiting ? void sent.push(`0 ${text}`) : undefined;
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
        return asking !== undefined && asking.ready && !this.#finished.has(asking) ? asking.item(body) : undefined;
      case 8:
        if (asking === undefined || this.#finished.has(asking)) return undefined;
        this.#finished.add(asking);
        return asking.finish();
      case 9:
      case 10:
        return answering !== undefined && answering.ready ? answering.item(body) : undefined;
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
      const closed = end.closed.findLast(({ code }) => code !== TAKEN_OVER);
      if (closed !== undefined) throw new Crash("duel", `closed with ${closed.code} ${closed.reason}`);
      // What came in a binary packet is shown as bytes.
      const heard = end.heard.map((one) =>
        one.replace(/<(.*)>$/, (_, hex: string) => Buffer.from(hex.replaceAll(" ", ""), "hex").toString()),
      );
      const sent = this.#sent[1 - at]!;
      // What was sent last may wait, or be on its way again.
      const all = !this.#ends[0].connection.attached || this.#ends[1 - at]!.connection.waiting > 0;
      const due = all ? sent.slice(0, heard.length) : sent;
      if (heard.join() !== due.join()) {
        throw new Crash("duel", `hears ${heard.join().slice(-200)}, not ${due.join().slice(-200)}`);
      }
    }
    this.#change();
  }

  /** The sockets are lost, or there are others. */
  #change(): void {
    const { random } = this.#world;
    if (this.#over) return;
    if (!this.#ends[0].connection.attached) {
      if (random.chance(0.1)) this.#handOver();
      if (random.chance(0.5)) this.#resume();
    } else if (!this.#lasting && random.chance(0.1)) {
      // All that was sent has been heard, so that nothing is lost with the sockets.
      this.#try(0);
      this.#join();
    } else if (this.#lasting && random.chance(0.2)) {
      for (let i = random.below(10); i > 0; i--) this.#try(random.below(2));
      this.#cut();
    }
  }

  end(): void {
    if (!this.#over) this.#finish(this.#ends[0]);
    this.#ends[1].link.close(1000, "");
    this.#ends[1].connection.end(new PrismError("lost"));
  }
}
