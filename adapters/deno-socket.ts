import { serverClock } from "../src/server/clock.ts";
import type { Socket } from "../src/socket/socket.ts";

/** What is used of Deno's `MessageEvent` and `CloseEvent`. */
interface DenoEvent {
  readonly type: string;
  readonly data: string | ArrayBuffer;
  readonly code: number;
  readonly reason: string;
}

/** What is used of Deno's `WebSocket`. */
export interface DenoWebSocket {
  binaryType: string;
  readonly bufferedAmount: number;
  readonly readyState: number;
  addEventListener(type: string, listener: { handleEvent(event: DenoEvent): void }): void;
  addEventListener(type: "open", listener: () => void, options: { once: true }): void;
  close(code?: number, reason?: string): void;
  send(data: string | Uint8Array): void;
}

/** How often sockets with waiting bytes are looked at, in ms: Deno has no event for it. */
const DRAIN_POLL = 4;
const OPEN = 1;

const ignore = (): void => {};

/** Sockets with waiting bytes. */
const waiting = new Set<DenoSocket>();
let polling = false;

/**
 * A WebSocket of Deno's as a {@linkcode Socket}, which is its listener, too: with a handler for each event, an idle one
 * would keep twice as much.
 */
export class DenoSocket implements Socket {
  readonly protocol: string | undefined;
  onmessage: (data: string | Uint8Array) => void = ignore;
  onclose: (code: number, reason: string) => void = ignore;
  ondrain: () => void = ignore;
  owner: unknown = undefined;

  readonly #ws: DenoWebSocket;
  readonly #patience: number;
  #closed = false; // by us: nothing more is heard of it but its end
  #gone = false;

  /**
   * @param ws an open WebSocket that nothing was received from yet
   * @param protocol the subprotocol: the WebSocket does not know it
   * @param patience how long a peer has to answer a close, in ms
   */
  constructor(ws: DenoWebSocket, protocol: string | undefined, patience: number) {
    this.#ws = ws;
    this.protocol = protocol;
    this.#patience = patience;
    ws.binaryType = "arraybuffer";
    ws.addEventListener("message", this);
    ws.addEventListener("close", this);
  }

  /** Takes an event of the WebSocket. */
  handleEvent({ type, data, code, reason }: DenoEvent): void {
    if (type === "message") {
      if (!this.#closed) this.onmessage(typeof data === "string" ? data : new Uint8Array(data));
    } else if (!this.#gone) {
      this.#gone = true;
      // Deno says 0 where the standard says 1006.
      this.onclose(code || 1006, reason);
    }
  }

  get bufferedAmount(): number {
    return this.#ws.bufferedAmount;
  }

  send(data: string | Uint8Array): void {
    if (this.#ws.readyState !== OPEN) return;
    this.#ws.send(data);
    waiting.add(this);
    if (polling) return;
    polling = true;
    serverClock.setTimer(pollDrain, DRAIN_POLL);
  }

  close(code = 1005, reason = ""): void {
    const ws = this.#ws;
    this.#closed = true;
    try {
      ws.close(code === 1005 ? undefined : code, reason || undefined);
    } catch {
      ws.close(4004);
    }
    // Deno waits for the peer's answer for ever, and nothing cuts it; at least the app is rid of it.
    serverClock.setTimer(() => {
      if (this.#gone) return;
      this.#gone = true;
      this.onclose(code, reason);
    }, this.#patience);
  }

  /** @returns whether it still waits */
  drained(): boolean {
    const open = this.#ws.readyState === OPEN;
    if (open && this.#ws.bufferedAmount > 0) return false;
    if (open) this.ondrain();
    return true;
  }
}

function pollDrain(): void {
  for (const socket of waiting) {
    if (!socket.drained()) continue;
    waiting.delete(socket);
  }
  polling = waiting.size > 0;
  if (polling) serverClock.setTimer(pollDrain, DRAIN_POLL);
}
