import type { Account } from "./account.ts";
import type { Bank } from "./bank.ts";
import type { Verdict } from "./call-book.ts";
import { MAX_NUMBER } from "./grammar.ts";
import type { Control, Hearing, Side } from "./hearing.ts";

/** What a socket offers to go on with. */
export interface ResumeOffer {
  readonly token: string;
  readonly received: number;
}

/** What the server's welcome must say. */
interface Expected {
  readonly offer: ResumeOffer | undefined;
  /** The connection that the offer is good for. */
  readonly found: Account | undefined;
  /** What the welcome must say of counts; nothing for a new connection. */
  readonly counts: { readonly received: number; readonly sent: number } | undefined;
}

const TOKEN = /^[A-Za-z0-9_-]{1,128}$/;
/** One of 128 random bits at least. */
const GOOD_TOKEN = /^[A-Za-z0-9_-]{22,128}$/;

function toOffer(token: unknown, received: unknown): ResumeOffer | undefined {
  const counts = Number.isInteger(received) && Number(received) >= 0 && Number(received) <= MAX_NUMBER;
  return typeof token === "string" && TOKEN.test(token) && counts ? { token, received: Number(received) } : undefined;
}

/** What subprotocols offer; `undefined` where they do not say who the client is. */
export function readOffers(protocols: readonly string[]): { resume: ResumeOffer | undefined } | undefined {
  if (!protocols.includes("prism.1")) return undefined;
  const parts = /^prism\.resume\.([^.]*)\.([0-9]{1,10})$/.exec(
    protocols.find((one) => one.startsWith("prism.resume")) ?? "",
  );
  return { resume: parts === null ? undefined : toOffer(parts[1], Number(parts[2])) };
}

/** Which welcome a server must give, and whose frames it must hold back for a verdict. */
export class ServerSide implements Side {
  readonly #referee: Hearing;
  readonly #bank: Bank;
  readonly #secured: boolean;
  readonly #lasting: boolean;
  #expected: Expected | undefined;
  #gate: "open" | "waiting" | "judging" = "open";

  constructor(referee: Hearing, bank: Bank, secured: boolean, lasting: boolean) {
    this.#referee = referee;
    this.#bank = bank;
    this.#secured = secured;
    this.#lasting = lasting;
  }

  get gated(): boolean {
    return this.#gate !== "open";
  }

  /** The socket opens, and says who it is: what the server knows now is what its welcome must say. */
  open(offer: ResumeOffer | undefined): void {
    const referee = this.#referee;
    const found = offer && this.#bank.find(offer.token);
    // Who offers the next token has it.
    if (found !== undefined && found.next === offer!.token) found.confirm();
    const sent = found?.begun && found.lasting ? found.offered(offer!.received) : undefined;
    if (found !== undefined && sent !== undefined) {
      (found.user as Hearing | undefined)?.replace();
      found.resume(sent);
      this.#expected = { offer, found, counts: { received: found.heard, sent } };
    } else this.#expected = { offer, found, counts: undefined };
    const account = sent === undefined ? this.#bank.open() : found!;
    account.user = referee;
    if (sent === undefined) {
      account.lasting = this.#lasting;
      account.begun = !this.#secured;
    }
    if (referee.early) account.lose();
    referee.account = account;
    if (this.#secured) this.#gate = "waiting";
  }

  reads(message: Control): Verdict {
    if (this.#expected === undefined) {
      const { hello, resume, received } = message;
      if (typeof hello === "number" && hello >= 1) this.open(toOffer(resume, received));
    } else if (this.#secured && "auth" in message) {
      if (this.#gate === "judging") return "breach";
      this.#gate = "judging";
    }
    return "fine";
  }

  says(message: Control): string | undefined {
    if (this.#referee.welcomed) {
      if (message["auth"] !== true || !this.#secured) return undefined;
      this.#gate = "open";
      this.#referee.account!.begun = true;
      this.#referee.ungate();
      return undefined;
    }
    if (this.#expected === undefined) return "welcome for nobody";
    return this.#proveWelcome(message, this.#expected);
  }

  #proveWelcome(message: Control, { found, counts }: Expected): string | undefined {
    const { welcome, connection, heartbeat, packet, resumed, resume, received, sent } = message;
    const referee = this.#referee;
    if (welcome !== 1 || typeof connection !== "string") return "no welcome";
    for (const number of [heartbeat, packet, received, sent]) {
      if (!Number.isInteger(number) || Number(number) < 0 || Number(number) > MAX_NUMBER) return "malformed welcome";
    }
    if ((message["auth"] === true) !== this.#secured) return "wrong about tokens";
    if (resumed !== (counts !== undefined)) {
      if (found?.vague !== true) return `welcome that should say "resumed": ${counts !== undefined}`;
      // Nobody knows what was forgotten.
      found.end();
      referee.account = undefined;
      referee.loosen();
      this.#renew();
    }
    const account = referee.account!;
    const wanted = resumed === true ? counts! : { received: 0, sent: 0 };
    if (!account.vague && (received !== wanted.received || sent !== wanted.sent)) {
      return `welcome that should say ${JSON.stringify(wanted)}`;
    }
    if (resumed === true) {
      if (connection !== account.id) return "resumed as another connection";
      if ("services" in message) return "services of a connection that goes on";
    } else if (typeof message["services"] !== "object") return "no services";
    const isNew = !this.#bank.given.has(connection) && connection !== "";
    if (resumed !== true && !isNew) return "id of another connection";
    const why = this.#proveToken(account, resume);
    if (why !== undefined) return why;
    account.id = connection;
    account.next = resume as string | undefined;
    this.#bank.given.add(connection);
    referee.welcomed = true;
    // What follows waits for a verdict.
    if (this.#secured) referee.loosen();
    return undefined;
  }

  #renew(): void {
    const account = this.#bank.open();
    account.vague = account.book.blind = true;
    account.lasting = this.#lasting;
    account.begun = !this.#secured;
    account.user = this.#referee;
    this.#referee.account = account;
  }

  #proveToken(account: Account, token: unknown): string | undefined {
    if (!account.lasting) return token === undefined ? undefined : "token of a connection that cannot be resumed";
    if (typeof token !== "string" || !GOOD_TOKEN.test(token)) return "no good token";
    if (account.next !== undefined)
      return token === account.next ? undefined : "another token before the last is spent";
    if (this.#bank.given.has(token)) return "token for the second time";
    this.#bank.given.add(token);
    return undefined;
  }
}
