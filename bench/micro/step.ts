/** A step of what happens to a message, to be measured. */
export interface Step {
  readonly name: string;
  /** How many of them a run does. */
  readonly operations: number;
  /** Does them, and throws where they did not come to what they should. */
  run(): void | Promise<void>;
}

/** Steps that belong together. */
export interface Group {
  readonly name: string;
  prepare(): Promise<readonly Step[]>;
}

/** Messages that come together, as in one packet. */
export const TOGETHER = 16;

/** Fails where something is not so: a step that does nothing is quick. */
export function must(truth: boolean, what: string): void {
  if (!truth) throw new Error(what);
}
