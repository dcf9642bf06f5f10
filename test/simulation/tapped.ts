import type { Socket } from "../../src/socket/socket.ts";

/** Who watches one end of a line. */
interface Watch {
  sends(frame: string): void;
  takes(frame: string): void;
  closes(code: number | undefined, reason: string | undefined): void;
}

/** A socket whose packets are looked at as they are sent and as they arrive. */
export class Tapped implements Socket {
  protocol: string | undefined;
  onmessage: Socket["onmessage"] = () => {};
  onclose: Socket["onclose"] = () => {};
  ondrain: Socket["ondrain"] = () => {};
  readonly #inner: Socket;
  readonly #watch: Watch;
  #open = true;
  #gone = false;

  constructor(inner: Socket, watch: Watch) {
    this.#inner = inner;
    this.#watch = watch;
    inner.onmessage = (packet) => {
      if (this.#gone) return;
      for (const frame of (packet as string).split("\x1e")) watch.takes(frame);
      this.onmessage(packet);
    };
    inner.onclose = (code, reason) => {
      this.#open = false;
      if (!this.#gone) this.onclose(code, reason);
    };
    inner.ondrain = () => {
      if (!this.#gone) this.ondrain();
    };
  }

  /** Loses this end alone: what it has sent goes on, and the other end hears nothing. */
  vanish(): void {
    if (this.#gone || !this.#open) return;
    this.#gone = true;
    this.#open = false;
    this.onclose(1006, "");
  }

  get bufferedAmount(): number {
    return this.#inner.bufferedAmount;
  }

  send(packet: string | Uint8Array): void {
    if (!this.#open) return;
    for (const frame of (packet as string).split("\x1e")) this.#watch.sends(frame);
    this.#inner.send(packet);
  }

  close(code?: number, reason?: string): void {
    if (this.#open) this.#watch.closes(code, reason);
    this.#open = false;
    if (!this.#gone) this.#inner.close(code, reason);
  }
}
