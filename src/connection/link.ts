import type { Socket } from "../socket/socket.ts";
import { CLIENT_ERROR, HEARTBEAT_MISSED, PROTOCOL_ERROR, type CloseCode } from "../wire/close-codes.ts";
import { isWireError, WireError } from "../wire/errors.ts";
import { ACKNOWLEDGE, CONTROL, PING, PONG, type Body, type Frame, type Header } from "../wire/frames.ts";
import { MAX_FRAMES, readPacket, writePackets, type FrameSink } from "../wire/packets.ts";
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
  /** The first frame arrived; said before it is taken. */
  spoke?(link: Link): void;
  /** A `$` frame arrived. */
  control(link: Link, message: Control): void;
  /** The peer was asked for a sign of life. */
  pinged?(link: Link): void;
  /** The socket is gone; said once. */
  gone(link: Link, code: CloseCode, reason: string): void;
  /** A frame arrived; said before it is taken, where the options ask for it. */
  trace?(header: Header, body: Body): void;
  /** Something under this link threw what it must not: a defect, reported and contained. */
  broken(link: Link, error: unknown): void;
}

/** What a link needs to know of its end. */
export interface LinkOptions {
  readonly turn: Pick<Turn, "add">;
  /** The largest packet sent, in bytes; a longer frame goes alone. */
  readonly packetOut: number;
  /** Whether this end is the client, which may not send the close codes of RFC 6455. */
  readonly client: boolean;
  /** Counts whole frames, both ways. */
  readonly meter: Meter;
  /** Whether the owner hears of each frame. */
  readonly traced?: boolean | undefined;
}

/** Frames since the beginning. */
export interface Meter {
  received: number;
  sent: number;
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
  packetOut: number;
  /** The most frames in a packet sent. */
  framesOut: number = MAX_FRAMES;
  /** Whether it is to be flushed when this turn is over. */
  protected due = false;
  protected readonly socket: Socket;
  protected owner: LinkOwner;
  /** Whether its owner has heard that the first frame came. */
  protected spoke = false;
  readonly #options: LinkOptions;
  #heartbeat: Heartbeat | undefined;
  #own: string[] | undefined;
  #pongDue = false;

  /**
   * @param socket an open socket, from now on the link's alone
   * @param owner who is told of what happens
   * @param options what it needs to know
   */
  constructor(socket: Socket, owner: LinkOwner, options: LinkOptions) {
    this.socket = socket;
    this.owner = owner;
    this.#options = options;
    this.packetOut = options.packetOut;
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

  /** Frames received, for whoever gave the link a meter of its own. */
  get heard(): number {
    return this.#options.meter.received;
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
    this.#options.turn.add(this);
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
    this.#speak(frames.length);
    this.write(frames);
  }

  protected write(frames: readonly Frame[]): void {
    writePackets(frames, this.packetOut, this.socket, this.framesOut);
  }

  /** A link frame travels alone, so that what many connections are sent stays the same packet for all of them. */
  #sendAlone(frame: string, more: boolean): void {
    this.#speak(1);
    this.socket.send(frame, more);
  }

  #speak(frames: number): void {
    if (this.#heartbeat !== undefined) this.spokeAt = this.#heartbeat.beat;
    this.#options.meter.sent += frames;
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
    this.#options.meter.received++;
    if (!this.spoke) {
      this.spoke = true;
      this.owner.spoke?.(this);
    }
    if (this.#options.traced) this.owner.trace?.(header, body);
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

  /** Closes the link for what the peer sent. */
  protected fail(error: unknown): void {
    let code = PROTOCOL_ERROR;
    let reason = "Internal error";
    if (isWireError(error)) ({ closeCode: code, message: reason } = error);
    else this.owner.broken(this, error);
    this.close(this.#options.client ? CLIENT_ERROR : code, reason);
  }

  #closed(code: CloseCode, reason: string): void {
    if (this.over) return;
    this.over = true;
    this.#heartbeat?.delete(this);
    this.owner.gone(this, code, reason);
  }
}
