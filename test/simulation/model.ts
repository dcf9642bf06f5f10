import type { Fail } from "./tap.ts";

/** What the server has sent to one connection, and what became of it. */
class Down {
  /** Messages that must all arrive, in order. */
  readonly plain: number[] = [];
  received = 0;
  /** Messages that need not arrive, and those that must not. */
  readonly volatile = new Set<number>();
  readonly dropped = new Set<number>();
  /** The last that arrived of what goes by the same way in order. */
  last = -1;
  /** The last that was sent under a key, and the last that arrived. */
  readonly conflated = new Map<string, { sent: number; received: number }>();
}

/** A connection, as the users of its two ends have it. */
export class Life {
  readonly connection: string;
  readonly client: number;
  readonly down = new Down();
  /** What the client has sent, and how much of it the server has received. */
  readonly up: number[] = [];
  received = 0;
  /** What the server's services know. */
  server: "unknown" | "there" | "suspended" | "parked" | "gone" = "unknown";
  /** Whether the client goes on with it. */
  there = true;

  constructor(connection: string, client: number) {
    this.connection = connection;
    this.client = client;
  }
}

/** What a client's user knows. */
export class Party {
  readonly index: number;
  life: Life | undefined;
  everOpened = false;
  /** What was sent while it was not open. */
  pending: number[] = [];
  /** Whether its service, and the listeners, were told of a reset since. */
  toldHalf = false;
  told = false;

  constructor(index: number) {
    this.index = index;
  }
}

/** Holds what happens against what must: an account of its own, which knows nothing of frames, counts and sockets. */
export class Model {
  readonly lives = new Map<string, Life>();
  readonly fail: Fail;
  #serial = 0;

  constructor(fail: Fail) {
    this.fail = fail;
  }

  /** A number for a message: they rise. */
  next(): number {
    return ++this.#serial;
  }

  lifeOf(connection: string, client: number): Life {
    const life = this.lives.get(connection) ?? new Life(connection, client);
    this.lives.set(connection, life);
    return life;
  }

  // --- what the client's user does and hears ---

  sent(party: Party, open: boolean, message: number): void {
    if (open) party.life!.up.push(message);
    else party.pending.push(message);
  }

  opened(party: Party, connection: string): void {
    const before = party.life;
    if (this.lives.get(connection)?.there === false) this.fail(`client ${party.index} opens ${connection} once more`);
    if (before?.there === true) this.fail(`client ${party.index} has ${connection} while it has ${before.connection}`);
    if (party.everOpened !== party.toldHalf) this.fail(`client ${party.index}: its service was not told of the reset`);
    if (party.everOpened !== party.told) this.fail(`client ${party.index}: its user was not told of the reset`);
    party.everOpened = true;
    party.toldHalf = party.told = false;
    party.life = this.lifeOf(connection, party.index);
    this.#flush(party);
  }

  resumed(party: Party, connection: string | undefined): void {
    if (party.life?.connection !== connection || party.life?.there !== true)
      this.fail(`client ${party.index} resumes ${connection} where it had ${party.life?.connection}`);
    this.#flush(party);
  }

  /** A connection is over for the client: it was closed, or another one takes its place. */
  over(party: Party): void {
    if (party.life !== undefined) party.life.there = false;
  }

  #flush({ life, pending }: Party): void {
    life?.up.push(...pending.splice(0));
  }

  arrivedDown(party: Party, message: number, key: string | undefined): void {
    const { life } = party;
    if (life?.there !== true) return this.fail(`client ${party.index} hears ${message} without a connection`);
    const { down } = life;
    const conflated = key === undefined ? undefined : down.conflated.get(key);
    if (key !== undefined) {
      if (conflated === undefined || message <= conflated.received || message > conflated.sent)
        return this.fail(`${life.connection}: ${message} of ${key} after ${conflated?.received}`);
      conflated.received = message;
      return;
    }
    if (message <= down.last) this.fail(`${life.connection}: ${message} after ${down.last}`);
    down.last = message;
    if (down.dropped.has(message)) this.fail(`${life.connection}: ${message} was volatile, and it had no socket`);
    if (down.volatile.has(message)) return;
    const wanted = down.plain[down.received++];
    if (wanted !== message) this.fail(`${life.connection}: ${message} where ${wanted} was to come`);
  }

  // --- what the server's services do and hear ---

  arrivedUp(connection: string, message: number): void {
    const life = this.lives.get(connection);
    const wanted = life?.up[life.received++];
    if (wanted !== message) this.fail(`${connection}: server has ${message} where ${wanted} was to come`);
    if (life?.server === "gone") this.fail(`${connection}: ${message} of a connection that has ended`);
  }

  pushed(connection: string, message: number, how: "plain" | "volatile" | "conflate", key: string): void {
    const life = this.lives.get(connection);
    if (life === undefined) return;
    const { down } = life;
    if (how === "plain") down.plain.push(message);
    else if (how === "volatile") (life.server === "suspended" ? down.dropped : down.volatile).add(message);
    else {
      const known = down.conflated.get(key);
      if (known === undefined) down.conflated.set(key, { sent: message, received: -1 });
      else known.sent = message;
    }
  }

  /** The server's services hear of a connection: one that begins, or one that comes from another server. */
  connected(connection: string, client: number): void {
    const life = this.lifeOf(connection, client);
    const comes = life.server === "unknown" || life.server === "parked";
    if (!comes) this.fail(`${connection} connects, which is ${life.server}`);
    // One that is taken up has no socket yet.
    life.server = life.server === "parked" ? "suspended" : "there";
  }

  disconnected(connection: string, reset: boolean, parked: boolean): void {
    const life = this.lives.get(connection);
    if (life === undefined) return;
    if (life.server === "gone" || life.server === "unknown") this.fail(`${connection} disconnects twice`);
    if (!parked && reset !== (life.server === "suspended"))
      this.fail(`${connection} was ${life.server}, and its service ${reset ? "was" : "was not"} told of a reset`);
    life.server = parked ? "parked" : "gone";
  }

  /** What a connection that lives has not got yet, though it must. */
  missing({ life, pending, index }: Party): string | undefined {
    if (life?.there !== true) return undefined;
    const { up, down, received, connection, server } = life;
    if (server !== "there") return `${connection} is open at its client, and ${server} at its server`;
    if (received < up.length) return `${connection}: ${up[received]} has not arrived at the server`;
    if (down.received < down.plain.length) return `${connection}: ${down.plain[down.received]} has not arrived`;
    for (const [key, { sent, received }] of down.conflated)
      if (received !== sent) return `${connection}: ${sent} of ${key} has not arrived, the last was ${received}`;
    return pending.length > 0 ? `client ${index}: ${pending.length} wait though it is open` : undefined;
  }
}
