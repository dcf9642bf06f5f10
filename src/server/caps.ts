import { toAddressKey } from "../wire/address.ts";
import type { Clock } from "../wire/clock.ts";
import type { Limits } from "../wire/limits.ts";

/** Those who come from one address, or all whose addresses are not counted. */
export class Crowd {
  /** How many there are. */
  count = 0;
  readonly #caps: Caps;
  readonly #key: string | undefined;

  /**
   * @param caps who counts
   * @param key the address, where it is counted
   */
  constructor(caps: Caps, key: string | undefined) {
    this.#caps = caps;
    this.#key = key;
  }

  /** There is one more. */
  enter(): void {
    this.count++;
    this.#caps.entered();
  }

  /** One of them is gone. */
  leave(): void {
    this.count--;
    this.#caps.left(this, this.#key);
  }

  /** Whether they are no more than may be, with all others. */
  get fits(): boolean {
    return this.#caps.fits(this.#key === undefined ? 0 : this.count);
  }
}

/** What there is too much of. */
export type Full = "connections" | "connectionsPerAddress" | "upgrades";

/** Counts connections, in all and from each address, and upgrades a second. */
export class Caps {
  readonly #limits: Limits;
  readonly #clock: Clock;
  /** Whether addresses are those of clients, also where they are private. */
  readonly #trusts: boolean;
  readonly #byAddress = new Map<string, Crowd>();
  readonly #others: Crowd = new Crowd(this, undefined);
  #count = 0;
  #tokens: number;
  #filledAt: number;

  /**
   * @param limits the app's
   * @param clock the time
   * @param trusts whether proxies tell who their clients are
   */
  constructor(limits: Limits, clock: Clock, trusts: boolean) {
    this.#limits = limits;
    this.#clock = clock;
    this.#trusts = trusts;
    this.#tokens = limits.upgrades;
    this.#filledAt = clock.now();
  }

  /**
   * Counts a client, or says what there is too much of.
   *
   * @param remoteAddress the client's network address
   * @param again whether it is counted already, and goes on with that: this is for a moment only
   * @returns those with whom it is counted, until it leaves
   */
  enter(remoteAddress: string | undefined, again: boolean): Crowd | Full {
    const { connections, connectionsPerAddress, upgrades } = this.#limits;
    const now = this.#clock.now();
    this.#tokens = Math.min(upgrades, this.#tokens + ((now - this.#filledAt) / 1_000) * upgrades);
    this.#filledAt = now;
    if (this.#tokens < 1) return "upgrades";
    if (!again && this.#count >= connections) return "connections";
    const key = this.#keyOf(remoteAddress);
    const known = key === undefined ? this.#others : this.#byAddress.get(key);
    if (!again && key !== undefined && (known?.count ?? 0) >= connectionsPerAddress) return "connectionsPerAddress";
    const crowd = known ?? new Crowd(this, key);
    if (known === undefined) this.#byAddress.set(key!, crowd);
    this.#tokens--;
    crowd.enter();
    return crowd;
  }

  /** Whether those who are there are no more than may be. For crowds only. */
  fits(same: number): boolean {
    return this.#count <= this.#limits.connections && same <= this.#limits.connectionsPerAddress;
  }

  /** There is one more. For crowds only. */
  entered(): void {
    this.#count++;
  }

  /** One of a crowd is gone. For crowds only. */
  left({ count }: Crowd, key: string | undefined): void {
    this.#count--;
    if (key !== undefined && count === 0) this.#byAddress.delete(key);
  }

  /** An address that is counted by itself. A private one is most likely a proxy's that nobody told us to trust. */
  #keyOf(address: string | undefined): string | undefined {
    if (address === undefined) return undefined;
    const key = toAddressKey(address);
    return !this.#trusts && isPrivate(key) ? undefined : key;
  }
}

// RFC 1918, RFC 6598, RFC 3927; RFC 4193, RFC 4291. IPv6 comes as its first four groups.
const PRIVATE =
  /^(10\.|127\.|192\.168\.|169\.254\.|172\.(1[6-9]|2\d|3[01])\.|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.|f[cd]|fe[89ab]|0:0:0:0|::)/;

function isPrivate(key: string): boolean {
  return PRIVATE.test(key);
}
