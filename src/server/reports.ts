import { Emitter } from "../service/emitter.ts";
import type { AppEvents, EventBus, Logger } from "../service/hosts.ts";
import type { CloseCode } from "../wire/close-codes.ts";
import { isPrismError } from "../wire/errors.ts";
import type { Body, Header } from "../wire/frames.ts";
import { CALL, MESSAGE } from "../wire/kinds.ts";
import type { AppLog } from "./log.ts";

/** What a failure is about. */
export interface About {
  readonly connection?: string;
  readonly service?: string;
}

/** Tells the log, and the app's bus, of what happens. Nothing here throws. */
export class Reports {
  /** The app's bus. */
  readonly events: EventBus<AppEvents>;
  readonly #log: AppLog;

  /** @param log the app's */
  constructor(log: AppLog) {
    this.#log = log;
    this.events = new Emitter((error, event) => {
      this.#log.write("error", `A listener to ${String(event)} failed`, { data: error });
      if (event !== "error") this.events.emit("error", error);
    });
  }

  /** Whether each frame is wanted. */
  get traced(): boolean {
    return this.#log.on;
  }

  /** A client is connected. */
  connected(connection: string, remoteAddress: string | undefined): void {
    this.#log.write("info", "Connected", { connection, data: remoteAddress });
  }

  /** A client's connection has lost its socket. */
  suspended(connection: string, code: CloseCode, reason: string): void {
    this.#log.write("info", "Suspended", { connection, data: { code, reason } });
  }

  /** A client's connection has a socket again. */
  resumed(connection: string): void {
    this.#log.write("info", "Resumed", { connection });
  }

  /** A client's connection has ended. */
  disconnected(connection: string, code: CloseCode, reason: string): void {
    this.#log.write("info", "Disconnected", { connection, data: { code, reason } });
  }

  /** A frame arrived; `nameOf` knows the service's name. */
  frame(
    connection: string | undefined,
    header: Header,
    body: Body,
    nameOf: (service: number) => string | undefined,
  ): void {
    const { kind } = header;
    const service = kind === MESSAGE || kind === CALL ? nameOf(header.service) : undefined;
    const data = { kind: kind === MESSAGE ? "message" : String.fromCharCode(kind), length: body.length };
    this.#log.write("debug", "Frame", { connection, service, data });
  }

  /** A client was refused before its socket opened. */
  refused(status: number, remoteAddress: string | undefined, reason?: string): void {
    this.#log.write("info", "Refused", { data: { status, remoteAddress, reason } });
  }

  /** A client was refused for a reason that the app's options have the remedy for. */
  refusedBy(option: string, remoteAddress: string | undefined, why: object): void {
    this.#log.write("warn", `Refused by the option ${option}`, { data: { remoteAddress, ...why } });
  }

  /** A socket went before it had its welcome. */
  left(code: CloseCode, reason: string, remoteAddress: string | undefined): void {
    this.#log.write("info", "Left before the welcome", { data: { code, reason, remoteAddress } });
  }

  /** Something should be otherwise, though all goes on. */
  warned(message: string, error?: unknown): void {
    this.#log.write("warn", message, { data: error });
  }

  /** A message was dropped for a reason of its own, or because something failed. */
  dropped(connection: string, service: string, error: unknown): void {
    if (!isPrismError(error)) return this.failed("Message dropped", error, { connection, service });
    this.#log.write("warn", "Message dropped", { connection, service, data: error });
  }

  /** A call failed, and its caller is told why. */
  refusedCall(service: string, code: string, message: string): void {
    this.#log.write("info", "Call failed", { service, data: { code, message } });
  }

  /** Something failed that no client is told of. */
  failed(message: string, error: unknown, about: About = {}): void {
    this.#log.write("error", message, { ...about, data: error });
    this.events.emit("error", error);
  }

  /** The log of one service. */
  logOf(service: string): Logger {
    return this.#log.forService(service);
  }
}
