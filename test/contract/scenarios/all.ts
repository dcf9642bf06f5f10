import type { Scenario } from "../stage.ts";
import { codecs } from "./codecs.ts";
import { lifecycle } from "./lifecycle.ts";
import { resuming } from "./resuming.ts";
import { rpc } from "./rpc.ts";
import { services } from "./services.ts";
import { streams } from "./streams.ts";

/** The contract, in the order in which it is run: what restarts the server comes last. */
export const scenarios: ReadonlyMap<string, Scenario> = new Map(
  [codecs, rpc, streams, services, resuming, lifecycle].flatMap((group) => Object.entries(group)),
);
