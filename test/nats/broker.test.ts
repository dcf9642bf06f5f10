import { afterAll, beforeAll } from "vitest";
import { describeBroker } from "../broker/contract.ts";
import { type NatsServer, startNats } from "../support/nats.ts";
import { limits, openEngine } from "./engine.ts";

let shared: NatsServer;
beforeAll(async () => void (shared = await startNats()));
afterAll(() => shared.stop());

describeBroker("in NATS", () => openEngine(shared, async () => {}), {
  ...limits,
  slack: 2_000,
  kill: true,
  cut: true,
  hold: true,
});
