import { describeBroker, type Engine } from "../broker/contract.ts";
import { startNats } from "../support/nats.ts";
import { limits, openEngine } from "./engine.ts";

async function openOwn(): Promise<Engine> {
  const server = await startNats();
  return openEngine(server, () => server.stop());
}

describeBroker("in a NATS of its own", openOwn, { ...limits, slack: 2_000, pause: true, stop: true, schedules: 3 });
