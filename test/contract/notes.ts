import * as v from "valibot";
import { defineService } from "../../mod.ts";

/** What happens to notes. */
export interface Note {
  readonly text: string;
  readonly by: string;
}

/** A service of one's own, with all that a service can have: storage, assets, events, who comes and goes. */
export const notes = defineService({
  kind: "notes",
  codec: "json",
  up: v.string(),
  down: v.custom<{ readonly added: string }>(() => true),
  events: { noted: v.object({ text: v.string(), service: v.string() }) },
  assets: [
    { name: "notes/notes.css", type: "text/css; charset=utf-8", content: "li { color: teal }" },
    { name: "notes/dot.bin", type: "application/octet-stream", content: Uint8Array.of(0, 255, 1) },
  ],
  client: (host) => ({
    add: (text: string) => host.call<number>(text),
    tell: (text: string) => host.send(text),
    onAdded: (listener: (text: string) => void) => host.onmessage(({ added }) => listener(added)),
  }),
  server: (host) => {
    const present = new Set<string>();
    host.onconnect(({ id }) => present.add(id));
    host.ondisconnect(({ id }) => present.delete(id));
    host.onmessage((text, { connection }) => host.broadcast({ added: text }, { except: connection }));
    host.oncall(async (text) => {
      await host.storage.setItem(`note:${text}`, { text });
      host.events.emit("noted", { text, service: host.name });
      host.broadcast({ added: text });
      return (await host.storage.getKeys("note")).length;
    });
    return {
      /** Whose connections are there. */
      present: (): readonly string[] => [...present],
      find: (text: string) => host.storage.getItem<{ text: string }>(`note:${text}`),
    };
  },
});
