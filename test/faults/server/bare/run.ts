// The control: a WebSocket server of the platform's own that accepts everybody. It says just enough of Prism's words that
// the same clients come to it: a welcome that is the same for all, and answers to the bystander's calls.
import process from "node:process";
import { StallMeter } from "../../../hostile/server/controls.ts";
import { answerCommands } from "../../commands.ts";

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

/** Answers a client's packet. */
export function answer(packet: string, send: (text: string) => void): void {
  for (const frame of packet.split("\x1e")) {
    if (frame === "(") send(")");
    else if (frame.startsWith(ECHO)) send(`=@${frame.slice(ECHO.length)}`);
  }
}

/** Listens on a free port, and answers the same questions as the server under test, as far as it can. */
export async function run(listen: () => number | Promise<number>): Promise<void> {
  const stalls = new StallMeter();
  stalls.start();
  const port = await listen();
  answerCommands({ stall: () => stalls.take(), close: () => process.exit() });
  console.log(`ready ${JSON.stringify({ port })}`);
}
