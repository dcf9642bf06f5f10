import { defineService } from "@prismrt/prism";
import * as v from "valibot";
import { clockClient } from "./client.ts";

export const clock = defineService({
  ...clockClient,
  down: v.number(),
  server: (host) => {
    const timer = setInterval(() => host.broadcast(Date.now()), 50);
    host.onclose(() => clearInterval(timer));
    return { now: () => Date.now() };
  },
});
