import { prism } from "../../mod.ts";
import type { ConnectionHandle } from "../../src/service/contexts.ts";
import type { Servable } from "../../src/server/admission.ts";
import { isAdmission } from "../../src/server/handshake.ts";
import type { Peer } from "../../src/server/peer.ts";
import type { ServerHost } from "../../src/service/hosts.ts";
import { isPrismError } from "../../src/wire/errors.ts";
import type { CallBody } from "./calls.ts";
import { simService } from "./service.ts";
import type { World } from "./world.ts";

export type Target = ConnectionHandle;

/** One process with an app. */
export class SimServer {
  readonly app: Servable;
  readonly host: ServerHost;
  readonly index: number;
  /** Whether it takes new connections. */
  open = true;
  /** Settles when it is drained. */
  drained: Promise<void> | undefined;
  readonly #world: World;
  /** Those whose reset the service has heard of, and those that are handed over. */
  readonly #reset = new Set<string>();
  readonly #parked = new Set<string>();

  constructor(world: World, index: number) {
    const { clock, handover, schedule } = world;
    this.#world = world;
    this.index = index;
    const options = { clock, session: false, limits: schedule.config.limits, handover } as const;
    const app = prism(options).service("sim", simService);
    this.app = app;
    this.host = app.services.sim;
    this.#listen();
  }

  /** Has the app know all that its welcome says: that takes real time. */
  async start(): Promise<void> {
    const admission = await this.app.admit(new Request("http://localhost/prism"));
    if (isAdmission(admission)) admission.abandon();
  }

  #listen(): void {
    const { host } = this;
    const world = this.#world;
    const { model } = world;
    host.events.on("error", (error) => {
      // What cannot be handed over, since more waits than may, is a reset, and the log says so.
      if (isPrismError(error, "lost")) return;
      world.fail(`server ${this.index}: ${String((error as Error)?.stack ?? error)}`);
    });
    host.events.on("suspend", (connection) => this.#now(connection, "suspended"));
    host.events.on("resume", (connection) => this.#now(connection, "there"));
    host.onmessage((body, { connection }) => {
      if (!isThief(connection)) model.arrivedUp(connection.id, body as number);
    });
    host.oncall((body, context) => world.book.handle(body as CallBody, context));
    const connected = (connection: Target): void => {
      if (!isThief(connection)) model.connected(connection.id, clientOf(connection));
      world.say(`server ${this.index}: has ${connection.id}`);
    };
    host.onconnect(connected);
    host.onunpark((connection) => {
      connected(connection);
      // Whoever takes a connection up may have something to say at once.
      if (world.dice.chance(0.5))
        world.call(this, connection, { kind: "later", size: 5, timeout: Infinity, idempotent: false });
    });
    host.onreset(({ id }) => void this.#reset.add(id));
    host.onpark(({ id }) => {
      this.#parked.add(id);
      return "parked";
    });
    host.ondisconnect((connection) => {
      const { id } = connection;
      const parked = this.#parked.has(id);
      if (parked) world.parked(id);
      if (!isThief(connection)) model.disconnected(id, this.#reset.has(id), parked);
      world.say(`server ${this.index}: ${id} ${parked ? "is handed over" : "has ended"}`);
    });
  }

  #now({ id }: { readonly id: string }, state: "there" | "suspended"): void {
    const life = this.#world.model.lives.get(id);
    if (life === undefined) return;
    if (life.server === state) this.#world.fail(`${id} is ${state} once more`);
    life.server = state;
  }

  /** Its connections, those of thieves left out. */
  get targets(): Target[] {
    return ([...this.host.connections] as Target[]).filter((connection) => !isThief(connection));
  }

  push(to: Target): void {
    const message = this.#world.model.next();
    this.#world.model.pushed(to.id, message, "plain", "");
    this.host.send(to, [message]);
  }

  broadcast(how: "plain" | "volatile" | "conflate", key: string, to?: readonly Target[]): void {
    const { model } = this.#world;
    const message = model.next();
    const targets = to ?? this.targets;
    for (const { id } of targets) model.pushed(id, message, how, key);
    const options = { to: targets, volatile: how === "volatile", ...(how === "conflate" && { conflate: key }) };
    this.host.broadcast(how === "conflate" ? [message, key] : [message], options);
  }

  /** Holds what waits for its clients against the limits. */
  checkMemory(): void {
    const { sendLimit = 0, replayLimit = 0 } = this.#world.schedule.config.limits;
    for (const { id, wire } of this.host.connections as Iterable<Peer>) {
      const calls = this.#world.callsTo(id) * CALL;
      const bound = Math.max(sendLimit, replayLimit) + FRAME + calls;
      if (wire.waiting > bound) this.#world.fail(`${wire.waiting} characters wait for ${id}, more than ${bound}`);
    }
  }

  drain(within: number): void {
    this.open = false;
    this.drained ??= this.app.drain({ within });
  }
}

/** Clients come from addresses of their own, which say who they are; the rest is a thief's. */
export const ADDRESS = "10.0.0.";
const clientOf = ({ remoteAddress = "" }: ConnectionHandle<unknown>): number =>
  Number(remoteAddress.slice(ADDRESS.length));
const isThief = ({ remoteAddress }: ConnectionHandle<unknown>): boolean => remoteAddress?.startsWith(ADDRESS) !== true;

/** The longest frame, and the longest of a call, in characters. */
const FRAME = 64;
const CALL = 40;
