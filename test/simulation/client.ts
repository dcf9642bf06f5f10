import { connect } from "../../src/client/connect.ts";
import type { ClientConnection } from "../../src/client/types.ts";
import type { Dial } from "../../src/client/dial.ts";
import type { ClientHost } from "../../src/service/hosts.ts";
import type { CallBody } from "./calls.ts";
import { Party } from "./model.ts";
import { simService, type DownMessage } from "./service.ts";
import type { Wired } from "./tap.ts";
import type { World } from "./world.ts";

/** What the client's log says in the way of the world; anything else is a defect. */
const USUAL = /^(No socket to)/;

/** One process with a client. */
export class SimClient {
  readonly party: Party;
  readonly index: number;
  readonly connection: ClientConnection;
  readonly host: ClientHost;
  /** The connection that the last welcome was of. */
  welcomed: Wired | undefined;
  /** Where it was last. */
  server = 0;
  readonly #world: World;

  constructor(world: World, index: number) {
    this.#world = world;
    this.index = index;
    this.party = new Party(index);
    const { clock, schedule } = world;
    const { replayLimit, reconnect } = schedule.config;
    const dial: Dial = (_, protocols, signal) => world.dial(this, protocols, signal);
    const log = ({ message, data }: { readonly message: string; readonly data?: unknown }): void => {
      if (!USUAL.test(message)) world.fail(`client ${index}: ${message} ${String((data as Error)?.stack ?? data)}`);
    };
    const services = { sim: simService };
    const client = connect("ws://localhost", { services, clock, dial, replayLimit, reconnect, log, lazy: true });
    this.connection = client.connection;
    this.host = client.sim;
    this.#listen();
    this.connection.open();
  }

  get open(): boolean {
    return this.connection.status === "open";
  }

  #listen(): void {
    const { party, connection, host } = this;
    const { model, book } = this.#world;
    const heard = (what: string): void => this.#world.say(`client ${this.index}: ${what}`);
    host.onmessage((body) => {
      const [message, key] = body as DownMessage;
      model.arrivedDown(party, message, key);
    });
    host.oncall((body, context) => book.handle(body as CallBody, context));
    host.onreset(() => {
      party.toldHalf = true;
      this.#over();
    });
    connection.on("open", () => {
      heard(`open, ${this.welcomed?.id}`);
      model.opened(party, this.welcomed!.id);
    });
    connection.on("resumed", () => {
      heard("resumed");
      model.resumed(party, this.welcomed?.id);
    });
    connection.on("reset", () => {
      heard("reset");
      party.told = true;
    });
    connection.on("suspended", ({ code }) => heard(`suspended, ${code}`));
    connection.on("closed", ({ code, reason }) => {
      heard(`closed, ${code} ${reason}`);
      party.pending = [];
      for (const made of book.open) if (made.client === this.index) made.lost++;
      model.over(party);
    });
  }

  /** Its connection is over: by right only where its server says so, or nobody could do better. */
  #over(): void {
    const { life } = this.party;
    if (life?.there !== true) return;
    this.#world.lost(life);
    this.#world.model.over(this.party);
  }

  send(): void {
    if (this.connection.status === "closed") return;
    const message = this.#world.model.next();
    this.#world.model.sent(this.party, this.open, message);
    this.host.send(message);
  }
}
