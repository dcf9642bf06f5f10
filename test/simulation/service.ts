import { defineService } from "../../src/service/service.ts";
import type { ClientHost, ServerHost } from "../../src/service/hosts.ts";

/** A message to a client: its number, and the key of one that later ones may replace. */
export type DownMessage = readonly [message: number, key?: string];

/** The service of all worlds: each half gives its host, and the world does the rest. */
export const simService = defineService({
  kind: "sim",
  client: (host: ClientHost) => host,
  server: (host: ServerHost) => host,
});
