import type { Socket } from "../socket/socket.ts";
import { SLOW_CONSUMER, type CloseCode } from "../wire/close-codes.ts";
import type { Frame } from "../wire/frames.ts";
import { checkPacketSize, readPacket, writePackets } from "../wire/packets.ts";
import { Link, type LinkOptions, type LinkOwner } from "./link.ts";

/** What is told of a server's link to whoever opened it. */
export interface ServerLinkOwner extends LinkOwner {
  /** What waited in the socket has gone to the network. */
  cleared?(): void;
}

/** What a server's link needs to know. */
export interface ServerLinkOptions extends LinkOptions {
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
  readonly #limits: ServerLinkOptions;

  /**
   * @param socket an open socket, from now on the link's alone
   * @param owner who is told of what happens
   * @param options what it needs to know
   */
  constructor(socket: Socket, owner: ServerLinkOwner, options: ServerLinkOptions) {
    super(socket, owner, options);
    this.#limits = options;
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
    this.spoke = false;
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
    if (this.socket.bufferedAmount > this.#limits.sendLimit) this.close(SLOW_CONSUMER, "Slow consumer");
    else super.flush();
  }

  override close(code: CloseCode, reason: string): void {
    // It takes nothing more.
    if (code === SLOW_CONSUMER) this.due = false;
    super.close(code, reason);
  }

  protected override read(packet: string | Uint8Array): void {
    checkPacketSize(packet, this.#limits.packetIn);
    readPacket(packet, this, this.#limits.framesIn);
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
