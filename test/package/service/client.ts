import { defineClient } from "@prismrt/prism";

export const clockClient = defineClient({
  kind: "clock",
  codec: "json",
  client: (host) => ({ onTick: (hear: (t: number) => void) => host.onmessage((t) => hear(t as number)) }),
});
