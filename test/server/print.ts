import { AppLog } from "../../src/server/log.ts";

// Prints entries as an app's `log: console.log` does; print.test.ts looks at the lines.
const log = new AppLog(console.log, () => 0);
log.write("info", "Connected", { connection: "c1", data: "192.0.2.1" });
log.write("error", "A handler\nfailed", { service: "it", data: "\u001b[31m\u2028" });
log.write("debug", "Frame", { data: { kind: "message", length: 7, deep: { er: { and: { deeper: [1] } } } } });
log.write("warn", "x".repeat(10_000));
