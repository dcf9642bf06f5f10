import type { Channels } from "../broker/channels.ts";
import { createBrokerBus } from "../session/broker-bus.ts";
import { openRequestSession } from "../session/request-session.ts";
import { SessionGate } from "../session/session-gate.ts";
import type { AppSessions } from "./app.ts";
import type { ServerClock } from "./clock.ts";
import type { Front } from "./front.ts";
import type { PrismOptions } from "./options.ts";
import type { Reports } from "./reports.ts";

/** What sessions need of the app. */
export interface AppSessionsOwner {
  readonly clock: ServerClock;
  readonly front: Front;
  readonly reports: Reports;
  /** What connects this server with the others, if there are any: channels for a part of the app. */
  readonly shared: ((part: string) => Channels) | undefined;
}

/**
 * Opens an app's sessions, unless it keeps none.
 *
 * @param options how they are kept
 * @param owner the app
 * @returns from cookies to sessions
 */
export function createSessionGate(
  options: PrismOptions["session"],
  { clock, front, reports, shared }: AppSessionsOwner,
): SessionGate | undefined {
  const https = front.origin?.startsWith("https:");
  const warn = (message: string, error?: unknown): void => reports.warned(message, error);
  const bus = shared && createBrokerBus(shared("sessions"));
  return options === false
    ? undefined
    : new SessionGate(options ?? {}, { clock, wall: clock.wall(), https, warn, bus });
}

/**
 * An app's sessions, as what answers HTTP requests beside it has them.
 *
 * @param gate from cookies to sessions
 * @param front knows how a request came
 */
export function toAppSessions(gate: SessionGate | undefined, front: Front): AppSessions<never> {
  return {
    "~gate": gate,
    open: (request) => {
      if (gate === undefined) throw new TypeError("This app keeps no sessions");
      return openRequestSession(gate, request.headers.get("cookie"), front.isHttps(request)) as never;
    },
  };
}
