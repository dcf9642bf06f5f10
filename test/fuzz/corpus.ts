import { readFileSync } from "node:fs";
import type { Mood } from "./app.ts";
import { Enemy } from "./enemy.ts";
import { unkeepPacket, type Kept } from "./grammar.ts";
import { Impostor } from "./impostor.ts";
import type { Script } from "./campaign.ts";

/** Something that was once found, or that is known to be worth a look: a seed, or packets for one of the ends. */
export interface CorpusEntry {
  /** What it is about. */
  readonly what: string;
  /** The seed of a campaign. */
  readonly seed?: number;
  /** Which end gets the packets: the app, or a client whose server this is. */
  readonly to?: "server" | "client";
  readonly packets?: readonly Kept[];
  /** How the app's middleware treats the packets' sender. */
  readonly mood?: Mood;
}

/** The entries of `corpus.json`. */
export function readCorpus(): readonly CorpusEntry[] {
  return JSON.parse(readFileSync(new URL("corpus.json", import.meta.url), "utf8")) as CorpusEntry[];
}

/** Feeds packets to an end, one after the other, and lets it work. */
export function replay({ to = "server", packets = [], mood = "plain" }: CorpusEntry): Script {
  return async (world) => {
    const session = to === "server" ? new Enemy(world, mood, 0) : new Impostor(world, 0);
    if (session instanceof Enemy) await session.enter(["prism.1"]);
    for (const packet of packets) {
      // A client that was cut off comes again.
      await world.advance(500);
      session.feed(unkeepPacket(packet));
      await world.settle();
      session.judge();
      await world.bystander.check();
    }
    return [session];
  };
}
