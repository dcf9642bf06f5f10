import { Buffer } from "node:buffer";
import { CALLS, services } from "./app.ts";
import { anyBody, anyService, anyValue, callBody, jsonValue, rpcCall } from "./bodies.ts";
import {
  joinFrame,
  joinPacket,
  MAX_NUMBER,
  modulo,
  writeLength,
  writeNumber,
  type Body,
  type Packet,
} from "./grammar.ts";
import { mutate } from "./mutate.ts";
import type { Random } from "./random.ts";
import type { Hearing } from "./hearing.ts";

/** Numbers as nobody may write them. */
const MALFORMED = ["", "a", "`@", "b`````@", "a```````@", "\x7f".repeat(20), "1", "\u0661", "@@"];

/** Something to send, and the result that it must have if that is all there is to know. */
export interface Composed {
  readonly packet: Packet;
  readonly expect?: string | undefined;
}

/** Writes what one end might say to the other: by the rules, or, as far as its malice goes, not. */
export class Tester {
  readonly #random: Random;
  readonly #referee: Hearing;
  /** How many of its frames lie, and of its packets are nonsense. */
  readonly #malice: number;
  /** Whether it leaves the peer's calls without an answer. */
  readonly #sullen: boolean;
  readonly #history: Packet[] = [];
  readonly #packetLimit: number;

  constructor(random: Random, referee: Hearing, malice: number, packetLimit: number) {
    this.#random = random;
    this.#referee = referee;
    this.#malice = malice;
    this.#sullen = random.chance(0.15);
    this.#packetLimit = packetLimit;
  }

