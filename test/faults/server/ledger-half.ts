import { defineClient } from "../../../mod.ts";

/** The client half of the ledger's service: text both ways, and calls. */
export const ledgerHalf = defineClient({
  kind: "ledger",
  codec: "text",
  client: (host) => ({
    send: (text: string) => host.send(text),
    call: (text: string) => host.call<string>(text),
    onMessage: (listener: (text: string) => void) => host.onmessage(listener),
    onReset: (listener: () => void) => host.onreset(listener),
  }),
});
