import type { Rpc } from "./dialect.ts";
import { toClientFrames } from "./frames.ts";

interface Node {
  frames: Buffer | undefined;
  readonly next: (Node | undefined)[];
}

/** How much is kept, in bytes. */
const KEPT = 64 * 1_048_576;

/** What is written for some ids, built when it is first wanted. */
export class Requests {
  readonly #rpc: Rpc;
  readonly #root: Node = { frames: undefined, next: [] };
  #kept = 0;

  constructor(rpc: Rpc) {
    this.#rpc = rpc;
  }

  /** @param ids in the order in which they are asked for */
  of(ids: readonly number[]): Buffer {
    let node = this.#root;
    for (let i = 0; i < ids.length; i++) node = node.next[ids[i]!] ??= { frames: undefined, next: [] };
    if (node.frames !== undefined) return node.frames;
    const frames = toClientFrames(this.#rpc.requests(ids));
    if (this.#kept < KEPT) {
      node.frames = frames;
      this.#kept += frames.length;
    }
    return frames;
  }
}
