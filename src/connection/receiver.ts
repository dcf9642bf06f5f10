import type { Body } from "../wire/frames.ts";

/** Takes what the peer sends, for the floor above. None of these throws anything but a `WireError`. */
export interface Receiver {
  /** A message to a service arrived. */
  message(service: number, body: Body): void;
  /** A call to a service arrived: `answer` or `refuse` is to be called with its id before this returns. */
  call(service: number, id: number, body: Body): void;
  /** More waits for the peer than may, and what was to be sent is not: the connection is to be ended. */
  overflow?(): void;
}
