import type { Dial } from "../../src/client/dial.ts";
import type { Servable } from "../../src/server/admission.ts";
import { serverClock } from "../../src/server/clock.ts";
import { isAdmission } from "../../src/server/handshake.ts";
import { createSocketPair } from "../../src/socket/pair.ts";

/** A dial to an app in this process, and what went over its sockets. */
export interface Wire {
  readonly dial: Dial;
  /** The subprotocols that were offered, by socket. */
  readonly protocols: (readonly string[])[];
  /** What the server sent. */
  readonly received: (string | Uint8Array)[];
}

/** Dials an app without a network, and writes down what it says. */
export function dialInMemory(app: Servable): Wire {
  const protocols: (readonly string[])[] = [];
  const received: (string | Uint8Array)[] = [];
  return {
    protocols,
    received,
    dial: async (url, offered) => {
      protocols.push(offered);
      const headers = { upgrade: "websocket", "sec-websocket-protocol": offered.join(", ") };
      const admission = await app.admit(new Request(url.replace(/^ws/, "http"), { headers }));
      if (!isAdmission(admission)) throw new Error(`Refused with status ${admission.status}`);
      const [near, far] = createSocketPair(serverClock);
      const { send } = far;
      far.send = (data) => {
        received.push(data);
        send.call(far, data);
      };
      admission.open(far);
      return near;
    },
  };
}
