/** The client half of `people`, in a file of its own: the page's bundle takes nothing else. */
import { defineClient } from "../../mod.ts";

/** Somebody who is here. */
export interface Person {
  /** Empty for visitors who have not signed in. */
  readonly name: string;
  /** How many of their pages are open. */
  readonly pages: number;
}

export const peopleClient = defineClient({
  kind: "people",
  codec: "json",
  client: (host) => ({
    /** Calls `hear` with everyone who is here, whenever that changes. */
    onPeople: (hear: (people: readonly Person[]) => void) =>
      host.onmessage((message) => hear(message as readonly Person[])),
  }),
});
