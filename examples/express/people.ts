/** The `people` service: who is here, and with how many pages. */
import * as v from "valibot";
import { defineService, type ConnectionHandle } from "../../mod.ts";
import { peopleClient } from "./people-client.ts";

/** More are not listed. */
const LISTED = 50;

export const people = defineService({
  ...peopleClient,
  down: v.array(v.object({ name: v.string(), pages: v.number() })),
  server: (host) => {
    const names = new Map<string, string>();
    const tell = (): void => {
      const pages = new Map<string, number>();
      for (const name of names.values()) pages.set(name, (pages.get(name) ?? 0) + 1);
      const all = [...pages].map(([name, count]) => ({ name, pages: count }));
      // Visitors without a name come last.
      all.sort((a, b) => Number(a.name === "") - Number(b.name === "") || a.name.localeCompare(b.name));
      host.broadcast(all.slice(0, LISTED));
    };
    host.onconnect(({ id }) => {
      names.set(id, "");
      tell();
    });
    host.ondisconnect(({ id }) => {
      names.delete(id);
      tell();
    });
    return {
      /** Whose connection it is. */
      seen: ({ id }: Pick<ConnectionHandle, "id">, name = ""): void => {
        if (names.get(id) === name) return;
        names.set(id, name);
        tell();
      },
    };
  },
});
