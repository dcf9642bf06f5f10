import type { ServerOptions } from "../harness/server.ts";
import type { Dialect } from "../load/dialect.ts";

/** Something that is measured beside others. */
export interface System extends ServerOptions {
  /** As rows name it; the runtime is named beside it. */
  readonly name: string;
  /** Prism; what a runtime or `ws` does alone, as a floor; or another library. */
  readonly family: "prism" | "control" | "peer";
  readonly dialect: Dialect;
  /** Whether a schema checks what calls carry. */
  readonly schema?: boolean;
}

/** A system on Node 20, and on the current one. */
export function onBothNodes(system: System): System[] {
  return [
    { ...system, runtime: "node20" },
    { ...system, runtime: "nodeCurrent" },
  ];
}
