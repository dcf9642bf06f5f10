import { prismDialect } from "./prism.ts";
import type { System } from "./system.ts";

/** No system, but what shows how fast the generator is: it answers by looking up what it wrote before. */
export const generatorLimit: System = {
  name: "The generator's own limit",
  family: "control",
  runtime: "node20",
  file: "servers/raw-tcp.ts",
  dialect: { ...prismDialect, hello: [] },
};
