import { createSocketPair } from "../../src/socket/pair.ts";
import { TAKEN_OVER, HEARTBEAT_MISSED } from "../../src/wire/close-codes.ts";
import { writeNumber } from "../../src/wire/numbers.ts";
import { createEnds, type End, type EndOptions, type Ends } from "./ends.ts";

/** Joins a client and a server whose connection outlives its sockets; each has heard that the other acknowledges. */
export function createLasting(client: EndOptions = {}, server: EndOptions = {}): Ends {
  return createEnds({ lasting: true, ...client }, { lasting: true, heard: true, ...server });
}

/** Has both ends lose their socket, and what is under way on it. */
export function cut({ client, server }: Pick<Ends, "client" | "server">): void {
  for (const end of [client, server]) {
    end.connection.detach();
    end.socket.onmessage = () => {};
    end.link.close(HEARTBEAT_MISSED, "");
  }
}

/**
 * Gives both ends a new pair of sockets, over which they go on as PROTOCOL.md, "Resuming", says.
 *
 * @param ends the ends
 * @param offered how many frames the client says that it has received
 * @returns false where the server cannot go on from there
 */
export function resume({ clock, client, server }: Ends, offered = client.connection.received): boolean {
  const sent = server.connection.offered(offered);
  if (sent === undefined) return false;
  const [left, right] = createSocketPair(clock);
  const older = server.link;
  server.open(right, false);
  const { received } = server.connection;
  server.link.post(`$${JSON.stringify({ received, sent })}`);
  server.connection.resume(server.link, sent, received);
  older.close(TAKEN_OVER, "");
  goOn(client, () => client.open(left, false));
  return true;
}

/** Has the client take its welcome on a link that it opens. */
function goOn(client: End, open: () => void): void {
  const older = client.link;
  open();
  const { link } = client;
  client.oncontrol = () => {
    client.oncontrol = undefined;
    const { received, sent } = client.controls.at(-1) as { received: number; sent: number };
    client.connection.acknowledge(received);
    link.post(`%${writeNumber(client.connection.received)}`);
    client.connection.resume(link, received, sent);
    older.close(TAKEN_OVER, "");
  };
}
