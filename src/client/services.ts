import type { Connection } from "../connection/connection.ts";
import type { Receiver } from "../connection/receiver.ts";
import type { ClientHalf } from "../service/service.ts";
import type { Body } from "../wire/frames.ts";
import { Slot, type Backbone } from "./host.ts";
import type { ServiceEntry } from "./welcome.ts";

/** The client's services: by name for its user, by number for the server. */
export class Services implements Receiver {
  readonly slots: Map<string, Slot> = new Map();
  #numbers: (Slot | undefined)[] = [];
  #connection: Connection | undefined;

  /**
   * @param halves the services' client halves by name
   * @param backbone the client
   */
  constructor(halves: Readonly<Record<string, ClientHalf>>, backbone: Backbone) {
    for (const [name, half] of Object.entries(halves)) this.slots.set(name, new Slot(name, half, backbone));
  }

  /**
   * Takes the server's table of a new connection.
   *
   * @param connection who brings what the server sends
   * @param table the server's services by name
   */
  welcome(connection: Connection, table: ReadonlyMap<string, ServiceEntry>): void {
    this.#connection = connection;
    this.#numbers = [];
    for (const [name, slot] of this.slots) {
      const [number, kind, init] = table.get(name) ?? [];
      const found = kind === slot.kind ? number : undefined;
      if (found !== undefined) this.#numbers[found] = slot;
      slot.welcome(found, init);
    }
  }

  /** Tells each that a new connection has taken the place of a lost one, or that the client has stopped. */
  tell(what: "reset" | "close"): void {
    for (const slot of this.slots.values()) slot.tell(what);
  }

  message(service: number, body: Body): void {
    this.#numbers[service]?.message(body);
  }

  call(service: number, id: number, body: Body): void {
    const slot = this.#numbers[service];
    if (slot === undefined) this.#connection!.refuse(id, "not_found");
    else slot.call(this.#connection!, id, body);
  }
}
