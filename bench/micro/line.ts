import type { Servable } from "../../src/server/admission.ts";
import type { ServerClock } from "../../src/server/clock.ts";
import { isAdmission } from "../../src/server/handshake.ts";
import type { Socket } from "../../src/socket/socket.ts";
import { MAX_NUMBER, writeNumber } from "../../src/wire/numbers.ts";

/** Turns that end when they are told to, so that all that a turn does is done in one go; no timer ever runs. */
export class HandClock implements ServerClock {
  #late: (() => void)[] = [];

  now(): number {
    return 0;
  }

  wall(): number {
    return 0;
  }

  random(): number {
    return 0;
  }

  setTimer(): { cancel(): void } {
    return timer;
  }

  afterTurn(run: () => void): void {
    this.#late.push(run);
  }

  /** Ends this turn, and those that come of it, until there is nothing left to do. */
  turn(): void {
    while (this.#late.length > 0) {
      const late = this.#late;
      this.#late = [];
      for (let i = 0; i < late.length; i++) late[i]!();
    }
  }
}

const timer = { cancel: (): void => {} };

/** A socket with nothing behind it: what is sent is counted. */
export class Line implements Socket {
  readonly bufferedAmount = 0;
  /** How often something was handed to the network, and the frames in it that count. */
  writes = 0;
  frames = 0;
  /** The last message. */
  last: string | Uint8Array = "";
  onmessage = (_data: string | Uint8Array): void => {};
  onclose = (): void => {};
  ondrain = (): void => {};
  closed: number | undefined;
  #acknowledged = 0;

  send(data: string | Uint8Array, more: boolean = false): void {
    if (!more) this.writes++;
    this.last = data;
    if (typeof data !== "string") throw new Error("No bytes are expected");
    // A link frame has no count.
    if (data.charCodeAt(0) !== DOLLAR && data.charCodeAt(0) !== PERCENT) this.frames++;
    for (let at = data.indexOf(SEPARATOR); at !== -1; at = data.indexOf(SEPARATOR, at + 1)) {
      const first = data.charCodeAt(at + 1);
      if (first !== DOLLAR && first !== PERCENT) this.frames++;
    }
  }

  close(code: number): void {
    this.closed = code;
  }

  /** Brings a packet from the client. */
  receive(packet: string): void {
    if (this.closed !== undefined) throw new Error(`The server has closed the socket with ${this.closed}`);
    this.onmessage(packet);
  }

  /** Says, as the client, that all so far has arrived: once `count` frames have that it has not told of. */
  acknowledge(count: number = 1): void {
    if (this.frames - this.#acknowledged < count) return;
    this.#acknowledged = this.frames;
    this.receive(`%${writeNumber(this.frames & MAX_NUMBER)}`);
  }
}

const DOLLAR = 0x24;
const PERCENT = 0x25;
const SEPARATOR = "\x1e";

/**
 * Opens a connection to an app as a client that resumes, and answers its welcome.
 *
 * @param cookie the session's
 * @throws {Error} The app refuses it
 */
export async function enter(app: Servable, clock: HandClock, cookie?: string): Promise<Line> {
  const headers = { upgrade: "websocket", "sec-websocket-protocol": "prism.1", ...(cookie && { cookie }) };
  const admission = await app.admit(new Request("http://localhost/prism", { headers }), {});
  if (!isAdmission(admission)) throw new Error(`Refused with status ${admission.status}`);
  const line = new Line();
  admission.open(line);
  clock.turn();
  line.receive("%@");
  clock.turn();
  return line;
}
