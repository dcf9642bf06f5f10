/** The `room` service: who is watching, and a chat beside the charts. */
import * as v from "valibot";
import { defineService } from "../../mod.ts";

const limits = {
  /** Characters of a name and of a message. */
  name: 24,
  text: 500,
  /** Messages that a newcomer gets to see. */
  kept: 50,
  /** People listed; beyond that only their number is told. */
  listed: 100,
  /** Requests that one connection may make at once, and one more for each so many ms. */
  burst: 6,
  refill: 1000,
};

const characters = new Intl.Segmenter();

/** One line, without control characters or the marks that turn text around, cut between characters as people see them. */
const line = (length: number) =>
  v.pipe(
    v.string(),
    v.maxLength(8 * length),
    v.transform((text) => {
      const tidy = text.replace(/[\p{Cc}\s\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gu, " ").trim();
      return Array.from(characters.segment(tidy), ({ segment }) => segment)
        .slice(0, length)
        .join("")
        .trim();
    }),
    v.nonEmpty(),
  );

/** What a visitor sends. */
const Up = v.variant("type", [
  v.object({ type: v.literal("name"), name: line(limits.name) }),
  v.object({ type: v.literal("say"), text: line(limits.text) }),
]);

const Person = v.object({ id: v.string(), name: v.string() });
const Message = v.object({
  id: v.string(),
  /** The speaker's id and the name that they had then. */
  from: v.string(),
  name: v.string(),
  text: v.string(),
  at: v.number(),
});

/** What a visitor gets. */
const Down = v.variant("type", [
  v.object({ type: v.literal("welcome"), you: v.string(), messages: v.array(Message) }),
  v.object({ type: v.literal("people"), count: v.number(), people: v.array(Person) }),
  v.object({ type: v.literal("said"), message: Message }),
  v.object({ type: v.literal("refused"), reason: v.string() }),
]);

export type RoomEvent = v.InferOutput<typeof Down>;
export type Person = v.InferOutput<typeof Person>;
export type Message = v.InferOutput<typeof Message>;

/** A connection to the room. */
interface Visitor {
  readonly id: string;
  /** Empty until they have said it. */
  name: string;
  /** Requests that are left, as of a time. */
  tokens: number;
  at: number;
}

export const room = defineService({
  kind: "room",
  codec: "json",
  up: Up,
  down: Down,
  client: (host) => {
    let joined: string | undefined;
    const join = (name: string): void => host.send({ type: "name", name: name });
    // A new connection is a stranger to the server, until it hears the name again.
    host.onreset(() => {
      if (joined) join(joined);
    });
    return {
      /** Calls `hear` with everything that happens in the room. */
      onEvent: (hear: (event: RoomEvent) => void) => host.onmessage(hear),
      /** Joins under a name, or changes it. */
      name: (name: string) => {
        joined = name;
        join(name);
      },
      say: (text: string) => host.send({ type: "say", text: text }),
    };
  },
  server: (host) => {
    const visitors = new Map<object, Visitor>();
    let messages: Message[] = [];
    const loaded = host.storage.getItem("messages").then(
      (kept) => {
        const known = v.safeParse(v.array(Message), kept);
        if (known.success) messages = known.output;
      },
      (error: unknown) => host.log.warn("The chat's messages cannot be read", error),
    );

    const tellPeople = (): void => {
      const named = [...visitors.values()].filter(({ name }) => name);
      const people = named.slice(0, limits.listed).map(({ id, name }) => ({ id, name }));
      host.broadcast({ type: "people", count: named.length, people });
    };

    host.onconnect(async (connection) => {
      const visitor: Visitor = { id: crypto.randomUUID(), name: "", tokens: limits.burst, at: performance.now() };
      visitors.set(connection, visitor);
      await loaded;
      host.send(connection, { type: "welcome", you: visitor.id, messages });
    });
    host.ondisconnect((connection) => {
      visitors.delete(connection);
      tellPeople();
    });
    host.onmessage((request, { connection }) => {
      const visitor = visitors.get(connection);
      if (!visitor) return;
      const now = performance.now();
      visitor.tokens = Math.min(limits.burst, visitor.tokens + (now - visitor.at) / limits.refill);
      visitor.at = now;
      if (visitor.tokens < 1) {
        host.send(connection, { type: "refused", reason: "That was a little fast. Wait a moment." });
        return;
      }
      visitor.tokens -= 1;

      if (request.type === "name") {
        visitor.name = request.name;
        tellPeople();
        return;
      }
      const message: Message = {
        id: crypto.randomUUID(),
        from: visitor.id,
        name: visitor.name || "Someone",
        text: request.text,
        at: Date.now(),
      };
      messages = [...messages, message].slice(-limits.kept);
      host.broadcast({ type: "said", message });
      host.storage
        .setItem("messages", messages)
        .catch((error: unknown) => host.log.warn("The chat's messages cannot be kept", error));
    });
    return {};
  },
});
