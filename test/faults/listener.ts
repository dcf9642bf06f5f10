import { WebSocket } from "ws";
import { webSocketDial } from "../../src/client/dial.ts";
import { connect } from "../../src/client/node.ts";
import { pubsub } from "../../src/services/pubsub/client.ts";
import { rpc } from "../../src/services/rpc/client.ts";
import { Hearing } from "./channel-ledger.ts";
import type { Halls } from "./server/halls/app.ts";

/** What is counted over all connections of an audience. */
export interface AudienceTally {
  received: number;
  suspended: number;
  resumed: number;
  reset: number;
  closed: number;
  /** Subscriptions that went on, and nothing was missed. */
  recovered: number;
  /** Those that were told of a gap. */
  gaps: number;
  /** Those that the server has ended. */
  ended: number;
  /** Publications that were acknowledged. */
  published: number;
  /** Of those whose outcome is not known, or that were refused. */
  failed: number;
}

/** Nothing of all that. */
export function toTally(): AudienceTally {
  return {
    received: 0,
    suspended: 0,
    resumed: 0,
    reset: 0,
    closed: 0,
    recovered: 0,
    gaps: 0,
    ended: 0,
    published: 0,
    failed: 0,
  };
}

/** What all of an audience share. */
export interface Lobby {
  readonly tally: AudienceTally;
  readonly errors: string[];
  /** For how long connections had no socket, in ms. */
  readonly outages: number[];
  poke(): void;
}

/** Opens a connection that says its name, and shows a cookie if it has one. */
export function enterHall(url: string, name: string, { tally, errors, outages, poke }: Lobby, cookie?: string) {
  const headers = { "x-name": name, ...(cookie === undefined ? {} : { cookie: `prism.sid=${cookie}` }) };
  class Named extends WebSocket {
    constructor(to: string | URL, protocols?: string | string[]) {
      super(to, protocols, { headers });
    }
  }
  const services = { rooms: pubsub(), calls: rpc() };
  const client = connect<Halls, "rooms" | "calls">(url, { services, timeout: 60_000, dial: webSocketDial(Named) });
  const { connection } = client;
  let over = false;
  let lost = 0;
  connection.on("suspended", () => (lost = performance.now()));
  for (const event of ["suspended", "resumed", "reset", "closed"] as const) {
    connection.on(event, () => {
      tally[event]++;
      if ((event === "resumed" || event === "reset") && lost > 0) {
        outages.push(Math.round(performance.now() - lost));
        lost = 0;
      }
      // When the status is what the event says.
      setImmediate(poke);
    });
  }
  connection.on("closed", ({ code, reason }) => {
    if (!over) errors.push(`${name} was closed with ${code} ${reason}`);
  });
  const close = (): void => {
    over = true;
    connection.close();
  };
  return { ...client, close };
}

/** Somebody who is subscribed to channels, and notes what comes of them. */
export class Listener {
  readonly hearings: Hearing[] = [];
  readonly client: ReturnType<typeof enterHall>;
  readonly #lobby: Lobby;
  readonly #name: string;

  constructor(url: string, name: string, lobby: Lobby, cookie?: string) {
    this.#name = name;
    this.#lobby = lobby;
    this.client = enterHall(url, name, lobby, cookie);
  }

  /** Settles when it is subscribed to all of these. */
  async subscribe(channels: readonly string[]): Promise<void> {
    await Promise.all(channels.map((channel) => this.#hear(channel)));
  }

  async #hear(channel: string): Promise<void> {
    const { tally, errors, poke } = this.#lobby;
    const [kind, room] = channel.split("/") as ["kept", string];
    const own = this.client.rooms.channel(`${kind}/:room`, { room });
    const hearing = new Hearing(channel, !channel.startsWith("plain"));
    this.hearings.push(hearing);
    own.on("subscribed", (info) => {
      hearing.subscribed(info);
      if (!info.first) tally[info.recovered ? "recovered" : "gaps"]++;
      poke();
    });
    own.on("ended", (error) => {
      tally.ended++;
      errors.push(`${this.#name} has ${channel} no more: ${String(error)}`);
      poke();
    });
    own.on((text, { offset }) => {
      tally.received++;
      try {
        hearing.take(text, offset);
      } catch (error) {
        errors.push(String(error));
      }
      poke();
    });
    await own.subscribe();
  }
}
