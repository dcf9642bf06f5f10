import type { Link } from "../connection/link.ts";
import type { ClientOptions } from "./types.ts";

/** Whose links the tokens are sent on. */
export interface AuthOwner {
  /** Has a link closed if the server does not say in time what is waited for. */
  expect(link: Link, what: string): void;
  /** Hears that the user gave no token. */
  failed(what: string, error: unknown): void;
}

/** Tells the server who the client is: asks the user for a token, sends it, and waits for the verdict. */
export class Auth {
  readonly #source: () => unknown;
  readonly #owner: AuthOwner;
  /** The link that the server has welcomed. */
  #link: Link | undefined;
  /** What the user was asked for, until the server has its say. */
  #asked: Promise<unknown> | undefined;
  #token: string | undefined;

  /**
   * @param source the token, or what gives it
   * @param owner who is told
   */
  constructor(source: NonNullable<ClientOptions["auth"]>, owner: AuthOwner) {
    this.#source = typeof source === "function" ? source : () => source;
    this.#owner = owner;
  }

  /** Asks for a token, and sends it when there is a welcomed link. One asked for before is not wanted any more. */
  ask(): void {
    // Not in this turn: the user's function may close the client, or throw.
    const asked = (this.#asked = Promise.resolve().then(this.#source));
    this.#token = undefined;
    this.#advance();
    asked
      .then((token) => {
        if (typeof token !== "string") throw new TypeError(`Not a string: ${typeof token}`);
        if (asked !== this.#asked) return;
        this.#token = token;
        this.#advance();
      })
      .catch((error: unknown) => {
        if (asked === this.#asked) this.#owner.failed("No token", error);
      });
  }

  /** Asks for a token unless one is under way. */
  refresh(): void {
    if (this.#asked === undefined) this.ask();
  }

  /** @param link takes the tokens from now on: the server has welcomed it */
  send(link: Link): void {
    this.#link = link;
    this.#advance();
  }

  /**
   * Takes the server's word that the token is good.
   *
   * @returns false where it has none
   */
  accept(): boolean {
    if (this.#asked === undefined || this.#link === undefined || this.#token === undefined) return false;
    this.#asked = undefined;
    return true;
  }

  /** Gives up what is under way: the link is gone, or none came. */
  drop(): void {
    this.#link = this.#asked = undefined;
  }

  #advance(): void {
    if (this.#link === undefined) return;
    this.#owner.expect(this.#link, "verdict");
    if (this.#token !== undefined) this.#link.post(`$${JSON.stringify({ auth: this.#token })}`);
  }
}
