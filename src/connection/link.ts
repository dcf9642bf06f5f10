import type { Socket } from "../socket/socket.ts";
import { CLIENT_ERROR, HEARTBEAT_MISSED, PROTOCOL_ERROR, type CloseCode } from "../wire/close-codes.ts";
import { isWireError, WireError } from "../wire/errors.ts";
import type { Body, Frame, Header } from "../wire/frames.ts";
import { ACKNOWLEDGE, CONTROL, PING, PONG } from "../wire/kinds.ts";
import { MAX_FRAMES } from "../wire/limits.ts";
import { readPacket, writePackets, type FrameSink } from "../wire/packets.ts";
import { parseControl, type Control } from "./control.ts";
import type { Heartbeat, Pulse } from "./heartbeat.ts";
import type { Flushable, Turn } from "./turn.ts";

/** Whose counted frames a link carries: a connection, as its link sees it. */
export interface Traffic {
  /** Hands over what is to be sent now. */
  drain(): readonly Frame[];
  /** Takes the peer's count of frames received. Throws a `WireError` if that cannot be. */
  acknowledge(count: number): void;
  /** The acknowledgement that is due, as a frame, if one is. */
  acknowledgement(): string | undefined;
  /** Takes one counted frame. Throws a `WireError` if it breaks the protocol. */
  receive(header: Header, body: Body): void;
}

/** What is told of a link to whoever opened it. None of these throws anything but a `WireError`. */
export interface LinkOwner {
  /** A `$` frame arrived. */
  control(link: Link, message: Control): void;
  /** The peer was asked for a sign of life. */
  pinged?(link: Link): void;
  /** The socket is gone; said once. */
  gone(link: Link, code: CloseCode, reason: string): void;
  /** Something under this link threw what it must not: a defect, reported and contained. */
  broken(link: Link, error: unknown): void;
}

const NONE: readonly Frame[] = [];

/**
 * One socket from open to close: its packets, its link frames, its heartbeat. The connection that its counted frames
 * belong to is attached once both ends know which it is.
 */
export class Link implements FrameSink, Flushable, Pulse {
  connection: Traffic | undefined;
  spokeAt = 0;
  heardAt = 0;
  /** Whether `close` was called or the socket is gone. */
  over = false;
  /** The largest packet sent, in bytes; a longer frame goes alone. */
  packetOut = 0;
  /** The most frames in a packet sent. */
  framesOut: number = MAX_FRAMES;
  /** Whether it is to be flushed when this turn is over. */
  protected due = false;
  protected readonly socket: Socket;
  protected owner: LinkOwner;
  readonly #turn: Pick<Turn, "add">;
  #heartbeat: Heartbeat | undefined;
  #own: string[] | undefined;
  #pongDue = false;

  /**
   * @param socket an open socket, from now on the link's alone
   * @param owner who is told of what happens
   * @param turn flushes it when the turn is over
   */
  constructor(socket: Socket, owner: LinkOwner, turn: Pick<Turn, "add">) {
    this.socket = socket;
    this.owner = owner;
    this.#turn = turn;
    socket.owner = this;
    socket.onmessage = Link.#onmessage;
    socket.onclose = Link.#onclose;
  }

  // The same for all links: thousands of closures would be a good part of what idle connections keep.
  static #onmessage(this: Socket, packet: string | Uint8Array): void {
    const link = this.owner as Link;
    if (link.over) return;
    if (link.#heartbeat !== undefined) link.heardAt = link.#heartbeat.beat;
    try {
      link.read(packet);
    } catch (error) {
      link.fail(error);
    }
  }

  static #onclose(this: Socket, code: CloseCode, reason: string): void {
    (this.owner as Link).#closed(code, reason);
  }

  /** @param heartbeat watches the link from now on */
  watch(heartbeat: Heartbeat): void {
    this.#heartbeat = heartbeat;
    heartbeat.add(this);
  }

  /** Sends a link frame: before the connection's frames of this turn, and only on this socket. */
  post(frame: string): void {
    if (this.over) return;
    (this.#own ??= []).push(frame);
    this.mark();
  }

  /** Has what is waiting sent when this turn is over. */
  mark(): void {
    if (this.due) return;
    this.due = true;
    this.#turn.add(this);
  }

  flush(): void {
    this.due = this.#pongDue = false;
    if (this.over) return;
    const own = this.#own;
    this.#own = undefined;
    if (own !== undefined) for (const frame of own) this.#sendAlone(frame, false);
    const acknowledgement = this.connection?.acknowledgement();
    const frames = this.connection?.drain() ?? NONE;
    if (acknowledgement !== undefined) this.#sendAlone(acknowledgement, frames.length > 0);
    if (frames.length === 0) return;
    this.speak(frames.length);
    this.write(frames);
  }

  protected write(frames: readonly Frame[]): void {
    writePackets(frames, this.packetOut, this.socket, this.framesOut);
  }

  /** A link frame travels alone, so that what many connections are sent stays the same packet for all of them. */
  #sendAlone(frame: string, more: boolean): void {
    this.speak(1);
    this.socket.send(frame, more);
  }

  /** Takes note that frames are sent, and how many. */
  protected speak(_frames: number): void {
    if (this.#heartbeat !== undefined) this.spokeAt = this.#heartbeat.beat;
  }

  ping(): void {
    this.post("(");
    this.owner.pinged?.(this);
  }

  /** Asks the peer for a sign of life at once, where it is watched: the network may be another. */
  probe(): void {
    this.#heartbeat?.probe(this);
  }

  missed(): void {
    this.close(HEARTBEAT_MISSED, "Heartbeat missed");
  }

  /** Sends what is waiting, closes the socket and is done with it; the owner hears `gone` with this code. */
  close(code: CloseCode, reason: string): void {
    if (this.over) return;
    if (this.due) this.flush();
    if (this.over) return;
    this.socket.close(code, reason);
    this.#closed(code, reason);
  }

  frame(header: Header, body: Body): boolean {
    switch (header.kind) {
      case CONTROL:
        this.owner.control(this, parseControl(body));
        break;
      case PING:
        // Before the welcome, which is the first frame, and once a connection has gone to another link: passed over.
        if (!this.#pongDue && this.connection !== undefined) this.post(")");
        this.#pongDue = true;
        break;
      case PONG:
        break;
      case ACKNOWLEDGE:
        this.#checkWelcomed().acknowledge(header.id);
        break;
      default:
        this.#checkWelcomed().receive(header, body);
    }
    return !this.over;
  }

  #checkWelcomed(): Traffic {
    if (this.connection === undefined) throw new WireError(PROTOCOL_ERROR, "Frame before the welcome");
    return this.connection;
  }

  protected read(packet: string | Uint8Array): void {
    readPacket(packet, this);
  }

  /** Closes the link for what the peer sent. A client may not send the close codes of RFC 6455. */
  protected fail(error: unknown, code?: CloseCode): void {
    let reason = "Internal error";
    if (isWireError(error)) reason = error.message;
    else this.owner.broken(this, error);
    this.close(code ?? CLIENT_ERROR, reason);
  }

  #closed(code: CloseCode, reason: string): void {
    if (this.over) return;
    this.over = true;
    this.#heartbeat?.delete(this);
    this.owner.gone(this, code, reason);
  }
}
