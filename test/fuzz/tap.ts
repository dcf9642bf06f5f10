import type { Socket } from "../../src/socket/socket.ts";
import type { Packet } from "./grammar.ts";

/** What is told of a socket that the end under test holds. */
export interface TapOwner {
  /** The end under test sends a packet. */
  said(packet: Packet): void;
  /** The end under test closes. */
  closes(code: number, reason: string): void;
  /** The end under test is about to read a packet, and then has read it. */
  reads(packet: Packet): void;
  read(): void;
  /** The socket is lost to the end under test, which has not closed it. */
  lost(code: number): void;
}

/** A socket in the hands of the end under test: all that goes through is seen, and it can be cut, or be slow. */
export class Tap implements Socket {
  readonly protocol: string | undefined;
  onmessage: Socket["onmessage"] = ignore;
  onclose: Socket["onclose"] = ignore;
  ondrain: Socket["ondrain"] = ignore;
  /** Bytes that it says wait in it. */
  waiting = 0;
  /** Whether it is over for the end under test. */
  over = false;
  readonly #inner: Socket;
  readonly #owner: TapOwner;
  #closed = false;

  constructor(inner: Socket, owner: TapOwner, protocol: string | undefined) {
    this.#inner = inner;
    this.#owner = owner;
    this.protocol = protocol;
    inner.onmessage = (packet) => {
      if (this.over) return;
      owner.reads(packet);
      this.onmessage(packet);
      owner.read();
    };
    inner.onclose = (code, reason) => this.#end(code, reason);
    inner.ondrain = () => {
      if (!this.over && this.waiting === 0) this.ondrain();
    };
  }

  get bufferedAmount(): number {
    return this.waiting + this.#inner.bufferedAmount;
  }

  send(packet: Packet): void {
    this.#owner.said(packet);
    this.#inner.send(packet);
  }

  close(code = 1005, reason = ""): void {
    this.#closed = true;
    this.#owner.closes(code, reason);
    this.#inner.close(code, reason);
  }

  /** The network is gone, without a word. */
  cut(): void {
    this.#inner.close(1006);
    this.#end(1006, "");
  }

  /** What waited is gone. */
  drain(): void {
    this.waiting = 0;
    if (!this.over) this.ondrain();
  }

  #end(code: number, reason: string): void {
    if (this.over) return;
    this.over = true;
    if (!this.#closed) this.#owner.lost(code);
    this.onclose(code, reason);
  }
}

function ignore(): void {}
