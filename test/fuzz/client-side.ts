import { Account, type AccountOptions } from "./account.ts";
import { endsConnection } from "./bank.ts";
import type { Verdict } from "./call-book.ts";
import { Crash } from "./crash.ts";
import { MAX_NUMBER, modulo } from "./grammar.ts";
import type { Control, Hearing, Side } from "./hearing.ts";

/** A client's connection, over all its sockets. */
export class Holder {
  account: Account | undefined;
  /** How often its socket was closed because the connection is to be found elsewhere. */
  restarts = 0;
  readonly #options: AccountOptions;

  constructor(options: AccountOptions) {
    this.#options = options;
  }

  /** What the client must offer now. */
  get offer(): string | undefined {
    const { account } = this;
    return account?.alive && account.token !== undefined ? `prism.resume.${account.token}.${account.heard}` : undefined;
  }

  begin(): Account {
    this.account?.end();
    return (this.account = new Account(this.#options));
  }

  end(): void {
    this.account?.end();
  }
}

/** Whether a number is one of PROTOCOL.md, "Numbers". */
function isNumber(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) <= MAX_NUMBER;
}

function isWelcome({ welcome, heartbeat, packet, frames = 1, received, sent, resumed, services }: Control): boolean {
  const table = services ?? (resumed === true ? {} : undefined);
  const numbers = [heartbeat, packet, frames].every((value) => typeof value === "number");
  if (welcome !== 1 || !numbers || !isNumber(received) || !isNumber(sent)) return false;
  if (Number(heartbeat) < 1 || Number(packet) < 64 || Number(frames) < 1) return false;
  if (typeof table !== "object" || table === null) return false;
  return Object.values(table).every((entry) => Array.isArray(entry) && isNumber(entry[0]));
}

/** What a client must offer, which welcomes it must take, and what it answers. */
export class ClientSide implements Side {
  readonly gated = false;
  readonly #referee: Hearing;
  readonly #holder: Holder;
  /** What its first frame after the welcome must acknowledge. */
  answer: number | undefined;
  /** Whether it must close this socket, since another works. */
  leaves = false;
  readonly #offer: string | undefined;
  readonly #restarts: number;

  constructor(referee: Hearing, holder: Holder) {
    this.#referee = referee;
    this.#holder = holder;
    this.#offer = holder.offer;
    this.#restarts = holder.restarts;
  }

  /** Judges what the client offers with its subprotocols. */
  dialed(protocols: readonly string[]): void {
    const offered = protocols.find((one) => one.startsWith("prism.resume."));
    if (protocols.length === 0 || (offered === this.#offer && protocols[0] === "prism.1")) return;
    throw new Crash("offer", `${protocols.join(" ")} where ${String(this.#offer)} is due`);
  }

  reads(message: Control): Verdict {
    if (!("welcome" in message)) return "fine";
    const referee = this.#referee;
    if (referee.welcomed) return "breach";
    const { account } = this.#holder;
    const { resumed, resume, received, sent } = message;
    const goesOn = resumed === true;
    // What it asked for was not there yet when the one that it had was closed with 1012.
    const early = this.#holder.restarts !== this.#restarts;
    if (!goesOn && account?.alive && (account.user !== undefined || early)) {
      this.leaves = true;
      return "fine";
    }
    (account?.user as Hearing | undefined)?.replace();
    const token = typeof resume === "string" ? resume : undefined;
    if (!isWelcome(message)) return this.#breach();
    if (goesOn) {
      if (account === undefined || !account.alive || !account.isPossible(Number(received))) return this.#breach();
      const repeats = modulo(account.heard - Number(sent));
      if (repeats > 2 ** 30) return this.#breach();
      account.acknowledge(Number(received));
      account.resume(Number(received));
      account.repeats = repeats;
      referee.account = account;
    } else {
      referee.account = this.#holder.begin();
      referee.account.begun = true;
    }
    const now = referee.account;
    now.user = referee;
    now.token = token;
    now.lasting = token !== undefined;
    now.told();
    if (referee.early) now.lose();
    this.answer = now.heard;
    referee.welcomed = true;
    return "fine";
  }

  /** Whatever it had is gone with this socket. */
  #breach(): Verdict {
    const { account } = this.#holder;
    // It may answer before it sees that the counts cannot be.
    this.answer = account?.heard;
    if (account !== undefined) account.user = undefined;
    this.#holder.end();
    return "breach";
  }

  says(message: Control): string | undefined {
    if (!("hello" in message)) return this.#referee.welcomed ? undefined : "control before the welcome";
    const { resume, received } = message;
    const said = resume === undefined ? undefined : `prism.resume.${resume as string}.${received as number}`;
    // It is written when the socket opens, and sent when the turn is over.
    if (said === this.#offer || said === this.#holder.offer) return undefined;
    return `hello where ${String(this.#offer)} is due`;
  }

  moved(): void {
    this.#holder.restarts++;
  }

  lost(code: number): void {
    if (!this.leaves && endsConnection(code) && this.#holder.account?.user === undefined) this.#holder.end();
  }

  /** An acknowledgement that answers the welcome. */
  answers(count: number): string | undefined {
    const { answer } = this;
    this.answer = undefined;
    return count === answer ? undefined : `answers the welcome with ${count} and not ${String(answer)}`;
  }
}
