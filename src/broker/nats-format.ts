import type { Body } from "../wire/frames.ts";
import { fromUtf8, toUtf8 } from "../wire/utf8.ts";
import type { EntryChange } from "./broker.ts";
import type { NatsHeaders } from "./nats-connection.ts";

/** The header of all that Prism sends: what it is, its number, and the epoch. */
export const LABEL = "Prism";

/** What a message is: a text, bytes, a change of who is in a channel, or the name of an epoch that has no message yet. */
export type Kind = "t" | "b" | "c" | "e";

/** What stands in the header. */
export interface Label {
  readonly kind: Kind;
  /** Its offset or its version; 0 where nobody numbers it. */
  readonly number: number;
  readonly epoch: string;
}

/** A message that a stream keeps. */
export interface Stored extends Label {
  /** Where it stands in the stream. */
  readonly seq: number;
  readonly data: Uint8Array;
}

/**
 * A channel's name as one token of a subject (docs.nats.io, "Subject-Based Messaging").
 *
 * @param channel the name
 * @returns a token without `.`, `*` and `>`, which no other name has
 */
export function toToken(channel: string): string {
  return channel.replace(/[%.*>]/g, (character) => `%${character.charCodeAt(0).toString(16)}`);
}

export function writeLabel({ kind, number, epoch }: Label): string {
  return number === 0 && epoch === "" ? kind : `${kind} ${number} ${epoch}`.trimEnd();
}

/** The label of a message, or nothing where it is none of Prism's. */
export function readLabel(text: string | undefined): Label | undefined {
  const [, kind, number, epoch] = /^([tbce])(?: (\d{1,15})(?: ([\w-]+))?)?$/.exec(text ?? "") ?? [];
  return kind === undefined ? undefined : { kind: kind as Kind, number: Number(number ?? 0), epoch: epoch ?? "" };
}

export function kindOf(body: Body): Kind {
  return typeof body === "string" ? "t" : "b";
}

export function toData(body: Body): Uint8Array {
  return typeof body === "string" ? toUtf8(body) : body;
}

/** @throws {WireError} if it should be a text and is none */
export function toBody({ kind }: Label, data: Uint8Array): Body {
  return kind === "t" ? fromUtf8(data) : data;
}

/** What a change tells, but for its version. */
export function writeChange(node: string, key: string, state: string | undefined): Uint8Array {
  return toUtf8(JSON.stringify(state === undefined ? [node, key] : [node, key, state]));
}

/** @throws {Error} if it is no change */
export function readChange({ number }: Label, data: Uint8Array): EntryChange {
  const [node, key, state] = JSON.parse(fromUtf8(data)) as [string, string, string?];
  return { node, key, state, version: number };
}

/** What a pull consumer brings: where it stands is in the subject for its acknowledgement. */
export function fromPulled(reply: string | undefined, headers: NatsHeaders | undefined, data: Uint8Array): Stored {
  const tokens = (reply ?? "").split(".");
  const seq = Number(tokens.length > 9 ? tokens[7] : tokens[5]);
  return { ...(readLabel(headers?.get(LABEL)) ?? { kind: "b", number: 0, epoch: "" }), seq, data };
}

/** The epoch that a message of the kind `e` names: by its place, too, so that one that is stored again names another. */
export function toEpoch(name: string, seq: number): string {
  return `${name}-${seq}`;
}

/** What STREAM.MSG.GET answers. */
export function fromRaw(raw: { seq: number; hdrs?: string; data?: string }): Stored {
  const [, label] = /^Prism: (.*)\r$/m.exec(atob(raw.hdrs ?? "")) ?? [];
  const text = atob(raw.data ?? "");
  const data = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) data[at] = text.charCodeAt(at);
  const { kind, number, epoch } = readLabel(label) ?? { kind: "b", number: 0, epoch: "" };
  return { kind, number, epoch: kind === "e" ? toEpoch(epoch, raw.seq) : epoch, seq: raw.seq, data };
}