  compose(): Composed {
    const random = this.#random;
    const composed = random.chance(this.#malice) ? { packet: this.#nonsense() } : this.#sense();
    this.#history.push(composed.packet);
    if (this.#history.length > 20) this.#history.shift();
    return composed;
  }

  #sense(): Composed {
    const random = this.#random;
    // One call alone, whose result is known.
    if (random.chance(0.15)) {
      const { body, expect } = rpcCall(random);
      const id = this.#free();
      const packet = joinPacket([joinFrame(`?${writeNumber(0)}${writeNumber(id)}`, body)], false);
      // Beyond the limit it would be refused.
      return { packet, expect: id < CALLS && (expect?.length ?? 0) < 40 ? expect : undefined };
    }
    const opened = new Set<number>();
    const length = random.weighted([
      [10, random.between(1, 4)],
      [3, random.between(5, 30)],
      [0.1, 300],
    ]);
    const frames = Array.from({ length }, () => this.#frame(opened));
    return { packet: joinPacket(frames, random.chance(0.25)) };
  }

  #nonsense(): Packet {
    const random = this.#random;
    const last = this.#history.at(-1) ?? "(";
    switch (random.below(9)) {
      case 0:
        return random.pick<Packet>(["", "\x1e", "(\x1e", new Uint8Array(), Uint8Array.of(0), Uint8Array.of(0x80)]);
      case 1:
        return "(\x1e".repeat(random.pick([1_022, 1_023, 1_024])) + "(";
      case 2:
        return `a@${"x".repeat(this.#packetLimit - random.between(0, 4))}`;
      case 3:
        return this.#oddLength();
      case 4:
        return typeof last === "string" ? anyText(random) : random.bytes(random.below(60));
      case 5:
        return `${random.pick("?=!<>/+-#%$*&0 é".split(""))}${random.pick(MALFORMED)}${random.pick(MALFORMED)}`;
      default: {
        const other = random.pick(this.#history.length > 0 ? this.#history : [last]);
        return mutate(random, random.chance(0.5) ? last : this.#sense().packet, other);
      }
    }
  }

  /** A binary packet whose lengths lie. */
  #oddLength(): Packet {
    const random = this.#random;
    const frame = Buffer.from(this.#frame(new Set()) as string);
    const length = random.pick([0, 1, frame.length - 1, frame.length + 1, 2 ** 28, 2 ** 31, 2 ** 34, 2 ** 35 - 1]);
    const bytes = random.chance(0.5) ? writeLength(length) : writeLength(frame.length, random.between(1, 5));
    return Uint8Array.from([...bytes, ...frame]);
  }

  /** The smallest id that is free, and that no frame of this packet has taken. */
  #free(opened?: Set<number>): number {
    let id = 0;
    while (this.#referee.theirs.has(id) || opened?.has(id)) id++;
    opened?.add(id);
    return id;
  }

  /** One frame: by the rules unless it is one that lies. */
  #frame(opened: Set<number>): Body {
    const random = this.#random;
    const lies = random.chance(this.#malice);
    const theirs = [...this.#referee.theirs];
    const ours = [...this.#referee.ours];
    const mine = random.chance(0.5);
    if (lies) return this.#lie(theirs, ours);
    if (mine && ours.length > 0 && !this.#sullen && random.chance(0.7)) {
      const [id, call] = random.pick(ours);
      const service = services[call.service] ?? "calls";
      const number = writeNumber(id);
      switch (random.below(6)) {
        case 0:
          if (opened.has(-1 - id)) return "(";
          // Answered once in a packet, and nothing behind it: the id is free then.
          this.#closeFor(opened, id);
          return joinFrame(
            `=${number}`,
            random.chance(0.5) && service === "calls" ? "true" : anyValue(random, service),
          );
        case 1:
          if (opened.has(-1 - id)) return "(";
          this.#closeFor(opened, id);
          return `!${number}${JSON.stringify({ code: "no", message: random.pick([1, "x", undefined]), data: jsonValue(random) })}`;
        case 2:
          return opened.has(-1 - id) ? ")" : `-${number}${writeNumber(random.between(1, 40))}`;
        default:
          if (opened.has(-1 - id) || opened.has(1e9 + id) || call.down >= call.downCredit) return ")";
          opened.add(1e9 + id);
          return joinFrame(`<${number}`, anyValue(random, service));
      }
    }
    if (theirs.length > 0 && random.chance(0.6)) {
      const [id, call] = random.pick(theirs);
      const service = services[call.service] ?? "calls";
      const number = writeNumber(id);
      switch (random.below(8)) {
        case 0:
          return `#${number}`;
        case 1:
          opened.add(2e9 + id);
          return `/${number}`;
        case 2:
        case 3:
          return `+${number}${writeNumber(random.between(1, 40))}`;
        default:
          if (call.finished || opened.has(2e9 + id) || call.up >= call.upCredit) return "(";
          opened.add(2e9 + id);
          return joinFrame(`>${number}`, random.chance(0.95) ? anyValue(random, service) : anyBody(random));
      }
    }
    const kind = random.below(12);
    if (kind === 0) return random.pick(["(", ")"]);
    if (kind === 1) return `$${JSON.stringify({ unknown: jsonValue(random) })}`;
    if (kind === 2) return `%${writeNumber(this.#referee.saidCount)}`;
    const service = anyService(random);
    const number = writeNumber(services.indexOf(service));
    const body = callBody(random, service);
    if (kind < 5) return joinFrame(number, body);
    return joinFrame(`?${number}${writeNumber(this.#free(opened))}`, body);
  }

  #closeFor(opened: Set<number>, id: number): void {
    opened.add(-1 - id);
  }

  /** A frame that is grammatical, or nearly, and says what is not so. */
  #lie(theirs: readonly (readonly [number, unknown])[], ours: readonly (readonly [number, unknown])[]): Body {
    const random = this.#random;
    const ids = [0, 1, 31, 32, 1_023, 1_024, MAX_NUMBER, ...theirs.map(([id]) => id), ...ours.map(([id]) => id)];
    const count = (): string =>
      random.chance(0.05) ? random.pick(MALFORMED) : writeNumber(random.pick([0, 1, 16, 17, 1e6, MAX_NUMBER]));
    const id = random.chance(0.03) ? random.pick(MALFORMED) : writeNumber(random.pick(ids));
    const kind = random.pick("?=!<>/+-#%$()@".split(""));
    switch (kind) {
      case "?":
        return joinFrame(`?${random.chance(0.7) ? "@" : count()}${id}`, callBody(random, "calls"));
      case "+":
      case "-":
        return `${kind}${id}${count()}${random.chance(0.05) ? "x" : ""}`;
      case "/":
      case "#":
        return `${kind}${id}${random.chance(0.05) ? "x" : ""}`;
      case "%": {
        const { saidCount, fedCount } = this.#referee;
        const counts = [saidCount, saidCount + 1, saidCount - 1, 0, fedCount, saidCount + 2 ** 30, MAX_NUMBER];
        return `%${writeNumber(modulo(random.pick(counts)))}`;
      }
      case "$":
        if (random.chance(0.3)) return joinFrame("$", anyBody(random));
        return `$${JSON.stringify(hostileControl(random))}`;
      case "@":
        return joinFrame(writeNumber(random.pick([0, 7, 8, 9, 40, MAX_NUMBER])), anyBody(random));
      case "(":
      case ")":
        return `${kind}${random.chance(0.1) ? "x" : ""}`;
      default:
        return joinFrame(`${kind}${id}`, random.chance(0.5) ? anyBody(random) : anyValue(random, anyService(random)));
    }
  }
}

/** A control frame that one or the other end may know. */
export function hostileControl(random: Random): unknown {
  const odd = (): unknown =>
    random.pick<unknown>([jsonValue(random), -1, 0.5, Number.MAX_VALUE, 2 ** 31, "", null, true, {}]);
  const names = ["hello", "auth", "resume", "received", "manifest", "expires", "draining", "__proto__", "resumed"];
  return Object.fromEntries(Array.from({ length: random.between(1, 3) }, () => [random.pick(names), odd()]));
}

function anyText(random: Random): string {
  const body = anyBody(random);
  return typeof body === "string" ? body : Buffer.from(body).toString("latin1");
}
