import type { Link } from "../connection/link.ts";
import { HEARTBEAT_MISSED } from "../wire/close-codes.ts";
import type { Clock, Timer } from "../wire/clock.ts";
import { HANDSHAKE } from "../wire/limits.ts";
import type { ClientOptions } from "./types.ts";

/** Who is told of tokens. */
export interface AuthOwner {
  readonly clock: Clock;
  /** Hears that the user gave no token. */
  noToken(error: unknown): void;
}

/** What a client says that has no token (PROTOCOL.md, "Opening"). */
const NO_TOKEN = '${"auth":null}';

/** Tells the server who the client is: asks the user for a token, if there is one, sends it, and waits for the verdict. */
export class Auth {
  /** Whether the user gives tokens. */
  readonly known: boolean;
  readonly #source: () => unknown;
  readonly #owner: AuthOwner;
  /** The link that the server has welcomed. */
  #link: Link | undefined;
  /** The link on which a token has no verdict yet: the next one waits for that. */
  #judging: Link | undefined;
  /** What the user was asked for, until it is sent. */
  #asked: Promise<unknown> | undefined;
  #token: string | undefined;
  /** Whether the link in use wants another token. */
  #owed = false;
  /** When the server has taken too long for its verdict. */
  #verdictDue: Timer | undefined;

  /**
   * @param source the token, or what gives it, if the user has one
   * @param owner who is told
   */
  constructor(source: ClientOptions["auth"], owner: AuthOwner) {
    this.known = source !== undefined;
    this.#source = typeof source === "function" ? source : () => source;
    this.#owner = owner;
  }

  /** Asks for a token for the socket that opens; the link in use gets it where that socket comes to nothing. */
  begin(): void {
    this.#link = undefined;
    if (this.known) this.ask();
  }

  /** Asks for a token, and sends it when there is a welcomed link. */
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
        if (asked !== this.#asked) return;
        this.#asked = undefined;
        this.#owner.noToken(error);
      });
  }

  /** Asks for a token unless one is under way; where the user gives none, says so to whoever wants one. */
  refresh(link?: Link): void {
    if (!this.known) return link?.post(NO_TOKEN);
    if (this.#judging !== undefined) return;
    this.#owed = true;
    // What was asked for, for another socket, serves this one, too.
    if (link !== undefined) this.#link = link;
    if (this.#asked === undefined) this.ask();
    else this.#advance();
  }

  /**
   * Has a welcomed link, which takes the tokens from now on.
   *
   * @param link the link
   * @param wanted whether the server waits for a token
   * @returns whether its verdict is to be waited for
   */
  send(link: Link, wanted: boolean): boolean {
    this.#settle();
    if (this.known) {
      this.#link = link;
      this.#owed = true;
      this.stays(link);
    } else if (wanted) {
      // The server may know the client by its cookie.
      link.post(NO_TOKEN);
      this.#judging = link;
      this.#expect(link);
    }
    return this.known || wanted;
  }

  /** @param link takes the tokens from now on, again: another socket came to nothing */
  stays(link: Link): void {
    if (!this.known) return;
    this.#link = link;
    if (this.#owed) this.refresh();
    this.#advance();
  }

  /**
   * Takes the server's word that the token is good.
   *
   * @param link where it was said
   * @returns false where no token was sent there
   */
  accept(link: Link): boolean {
    if (this.#judging !== link) return false;
    this.#settle();
    this.#advance();
    return true;
  }

  /** Gives up what is under way: the link is gone, or none came. */
  drop(): void {
    this.#link = this.#asked = undefined;
    this.#owed = false;
    this.#settle();
  }

  /** No verdict is waited for. */
  #settle(): void {
    this.#judging = undefined;
    this.#verdictDue?.cancel();
  }

  #advance(): void {
    const link = this.#link;
    if (link === undefined || this.#asked === undefined || this.#judging === link) return;
    this.#expect(link);
    if (this.#token === undefined) return;
    link.post(`$${JSON.stringify({ auth: this.#token })}`);
    this.#judging = link;
    this.#asked = this.#token = undefined;
    this.#owed = false;
  }

  /** The connection goes on with the next socket. */
  #expect(link: Link): void {
    this.#verdictDue?.cancel();
    const late = (): void => link.close(HEARTBEAT_MISSED, "No verdict");
    this.#verdictDue = this.#owner.clock.setTimer(late, HANDSHAKE);
  }
}
