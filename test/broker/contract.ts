import { describe } from "vitest";
import { describeClosing } from "./contract/closing.ts";
import { describeInterruption } from "./contract/interruption.ts";
import { describePast } from "./contract/past.ts";
import { describePresence } from "./contract/presence.ts";
import { describePublishing } from "./contract/publishing.ts";
import { describeSchedules } from "./contract/schedules.ts";
import type { Capabilities, OpenEngine } from "./stage.ts";

export type { Capabilities, Engine, OpenEngine } from "./stage.ts";

/**
 * What every broker must hold.
 *
 * @param name its name
 * @param open opens an engine of its own for a test
 * @param capabilities what the engine can be put through: it has the methods that go with it
 */
export function describeBroker(name: string, open: OpenEngine, capabilities: Capabilities = {}): void {
  describe(name, () => {
    describePublishing(open, capabilities);
    describePast(open);
    describePresence(open, capabilities);
    describeClosing(open);
    describeInterruption(open, capabilities);
    describeSchedules(open, capabilities);
  });
}
