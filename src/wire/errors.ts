import type { CloseCode } from "./close-codes.ts";

/** The codes that Prism itself gives; services add their own. */
export type PrismErrorCode =
  | "bad_input"
  | "bad_output"
  | "busy"
  | "cancelled"
  | "closed"
  | "conflict"
  | "internal"
  | "lost"
  | "not_found"
  | "rate_limited"
  | "timeout"
  | "too_large"
  | "unauthorized"
  | "unavailable"
  | (string & {});

/**
 * A failure that may be told to the peer: its code, message and data travel with a failed call.
 *
 * @example throw new PrismError("not_found", "No such todo", { id });
 */
export class PrismError extends Error {
  /** What went wrong, for programs. */
  readonly code: PrismErrorCode;
  /** Anything JSON that helps the caller. */
  readonly data: unknown;

  /**
   * Makes an error.
   *
   * @param code what went wrong, for programs
   * @param message what went wrong, for people; the code where it is left out
   * @param data anything JSON that helps the caller
   */
  constructor(code: PrismErrorCode, message?: string, data?: unknown) {
    super(message ?? code);
    this.name = "PrismError";
    this.code = code;
    this.data = data;
  }
}

/**
 * Whether something thrown is a {@linkcode PrismError}, by its shape: two copies of the package may meet.
 *
 * @param error anything
 * @param code when given, the code that it must have
 * @returns true if it is one, and has that code
 */
export function isPrismError(error: unknown, code?: PrismErrorCode): error is PrismError {
  try {
    if (!(error instanceof Error) || error.name !== "PrismError") return false;
    const own = (error as PrismError).code;
    return typeof own === "string" && (code === undefined || own === code);
  } catch {
    // Anything may be thrown, also a proxy that throws when it is looked at.
    return false;
  }
}

/** What a peer sent breaks the protocol; its socket is closed with `closeCode`. Never leaves the library. */
export class WireError extends Error {
  /** The code to close the socket with (PROTOCOL.md, "Limits and errors"). */
  readonly closeCode: CloseCode;

  /**
   * @param closeCode the code to close the socket with
   * @param message what is wrong, short enough for a close frame's reason
   */
  constructor(closeCode: CloseCode, message: string) {
    super(message);
    this.name = "WireError";
    this.closeCode = closeCode;
  }
}

/**
 * Whether something thrown is a {@linkcode WireError}, whatever it is.
 *
 * @param error anything, also a proxy that throws when it is looked at
 * @returns true if it is one
 */
export function isWireError(error: unknown): error is WireError {
  try {
    return error instanceof WireError;
  } catch {
    return false;
  }
}
