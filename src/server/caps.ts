import { toAddressKey } from "../wire/address.ts";
import type { Clock } from "../wire/clock.ts";
import type { Limits } from "../wire/limits.ts";

/** A place that a connection takes, from the moment at which it asks to be let in. */
export class Place {
  readonly #caps: Caps;
  readonly #key: string | undefined;
  readonly #again: boolean;
  /** Whether it is still taken. */
  taken = true;

  /**
   * @param caps who counts
   * @param key the address that is counted, where one is
   * @param again whether it is for a moment only
   */
  constructor(caps: Caps, key: string | undefined, again: boolean) {
    this.#caps = caps;
    this.#key = key;
    this.#again = again;
  }

  /** Gives it back; once, however often it is called. */
  release(): void {
    if (this.taken) this.#caps.leave(this.#key);
    this.taken = false;
  }

  /** Whether a connection may have it: one that was for a moment only is that of a new one where there is room. */
  stays(): boolean {
    return !this.#again || this.#caps.fits(this.#key);
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
  readonly #byAddress = new Map<string, number>();
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
   * Takes a place for a client, or says what there is too much of.
   *
   * @param remoteAddress the client's network address
   * @param again whether it has a place already, which it goes on with, and needs another for a moment only
   */
  enter(remoteAddress: string | undefined, again: boolean): Place | Full {
    const { connections, connectionsPerAddress, upgrades } = this.#limits;
    const now = this.#clock.now();
    this.#tokens = Math.min(upgrades, this.#tokens + ((now - this.#filledAt) / 1_000) * upgrades);
    this.#filledAt = now;
    if (this.#tokens < 1) return "upgrades";
    if (!again && this.#count >= connections) return "connections";
    const key = this.#keyOf(remoteAddress);
    const same = key === undefined ? 0 : (this.#byAddress.get(key) ?? 0);
    if (!again && same >= connectionsPerAddress) return "connectionsPerAddress";
    this.#tokens--;
    this.#count++;
    if (key !== undefined) this.#byAddress.set(key, same + 1);
    return new Place(this, key, again);
  }

  /** Whether those who are there are no more than may be. For places only. */
  fits(key: string | undefined): boolean {
    const same = key === undefined ? 0 : this.#byAddress.get(key)!;
    return this.#count <= this.#limits.connections && same <= this.#limits.connectionsPerAddress;
  }

  /** Gives a place back. For places only. */
  leave(key: string | undefined): void {
    this.#count--;
    if (key === undefined) return;
    const left = this.#byAddress.get(key)! - 1;
    if (left === 0) this.#byAddress.delete(key);
    else this.#byAddress.set(key, left);
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
