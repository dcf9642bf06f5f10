// The control: a WebSocket server of the platform's own that accepts everybody. It says just enough of Prism's words that
// the same clients come to it: a welcome that is the same for all, and answers to the bystander's calls.
import process from "node:process";
import { StallMeter } from "../../../hostile/server/controls.ts";
import { answerCommands, type Comparison, Watch } from "../../commands.ts";
import type { Flood, Order } from "../ledger-service.ts";

/** The subprotocol that is chosen. */
export const PROTOCOL = "prism.1";

/** Without a token to resume with, so that neither end counts, keeps or acknowledges anything. */
export const WELCOME = `$${JSON.stringify({
  welcome: 1,
  connection: "bare",
  resumed: false,
  received: 0,
  sent: 0,
  heartbeat: 30_000,
  packet: 65_536,
  services: { calls: [0, "rpc", ["echo"]], ledger: [1, "ledger"] },
})}`;

/** The only call that there is: of the first procedure of the first service, by who makes one at a time. */
const ECHO = "?@@@";

/** The only one of the second service: an order, of which floods are taken. */
const ORDER = "?A@";

/** How much may wait for a client, in bytes, and what one is closed with for whom more waits. */
const SEND_LIMIT = 1_048_576;
const SLOW_CONSUMER = 4002;

/** A socket, as its platform has it. */
export interface Peer {
  send(text: string): void;
  waiting(): number;
  close(code: number): void;
}

/** Those that were closed because they did not read. */
const counts = { disconnected: 0 };
const watch = new Watch(() => counts);

/** Answers a client's packet. */
export function answer(packet: string, peer: Peer): void {
  for (const frame of packet.split("\x1e")) {
    if (frame === "(") peer.send(")");
    else if (frame.startsWith(ECHO)) peer.send(`=@${frame.slice(ECHO.length)}`);
    else if (frame.startsWith(ORDER)) void drown(peer, (JSON.parse(frame.slice(ORDER.length)) as Order).flood);
  }
}

/** As the careless service does, and then as any server must. */
async function drown(peer: Peer, { messages, size }: Flood = { messages: 0, size: 0 }): Promise<void> {
  const body = "x".repeat(size);
  for (let i = 0; i < messages; i++) {
    if (peer.waiting() > SEND_LIMIT) {
      peer.close(SLOW_CONSUMER);
      counts.disconnected++;
      watch.poke();
      return;
    }
    peer.send(body);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Listens on a free port, and answers the same questions as the server under test, as far as it can. */
export async function run(listen: () => number | Promise<number>): Promise<void> {
  const stalls = new StallMeter();
  stalls.start();
  const port = await listen();
  answerCommands({
    stall: () => stalls.take(),
    until: (what = "", how = "=", value = "0", ms = "0") =>
      watch.until(what, how as Comparison, Number(value), Number(ms)),
    close: () => process.exit(),
  });
  console.log(`ready ${JSON.stringify({ port })}`);
}
