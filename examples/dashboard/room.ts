/** The `chat` channel, with who is watching, and the procedure that gives them a name. */
import * as v from "valibot";
import { channel, type PubsubServer } from "../../src/services/pubsub/server.ts";
import { procedure, rpc } from "../../src/services/rpc/server.ts";

/** What is known of a visitor: all tabs of a browser share it. */
export interface Shape {
  session: { name?: string };
}

const limits = {
  /** Characters of a name and of a message. */
  name: 24,
  text: 500,
  /** Messages that are kept, and for how long, in ms. */
  kept: 50,
  age: 24 * 3_600_000,
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

const Message = v.object({
  id: v.string(),
  /** The name that the speaker had then. */
  name: v.string(),
  text: v.string(),
  at: v.number(),
});

export const chat = channel.with<Shape>()({
  message: Message,
  input: v.object({ text: line(limits.text) }),
  publish: ({ text }, { session }) => ({
    id: crypto.randomUUID(),
    name: session.data.name ?? "Someone",
    text,
    at: Date.now(),
  }),
  subscribe: true,
  // The session says who it is, so that somebody with two tabs counts once. Without a name until they have said it.
  presence: ({ session }) => ({ id: session.id, name: session.data.name ?? "" }),
  history: { size: limits.kept, ttl: limits.age },
});

/** @param live Tells the others. */
export const people = (live: Pick<PubsubServer<never, never>, "refreshPresence">) =>
  rpc({
    rename: procedure.with<Shape>()(line(limits.name), async (name, { connection, session }) => {
      session.data.name = name;
      await session.save();
      await live.refreshPresence(connection);
    }),
  });
