import { serverClock } from "../src/server/clock.ts";
import type { Socket } from "../src/socket/socket.ts";

/** What is used of Deno's `WebSocket`; its handlers are taken over. */
export interface DenoWebSocket {
  binaryType: string;
  readonly bufferedAmount: number;
  readonly readyState: number;
  onclose: unknown;
  onerror: unknown;
  onmessage: unknown;
  onopen: unknown;
  close(code?: number, reason?: string): void;
  send(data: string | Uint8Array): void;
}

/** How often sockets with waiting bytes are looked at, in ms: Deno has no event for it. */
const DRAIN_POLL = 4;
const OPEN = 1;
const CLOSED = 3;

const ignore = (): void => {};

/** Sockets with waiting bytes. */
const waiting = new Set<DenoSocket>();
let polling = false;

/** A WebSocket of Deno's as a {@linkcode Socket}. A class: what is made for each of thousands is kept small. */
export class DenoSocket implements Socket {
  readonly protocol: string | undefined;
  onmessage: (data: string | Uint8Array) => void = ignore;
  onclose: (code: number, reason: string) => void = ignore;
  ondrain: () => void = ignore;

  readonly #ws: DenoWebSocket;
  readonly #patience: number;

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
    ws.onerror = ignore;
    ws.onmessage = ({ data }: { data: string | ArrayBuffer }): void =>
      this.onmessage(typeof data === "string" ? data : new Uint8Array(data));
    // Deno says 0 where the standard says 1006.
    ws.onclose = (event: { code: number; reason: string }): void => this.onclose(event.code || 1006, event.reason);
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
    ws.onmessage = null;
    try {
      ws.close(code === 1005 ? undefined : code, reason || undefined);
    } catch {
      ws.close(4004);
    }
    // Deno waits for the peer's answer for ever, and nothing cuts it; at least the app is rid of it.
    serverClock.setTimer(() => {
      if (ws.readyState === CLOSED || ws.onclose === null) return;
      ws.onclose = null;
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
