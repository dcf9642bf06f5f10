import type { Socket } from "../socket/socket.ts";
import { PROTOCOL_ERROR, SLOW_CONSUMER, type CloseCode } from "../wire/close-codes.ts";
import { isWireError } from "../wire/errors.ts";
import type { Body, Frame, Header } from "../wire/frames.ts";
import { checkPacketSize, readPacket, writePackets } from "../wire/packets.ts";
import { Link, type LinkOwner } from "./link.ts";
import type { Turn } from "./turn.ts";

/** What is told of a server's link to whoever opened it. */
export interface ServerLinkOwner extends LinkOwner {
  /** The first frame arrived; said before it is taken. */
  spoke?(link: Link): void;
  /** A frame arrived; said before it is taken, where the options ask for it. */
  trace?(header: Header, body: Body): void;
  /** What waited in the socket has gone to the network. */
  cleared?(): void;
}

/** Frames since the beginning. */
export interface Meter {
  received: number;
  sent: number;
}

/** What a server's link needs to know. */
export interface ServerLinkOptions {
  readonly turn: Pick<Turn, "add">;
  /** The largest packet sent, in bytes; a longer frame goes alone. */
  readonly packetOut: number;
  /** Counts whole frames, both ways. */
  readonly meter: Meter;
  /** Whether the owner hears of each frame. */
  readonly traced?: boolean | undefined;
  /** The largest packet taken, in bytes. */
  readonly packetIn: number;
  /** The most frames in a packet taken: the protocol's where nothing is said. */
  readonly framesIn?: number | undefined;
  /** Bytes that may wait in the socket. */
  readonly sendLimit: number;
}

/** A link at a server: what it takes, and what waits in its socket, is bounded, and it is handed on. */
export class ServerLink extends Link {
  declare protected owner: ServerLinkOwner;
  readonly #options: ServerLinkOptions;
  /** Whether its owner has heard that the first frame came. */
  #spoke = false;

  /**
   * @param socket an open socket, from now on the link's alone
   * @param owner who is told of what happens
   * @param options what it needs to know
   */
  constructor(socket: Socket, owner: ServerLinkOwner, options: ServerLinkOptions) {
    super(socket, owner, options.turn);
    this.packetOut = options.packetOut;
    this.#options = options;
    socket.ondrain = ServerLink.#ondrain;
  }

  static #ondrain(this: Socket): void {
    (this.owner as ServerLink).owner.cleared?.();
  }

  /** Bytes that wait in the socket. */
  get bufferedAmount(): number {
    return this.socket.bufferedAmount;
  }

  /** @param owner is told of what happens from now on, instead of whoever was */
  handTo(owner: ServerLinkOwner): void {
    this.owner = owner;
    // What was said before, a hello, was not said to this one.
    this.#spoke = false;
  }

  /** Runs what takes frames later than they came; what they break closes the link, as it would have at once. */
  guard(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.fail(error);
    }
  }

  override flush(): void {
    if (this.socket.bufferedAmount > this.#options.sendLimit) this.close(SLOW_CONSUMER, "Slow consumer");
    else super.flush();
  }

  override close(code: CloseCode, reason: string): void {
    // It takes nothing more.
    if (code === SLOW_CONSUMER) this.due = false;
    super.close(code, reason);
  }

  override frame(header: Header, body: Body): boolean {
    const { meter, traced } = this.#options;
    meter.received++;
    if (!this.#spoke) {
      this.#spoke = true;
      this.owner.spoke?.(this);
    }
    if (traced) this.owner.trace?.(header, body);
    return super.frame(header, body);
  }

  protected override speak(frames: number): void {
    super.speak(frames);
    this.#options.meter.sent += frames;
  }

  protected override fail(error: unknown): void {
    super.fail(error, isWireError(error) ? error.closeCode : PROTOCOL_ERROR);
  }

  protected override read(packet: string | Uint8Array): void {
    checkPacketSize(packet, this.#options.packetIn);
    readPacket(packet, this, this.#options.framesIn);
  }

  protected override write(frames: readonly Frame[]): void {
    const { packetOut, framesOut } = this;
    if (frames === last.frames && packetOut === last.packetOut && framesOut === last.framesOut) {
      this.socket.send(last.packet);
      return;
    }
    const packet = writePackets(frames, packetOut, this.socket, framesOut);
    if (packet !== undefined && frames.length > 1) last = { frames, packetOut, framesOut, packet };
  }
}

interface Written {
  readonly frames: readonly Frame[];
  readonly packetOut: number;
  readonly framesOut: number;
  readonly packet: string | Uint8Array;
}

/** The last list that became one packet: thousands who are sent the same have the same list, and it is joined once. */
let last: Written = { frames: [], packetOut: 0, framesOut: 0, packet: "" };
