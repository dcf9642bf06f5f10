import type { Frame } from "../wire/frames.ts";
import type { Traffic } from "./link.ts";

const NONE: readonly Frame[] = [];

/** Stands for the connection of a socket from which nothing is taken any more, though it is still open. */
export const deaf: Traffic = {
  drain: () => NONE,
  acknowledge() {},
  acknowledgement: () => undefined,
  receive() {},
};
