import { randomId } from "../wire/random-id.ts";

/** A connection that can be resumed, and the tokens that it is known by (PROTOCOL.md, "Resuming"). */
export interface Resumable {
  /** The token that its client has shown to hold; nothing before its first frame. */
  token: string | undefined;
  /** The token that its client is given until it shows that it has it. */
  nextToken: string | undefined;
}

/** The connections of an app by their resume tokens: at most two each, and one as soon as the client has the next. */
export class Resumptions<Peer extends Resumable> {
  readonly #peers = new Map<string, Peer>();
  readonly #prefix: string;

  /** @param prefix what stands before its tokens: the name of the server, where others may ask for its connections */
  constructor(prefix: string = "") {
    this.#prefix = prefix;
  }

  /**
   * The connection that a token is good for. Offering the next one shows that the client has it.
   *
   * @param token what the client offers
   */
  find(token: string): Peer | undefined {
    const peer = this.#peers.get(token);
    if (peer !== undefined && peer.nextToken === token) this.confirm(peer);
    return peer;
  }

  /** The same, for somebody else: spends nothing. */
  get(token: string): Peer | undefined {
    return this.#peers.get(token);
  }

  /** Whether a token is good. Spends nothing. */
  has(token: string): boolean {
    return this.#peers.has(token);
  }

  /** The token that a welcome gives: the same until the client has shown that it holds it. */
  next(peer: Peer): string {
    const token = (peer.nextToken ??= this.#prefix + randomId());
    this.#peers.set(token, peer);
    return token;
  }

  /** The client has shown that it holds the next token: the one before it is spent. */
  confirm(peer: Peer): void {
    if (peer.nextToken === undefined) return;
    if (peer.token !== undefined) this.#peers.delete(peer.token);
    peer.token = peer.nextToken;
    peer.nextToken = undefined;
  }

  /** Takes up a connection with the tokens that it has already. */
  add(peer: Peer): void {
    for (const token of [peer.token, peer.nextToken]) if (token !== undefined) this.#peers.set(token, peer);
  }

  /** Forgets a connection. */
  delete(peer: Peer): void {
    for (const token of [peer.token, peer.nextToken]) if (token !== undefined) this.#peers.delete(token);
  }
}
