import process from "node:process";
import { createInterface } from "node:readline";

const runtime: string = "Deno" in globalThis ? "deno" : "Bun" in globalThis ? "bun" : "node";
const ready = { argument: process.argv[2], environment: process.env["PRISM_FIXTURE"], runtime };
console.log("something else first");
console.log(`ready ${JSON.stringify(ready)}`);
createInterface({ input: process.stdin }).on("line", () => console.log("pong"));
