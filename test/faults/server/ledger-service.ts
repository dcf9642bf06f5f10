// A service that is all traffic: numbered messages both ways, and a ledger of them. It tells nobody more than it must, so
// that a run measures the connection and not the service.
import type { ConnectionHandle, ServerHost } from "../../../mod.ts";
import { defineService } from "../../../mod.ts";
import { Ledger, type Page, readStamp } from "../ledger.ts";
import { ledgerHalf } from "./ledger-half.ts";

/** What a client asks for when a life of its connection begins, as JSON. */
export interface Order {
  /** The life's name; its channels are this and `>` for the client's messages, `<` for the server's. */
  readonly life: string;
  /** Messages a second: as many as there is room for, where it is 0. */
  readonly rate: number;
  /** How many in all: without end where it is 0. */
  readonly count: number;
  /** What a careless service does, in place of all else. */
  readonly flood?: Flood;
}

/** So many messages of so many characters. */
export interface Flood {
  readonly messages: number;
  readonly size: number;
}

/** What the server answers at a life's end. */
export interface Closing {
  readonly page: Page;
  /** The longest time between two of the client's messages, in ms. */
  readonly gap: number;
  /** On how many nodes the connection was. */
  readonly nodes: number;
}

/** What the server knows of a life, and hands over with its connection. */
interface Seat {
  readonly order: Order;
  nodes: number;
  gap: number;
  /** When the last message came, in ms since 1970. Not by `Date`, whose time jumps in one of the rows. */
  last: number;
  /** Whether the producer is to stop. */
  over: boolean;
}

const wall = (): number => performance.timeOrigin + performance.now();

/** How a server is doing, besides. */
export interface Counts {
  connected: number;
  disconnected: number;
  reset: number;
  parked: number;
  unparked: number;
  /** Messages from a connection that is none of its own any more. */
  stray: number;
}

/**
 * @param name of the node, which stands in each message
 * @param counts what is counted
 */
export function createLedgerService(name: string, counts: Counts) {
  return defineService({ ...ledgerHalf, server: (host) => serveLedger(host, name, counts) });
}

function serveLedger(host: ServerHost<string, string>, name: string, counts: Counts) {
  const ledger = new Ledger();
  const seats = new Map<string, Seat>();

  const produce = async (connection: ConnectionHandle<unknown>, seat: Seat): Promise<void> => {
    const { life, rate, count } = seat.order;
    const channel = `${life}<`;
    const began = performance.now();
    for (let i = 0; ; i++) {
      if (rate > 0) await until(began + (i * 1_000) / rate);
      if (seat.over) return;
      await connection.drained();
      // It may have been parked, or have ended, meanwhile.
      if (seat.over || (count > 0 && ledger.sentOn(channel) >= count)) return;
      host.send(connection, ledger.stamp(name, channel));
    }
  };

  /** Sends without waiting for room, a message every few ms. */
  const flood = async (connection: ConnectionHandle<unknown>, { messages, size }: Flood): Promise<void> => {
    const body = "x".repeat(size);
    for (let i = 0; i < messages && !connection.closed; i++) {
      host.send(connection, body);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };

  const seatAt = (connection: ConnectionHandle<unknown>, seat: Seat): void => {
    seats.set(connection.id, seat);
    // Where the connection ends, so does the waiting for room.
    produce(connection, seat).catch(() => {});
  };

  const leave = ({ id }: ConnectionHandle<unknown>): Seat | undefined => {
    const seat = seats.get(id);
    if (seat !== undefined) seat.over = true;
    seats.delete(id);
    return seat;
  };

  host.onconnect(() => void counts.connected++);
  host.ondisconnect((connection) => {
    counts.disconnected++;
    leave(connection);
  });
  host.onreset(() => void counts.reset++);

  host.onmessage((text, { connection }) => {
    const seat = seats.get(connection.id);
    if (seat === undefined) {
      counts.stray++;
      return;
    }
    const now = wall();
    seat.gap = Math.max(seat.gap, now - seat.last);
    seat.last = now;
    ledger.take(readStamp(text));
  });

  // The call stands in the same line as the messages: when it comes all that was sent before has come, or is lost.
  host.oncall((text, { connection }): string => {
    if (text === "finish") {
      const seat = leave(connection);
      if (seat === undefined) throw new Error("Nobody has this life");
      const { nodes, gap, order } = seat;
      const closing: Closing = { page: ledger.tear([`${order.life}>`, `${order.life}<`]), gap, nodes };
      return JSON.stringify(closing);
    }
    const order = JSON.parse(text) as Order;
    if (order.flood === undefined) seatAt(connection, { order, nodes: 1, gap: 0, last: wall(), over: false });
    else void flood(connection, order.flood);
    return "";
  });

  host.onpark((connection) => {
    counts.parked++;
    const seat = leave(connection);
    return seat && { seat, page: ledger.tear([`${seat.order.life}>`, `${seat.order.life}<`]) };
  });
  host.onunpark((connection, parked) => {
    counts.unparked++;
    const { seat, page } = parked as { seat: Seat; page: Page };
    ledger.paste(page);
    seatAt(connection, { ...seat, nodes: seat.nodes + 1, over: false });
  });
  return { page: () => ledger.page() };
}

function until(time: number): Promise<void> {
  const left = time - performance.now();
  return left <= 0 ? Promise.resolve() : new Promise((resolve) => setTimeout(resolve, left));
}
